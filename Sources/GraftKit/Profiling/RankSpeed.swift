import Dispatch
import GraftCompute
import GraftTensors

/// How fast the ranks of a group add up numbers and have all of the sums.
public struct RankSpeed: Sendable, Equatable {
  /// What is measured.
  public enum Way: Sendable {
    /// What a step of training does. On one machine gradients in float32 are added up in memory that the ranks share, those
    /// in bfloat16 are sent, and weights stay where all have them. On several machines it is as in ``sending``.
    case training
    /// What ranks send each other, wherever they are: gradients, and then the weights, which are in float32 always.
    case sending
  }

  /// How long one number takes that is sent, in seconds.
  public let latency: Double
  /// How many bytes of gradients in float32 a second are added up, when they are many; by what they are sent in.
  public let bandwidth: [Precision: Double]
  /// Whether what is not sent in bfloat16 was added up in shared memory. Nothing of it says how fast ranks send.
  public let isShared: Bool
  /// CPU time of the thread that communicates, in seconds, for a byte of float32 that goes out to be added up or comes back,
  /// with adding it up; 0 where nothing is sent.
  public let cpuSecondsPerByte: Double

  init(
    latency: Double, bandwidth: [Precision: Double], isShared: Bool = false, cpuSecondsPerByte: Double = 0
  ) {
    (self.latency, self.bandwidth) = (latency, bandwidth)
    (self.isShared, self.cpuSecondsPerByte) = (isShared, cpuSecondsPerByte)
  }

  /// Measures for some seconds. Every rank calls it.
  ///
  /// - Parameters:
  ///   - way: What is measured; what a byte takes of the cores only where all are sent.
  ///   - megabytes: How many are added up at once to measure the bandwidth.
  /// - Throws: What goes wrong between ranks.
  public init(of group: any ProcessGroup, _ way: Way = .sending, megabytes: Int = 64) throws {
    let shares = RankShares(rank: group.rank, size: group.size)
    // As many at once as a step of training sends.
    let places = GroupReduction.usualBucketSize
    let count = megabytes << 18
    let shared = try way == .training ? SharedGradients(long: [], copyCount: count, in: group) : nil
    func start(_ numbers: Tensor, _ precision: Precision, spreading: Bool = true) -> [PendingSum] {
      let length = shares.length(of: numbers.count)
      let buckets = stride(from: 0, to: length, by: places).map { first in
        BucketMemory([(numbers, first..<min(length, first + places))], shares, isCopied: false)
      }
      let sums = buckets.map { group.start(RankSum(in: precision, $0.numbers)) }
      guard spreading else { return sums }
      return sums + buckets.map { group.start(RankSpread(in: .float32, $0.numbers)) }
    }
    /// The sums alone: all have the weights where they are.
    func start(_ shared: SharedGradients) -> [PendingSum] {
      shared.begin()
      let (length, copy) = (shares.length(of: count), shared.copy([count]))
      return stride(from: 0, to: length, by: places).map { first in
        let places = first..<min(length, first + places)
        let memory = BucketMemory([(copy.tensor, places)], shares, isCopied: false)
        let begin = copy.place + shares.elements(of: count, on: group.rank, at: places).lowerBound
        return group.start(RankSum(memory.numbers, shared: { shared.numbers(at: begin, on: $0) }))
      }
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
    func seconds(count: Int, repeats: Int, _ start: (Tensor) -> [PendingSum]) throws -> Double {
      try middle(count: count, repeats: repeats) { numbers in
        let begun = DispatchTime.now().uptimeNanoseconds
        for exchange in start(numbers) { try exchange.wait() }
        return Double(DispatchTime.now().uptimeNanoseconds - begun) / 1e9
      }
    }
    isShared = shared != nil
    latency = try seconds(count: 1, repeats: 51) { start($0, .float32) }
    bandwidth = try Precision.allCases.reduce(into: [:]) { bandwidth, precision in
      let taken = try seconds(count: count, repeats: 5) { numbers in
        if precision == .float32, let shared { return start(shared) }
        return start(numbers, precision, spreading: shared == nil)
      }
      bandwidth[precision] = Double(4 * count) / max(1e-9, taken)
    }
    // Nobody gives up what another one still reads.
    try group.meet()
    guard shared == nil else {
      cpuSecondsPerByte = 0
      return
    }
    let taken = try middle(count: count, repeats: 3) { numbers in
      let before = group.communication
      for exchange in start(numbers, .float32) { try exchange.waitInBackground() }
      return (group.communication - before).cpuSeconds
    }
    // Of each number the other ranks' parts go out, and come back.
    let bytes = 8 * Double(count) * Double(group.size - 1) / Double(group.size)
    cpuSecondsPerByte = bytes > 0 ? taken / bytes : 0
  }
}
