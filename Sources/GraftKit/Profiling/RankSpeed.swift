import Dispatch
import GraftCompute

/// How fast the ranks of a group add up numbers and have all of the sums.
public struct RankSpeed: Sendable, Equatable {
  /// How long one number takes, in seconds.
  public let latency: Double
  /// How many bytes of float32 a second are added up, when they are many; by what they are sent in.
  public let bandwidth: [Precision: Double]

  init(latency: Double, bandwidth: [Precision: Double]) {
    (self.latency, self.bandwidth) = (latency, bandwidth)
  }

  /// Measures for some seconds. Every rank calls it.
  ///
  /// - Parameter megabytes: How many are added up at once to measure the bandwidth.
  /// - Throws: What goes wrong between ranks.
  public init(of group: any ProcessGroup, megabytes: Int = 64) throws {
    let shares = RankShares(rank: group.rank, size: group.size)
    // As many at once as a step of training sends.
    let places = GroupReduction.usualBucketSize
    func seconds(count: Int, _ precision: Precision, repeats: Int) throws -> Double {
      let numbers = Tensor(repeating: 1, shape: [count])
      var all: [Double] = []
      for _ in 0..<repeats {
        _ = try group.gather([])
        let start = DispatchTime.now().uptimeNanoseconds
        let buckets = stride(from: 0, to: shares.length(of: count), by: places).map { first in
          BucketMemory(
            [(numbers, first..<min(shares.length(of: count), first + places))], shares, isCopied: false)
        }
        let pending =
          buckets.map { group.start(RankSum(in: precision, $0.numbers)) }
          + buckets.map { group.start(RankSpread(in: precision, $0.numbers)) }
        for exchange in pending { try exchange.wait() }
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
