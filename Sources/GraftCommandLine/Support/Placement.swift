import Foundation

/// Where a rank may run.
struct Placement: Codable, Equatable {
  let host: String
  /// The numbers of the CPUs that it may run on.
  let allowed: Set<Int>
  /// How many it could run on if nobody had bound it to some.
  let available: Int

  init(host: String, allowed: Set<Int>, available: Int) {
    (self.host, self.allowed, self.available) = (host, allowed, available)
  }

  /// This process's.
  init(host: String) {
    self.init(
      host: host, allowed: Self.numbers(Machine.allowedCPUs ?? ""), available: Machine.availableCPUs)
  }

  /// The numbers of a list as Linux writes it: `0-3,8`.
  static func numbers(_ list: String) -> Set<Int> {
    list.split(separator: ",").reduce(into: []) { numbers, part in
      let ends = part.split(separator: "-").compactMap { Int($0) }
      guard let first = ends.first, let last = ends.last, first <= last else { return }
      numbers.formUnion(first...last)
    }
  }

  /// What to say where the ranks of a machine together leave CPUs idle; of several machines about the first.
  static func warning(_ all: [Placement]) -> String? {
    for placement in all {
      let together = all.filter { $0.host == placement.host }
      let used = together.reduce(into: Set<Int>()) { $0.formUnion($1.allowed) }
      guard !used.isEmpty, used.count < placement.available else { continue }
      let ranks = together.count == 1 ? "the rank" : "the \(together.count) ranks"
      return "\(ranks) on \(placement.host) may use \(used.count) of \(placement.available) CPUs: "
        + "start mpirun with --bind-to none, or srun with more --cpus-per-task"
    }
    return nil
  }
}
