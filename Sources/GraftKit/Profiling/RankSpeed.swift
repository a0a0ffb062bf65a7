import Dispatch
import GraftCompute

/// How fast the ranks of a group add up numbers and have all of the sums.
public struct RankSpeed: Sendable, Equatable {
  /// How long one number takes, in seconds.
  public let latency: Double
  /// How many bytes of float32 a second are added up, when they are many; by what they are sent in.
  public let bandwidth: [Precision: Double]

  /// Measures for some seconds. Every rank calls it.
  ///
  /// - Parameter megabytes: How many are added up at once to measure the bandwidth.
  /// - Throws: What goes wrong between ranks.
  public init(of group: any ProcessGroup, megabytes: Int = 64) throws {
    // As many at once as a step of training sends.
    let part = group.size << 17
    func seconds(count: Int, _ precision: Precision, repeats: Int) throws -> Double {
      var all: [Double] = []
      for _ in 0..<repeats {
        _ = try group.gather([])
        let start = DispatchTime.now().uptimeNanoseconds
        for first in stride(from: 0, to: count, by: part) {
          let count = (min(part, count - first) + group.size - 1) / group.size
          try group.start(
            RankSum(
              count: count, in: precision, read: { $1.update(repeating: 1, count: count) }, write: { _ in })
          ).wait()
          try group.start(
            RankSpread(
              count: count, in: precision, read: { $0.update(repeating: 1, count: count) },
              write: { _, _ in })
          ).wait()
        }
        all.append(Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9)
      }
      return all.sorted()[repeats / 2]
    }
    latency = try seconds(count: 1, .float32, repeats: 51)
    let count = megabytes << 18
    bandwidth = try Precision.allCases.reduce(into: [:]) {
      $0[$1] = Double(4 * count) / max(1e-9, try seconds(count: count, $1, repeats: 5))
    }
  }
}
