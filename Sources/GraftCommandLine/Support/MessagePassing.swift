import GraftCompute
import GraftKit
import GraftMPI
import GraftTensors

/// The MPI of this machine, and how fast the ranks are that it started.
struct MessagePassing {
  /// The file and the version of the library; what is missing when there is none.
  private let library: Result<TransportLibrary, GraftError>
  private let hosts: [String]
  private let threads: Int?
  private let speed: RankSpeed?

  /// Looks for MPI, and measures where there are several ranks.
  static func examine(_ group: any ProcessGroup, _ console: Console) throws -> MessagePassing {
    // That of the ranks is the one that connects them, whatever else is installed.
    let library = Result { () throws(GraftError) in
      if let group = group as? ConnectedGroup { return group.library }
      return try MPI.installed()
    }
    guard group.size > 1 else {
      return MessagePassing(library: library, hosts: [], threads: nil, speed: nil)
    }
    console.note("measuring how fast \(Format.count(group.size, "rank")) add up …")
    return MessagePassing(
      library: library, hosts: group.hosts, threads: try Ranks.threads(of: group, console),
      speed: try RankSpeed(of: group, .training))
  }

  var text: String {
    let found =
      switch library {
      case .success(let library): "\(library.version) (\(library.fileName))"
      case .failure:
        "none: training on several machines needs Open MPI (the Debian package openmpi-bin) or MPICH"
      }
    var rows = [["MPI", found]]
    if let speed {
      let counts = hosts.reduce(into: [(host: String, count: Int)]()) { counts, host in
        if let index = counts.firstIndex(where: { $0.host == host }) {
          counts[index].count += 1
        } else {
          counts.append((host, 1))
        }
      }
      rows += [
        ["ranks", "\(hosts.count): " + counts.map { "\($0.count) on \($0.host)" }.joined(separator: ", ")],
        ["threads a rank", "\(threads ?? 1)"],
        ["adding up", "\(Format.rate(speed.latency * 1e6)) µs for one number"],
      ]
      rows += Precision.allCases.compactMap { precision in
        speed.bandwidth[precision].map {
          let isShared = speed.isShared && precision == .float32
          let way = isShared ? "in memory that the ranks share" : "sent in \(precision.rawValue)"
          return ["", "\(Format.rate($0 / 1e9)) GB/s of gradients, \(way)"]
        }
      }
    } else if case .success = library {
      rows.append(["ranks", "1; 'mpirun -n 2 graft doctor' measures how fast they add up gradients"])
    }
    return Format.table(rows)
  }

  var json: JSON {
    var members: [(String, JSON)] =
      switch library {
      case .success(let library):
        [("library", .string(library.fileName)), ("version", .string(library.version))]
      case .failure: [("library", .null), ("version", .null)]
      }
    if let speed {
      members += [
        ("hosts", .list(hosts)), ("threads_of_a_rank", JSON(threads ?? 1)),
        ("latency_microseconds", JSON(speed.latency * 1e6)), ("shares_memory", JSON(speed.isShared)),
        (
          "gradient_gigabytes_per_second",
          .object(
            Precision.allCases.compactMap { precision in
              speed.bandwidth[precision].map { (precision.rawValue, JSON($0 / 1e9)) }
            })
        ),
      ]
    }
    return .object(members)
  }
}
