import GraftTensors

/// What started this process as one of several, as the environment tells.
public struct MPILauncher: Sendable, Equatable {
  /// Whose calls the library takes: how it hands out communicators and types.
  enum Interface: Sendable, Equatable {
    case openMPI, mpich
  }

  /// What people call it.
  public let name: String
  /// How many processes it started; `nil` where the library alone knows.
  public let size: Int?
  /// This one's number, where it says so.
  public let rank: Int?
  /// What libraries it may belong to, the likeliest first.
  let interfaces: [Interface]

  /// The variables that launchers set: number of processes, number of this one.
  private static let known: [(name: String, size: String?, rank: String, interfaces: [Interface])] = [
    ("Open MPI's mpirun", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", [.openMPI]),
    ("a launcher that speaks PMI", "PMI_SIZE", "PMI_RANK", [.mpich, .openMPI]),
    ("a launcher that speaks PMIx", "SLURM_STEP_NUM_TASKS", "PMIX_RANK", [.openMPI, .mpich]),
    ("a launcher that speaks PMIx", nil, "PMIX_RANK", [.openMPI, .mpich]),
  ]

  /// Launchers whose libraries are not known here, and one that starts processes without connecting them.
  private static let others: [(name: String, size: String, advice: Advice)] = [
    ("MVAPICH2", "MV2_COMM_WORLD_SIZE", "Start it with Open MPI's or MPICH's mpirun."),
    ("IBM's jsrun", "JSM_NAMESPACE_SIZE", "Start it with Open MPI's or MPICH's mpirun."),
    (
      "srun without MPI", "SLURM_STEP_NUM_TASKS",
      "Start it with mpirun, or let srun connect the processes: its option 'mpi' set to pmix does."
    ),
  ]

  /// The launcher of this process.
  ///
  /// - Parameter environment: The process's.
  /// - Returns: `nil` of a process that was started alone.
  /// - Throws: `GraftError` when there are several processes by a launcher that is not known.
  public init?(_ environment: [String: String]) throws(GraftError) {
    for (name, sizeName, rankName, interfaces) in Self.known {
      guard let rankText = environment[rankName] else { continue }
      var size: Int?
      if let sizeName {
        guard let text = environment[sizeName] else { continue }
        size = try Self.number(text, sizeName, from: 1)
      }
      if size == 1 { return nil }
      (self.name, self.size, self.interfaces) = (name, size, interfaces)
      rank = try Self.number(rankText, rankName, from: 0)
      return
    }
    for (name, sizeName, advice) in Self.others {
      guard let text = environment[sizeName], try Self.number(text, sizeName, from: 1) > 1 else { continue }
      throw GraftError(
        .unsupported, "\(text) processes were started by \(name), and do not know each other",
        expected: "Open MPI or MPICH", found: "the variable \(sizeName)", advice: advice)
    }
    return nil
  }

  private static func number(_ text: String, _ name: String, from least: Int) throws(GraftError) -> Int {
    guard let number = Int(text), number >= least else {
      throw GraftError(
        .malformed, "what a launcher of processes sets is no number", subject: "variable \(name)",
        expected: "a whole number from \(least) on", found: "'\(text)'")
    }
    return number
  }
}
