import Dispatch
import GraftCompute

/// How fast the ranks of a group add up numbers and have all of the sums.
public struct RankSpeed: Sendable, Equatable {
  /// How long one number takes, in seconds.
  public let latency: Double
  /// How many bytes of float32 a second are added up, when they are many; by what they are sent in.
  public let bandwidth: [Precision: Double]
  /// Seconds of a core that a byte of float32 takes, which goes out to be added up or comes back, while ranks compute; 0
  /// where that is not known.
  public let work: Double

  init(latency: Double, bandwidth: [Precision: Double], work: Double = 0) {
    (self.latency, self.bandwidth, self.work) = (latency, bandwidth, work)
  }

  /// Measures for some seconds. Every rank calls it.
  ///
  /// - Parameter megabytes: How many are added up at once to measure the bandwidth.
  /// - Throws: What goes wrong between ranks.
  public init(of group: any ProcessGroup, megabytes: Int = 64) throws {
    let shares = RankShares(rank: group.rank, size: group.size)
    // As many at once as a step of training sends.
    let places = GroupReduction.usualBucketSize
    func start(_ numbers: Tensor, _ precision: Precision) -> [PendingSum] {
      let length = shares.length(of: numbers.count)
      let buckets = stride(from: 0, to: length, by: places).map { first in
        BucketMemory([(numbers, first..<min(length, first + places))], shares, isCopied: false)
      }
      return buckets.map { group.start(RankSum(in: precision, $0.numbers)) }
        + buckets.map { group.start(RankSpread(in: precision, $0.numbers)) }
    }
    /// The middle one of what is measured of so many exchanges.
    func middle(
      count: Int, repeats: Int, _ measure: (Tensor) throws -> Double
    ) throws -> Double {
      let numbers = Tensor(repeating: 1, shape: [count])
      let all = try (0..<repeats).map { _ in
        _ = try group.gather([])
        return try measure(numbers)
      }
      return all.sorted()[repeats / 2]
    }
    func seconds(count: Int, _ precision: Precision, repeats: Int) throws -> Double {
      try middle(count: count, repeats: repeats) { numbers in
        let begun = DispatchTime.now().uptimeNanoseconds
        for exchange in start(numbers, precision) { try exchange.wait() }
        return Double(DispatchTime.now().uptimeNanoseconds - begun) / 1e9
      }
    }
    latency = try seconds(count: 1, .float32, repeats: 51)
    let count = megabytes << 18
    bandwidth = try Precision.allCases.reduce(into: [:]) {
      $0[$1] = Double(4 * count) / max(1e-9, try seconds(count: count, $1, repeats: 5))
    }
    let taken = try middle(count: count, repeats: 3) { numbers in
      let before = group.work
      for exchange in start(numbers, .float32) { try exchange.waitAside() }
      return (group.work - before).processor
    }
    // Of each number the other ranks' parts go out, and come back.
    let bytes = 8 * Double(count) * Double(group.size - 1) / Double(group.size)
    work = bytes > 0 ? taken / bytes : 0
  }
}
