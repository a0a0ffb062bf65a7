import ArgumentParser
import Foundation
import GraftCore
import GraftKit
import GraftMPI
import GraftTensors
import OrderedCollections

/// A command that several processes run together when mpirun starts them. All others run in one.
protocol RunsOnRanks: ParsableCommand {
  var ranks: RankFlags { get }

  /// How the command goes on where the machine or the ranks failed.
  static var resumption: String? { get }
}

extension RunsOnRanks {
  static var resumption: String? { nil }
}

/// How ranks work together.
struct RankFlags: ParsableArguments {
  static let usualTimeout = 600

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Give up when another rank does not answer for so long (default: \(usualTimeout)).",
      valueName: "SECONDS"))
  var rankTimeout: Int?

  var timeLimit: Int { rankTimeout ?? Self.usualTimeout }

  func validate() throws {
    guard (1...1_000_000).contains(timeLimit) else {
      throw ValidationError("--rank-timeout must be between 1 and 1000000.")
    }
  }

  /// Says what is given and changes nothing in one process.
  ///
  /// - Parameter others: Further options that are given.
  func noteWhatIsIgnored(_ others: [String] = [], _ console: Console) {
    let given = others + (rankTimeout == nil ? [] : ["--rank-timeout"])
    guard GraftTool.group.size == 1, !given.isEmpty else { return }
    console.note("\(given.joined(separator: " and ")): there is one process; mpirun starts several")
  }
}

/// This process among those that MPI started with it.
enum Ranks {
  /// What started the process; `nil` when it is alone.
  static let launcher = Result { () throws(GraftError) in
    try MPILauncher(ProcessInfo.processInfo.environment)
  }

  /// Makes the ranks other than 0 print nothing but their errors.
  static func silence() throws {
    guard case .success(let launcher?) = launcher, let rank = launcher.rank, rank > 0 else { return }
    let nowhere = open("/dev/null", O_WRONLY)
    guard nowhere >= 0, dup2(nowhere, STDOUT_FILENO) >= 0 else {
      throw GraftError(.system, "cannot be opened", file: "/dev/null")
    }
    close(nowhere)
  }

  /// The group of the process.
  ///
  /// Processes that do not know each other are refused where they would train together. Others may share work by hand,
  /// as a script does that `srun` starts many times.
  ///
  /// - Throws: `GraftError` when there are several processes, and the command is for one, or MPI cannot be used.
  static func join(_ command: any ParsableCommand) throws -> any ProcessGroup {
    let runsOnRanks = command as? any RunsOnRanks
    if runsOnRanks == nil, case .failure = launcher { return SingleProcess() }
    guard let launcher = try launcher.get() else { return SingleProcess() }
    guard let command = runsOnRanks else {
      if launcher.size == nil {
        let group = try MPI.group(launcher, timeLimit: RankFlags.usualTimeout)
        // Or mpirun has much to say about processes that left without a word.
        try group.close()
        if group.size == 1 { return SingleProcess() }
      }
      throw GraftError(
        .refused, "'\(type(of: command).configuration.commandName ?? "")' runs in one process",
        found: "\(launcher.size.map(String.init) ?? "several"), started by \(launcher.name)",
        advice: """
          Start it alone. Only train, run, evaluate, predict, tag, answer, embed, rerank, fill-mask and doctor run \
          on ranks.
          """)
    }
    let group = try MPI.group(launcher, timeLimit: command.ranks.timeLimit)
    guard group.size > 1 else {
      try group.close()
      return SingleProcess()
    }
    // Before ranks go different ways.
    try group.requireSame(["version": .string(graftVersion), "command": .list(CommandLine.arguments)])
    return group
  }

  /// Makes sure that all ranks have the same model and compute in the same way.
  ///
  /// - Parameter others: Further things that have to be the same.
  static func requireSame(
    _ checkpoint: Checkpoint, _ session: InferenceSession, _ others: OrderedDictionary<String, JSON> = [:]
  ) throws {
    guard GraftTool.group.size > 1 else { return }
    var facts: OrderedDictionary<String, JSON> = [
      "model": .string(try checkpoint.contentHash()), "kernels": .string(session.backend.summary),
      "precision": .string(session.precision.rawValue),
    ]
    facts.merge(others) { _, other in other }
    try GraftTool.group.requireSame(facts)
  }

  /// How many threads this rank should use: its share of the CPUs that it may run on.
  ///
  /// Says on rank 0 where the ranks of a machine together may use few of its CPUs: launchers bind ranks to cores.
  static func threads(of group: any ProcessGroup, _ console: Console) throws -> Int? {
    guard group.size > 1 else { return nil }
    let own = Placement(host: group.hosts[group.rank])
    let all = try group.gather(Shared.bytes(own)).map { try Shared.value($0) as Placement }
    if let sentence = Placement.warning(all) { console.warn(sentence) }
    return max(1, ProcessInfo.processInfo.activeProcessorCount / all.count { $0 == own })
  }

  /// What people call this process; `nil` when it is alone, or the first of several that do not know each other yet.
  static func name(_ group: (any ProcessGroup)?) -> String? {
    if let group { return group.size > 1 ? group.name(ofRank: group.rank) : nil }
    guard case .success(let launcher?) = launcher else { return nil }
    return launcher.rank.flatMap { $0 > 0 ? "rank \($0)" : nil }
  }

  /// Gives rank 0 the time to say what all would say, and to end all.
  static func waitForLeader(_ group: (any ProcessGroup)?) {
    guard case .success(let launcher?) = launcher, (group?.rank ?? launcher.rank ?? 0) > 0 else { return }
    sleep(2)
  }

  /// Ends the processes of all ranks.
  static func abort(_ group: any ProcessGroup, code: Int32) {
    guard group.size > 1 else { return }
    group.abort(code: code)
    // Until it has ended this one.
    sleep(10)
  }
}
