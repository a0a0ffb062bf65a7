import Foundation
import GraftCompute
import GraftTensors

/// Numbers of each rank that are added up.
public struct RankSum: Sendable {
  /// How many numbers, the same on every rank.
  public let count: Int
  /// What they are sent in. They are added up in float32 in any case, and the sum is rounded again to be sent.
  public let precision: Precision
  /// Writes this rank's numbers.
  let read: @Sendable (UnsafeMutablePointer<Float>) -> Void
  /// Takes the sums, which have the same bits on every rank.
  let write: @Sendable (UnsafePointer<Float>) -> Void

  /// - Parameters:
  ///   - count: How many numbers.
  ///   - precision: What they are sent in.
  ///   - read: Writes this rank's numbers; it may be called on another thread, some time later.
  ///   - write: Takes the sums, on the same thread as `read`.
  public init(
    count: Int, in precision: Precision, read: @escaping @Sendable (UnsafeMutablePointer<Float>) -> Void,
    write: @escaping @Sendable (UnsafePointer<Float>) -> Void
  ) {
    (self.count, self.precision, self.read, self.write) = (count, precision, read, write)
  }
}

/// A sum that goes on.
public final class PendingSum: @unchecked Sendable {
  // Guarded by the condition.
  private let condition = NSCondition()
  private var result: Result<Void, any Error>?

  public init() {}

  /// Waits until the sums are written.
  ///
  /// - Throws: `GraftError` naming the ranks that did not come.
  public func wait() throws {
    condition.lock()
    defer { condition.unlock() }
    while true {
      if let result { return try result.get() }
      condition.wait()
    }
  }

  public func end(with result: Result<Void, any Error>) {
    condition.lock()
    defer { condition.unlock() }
    self.result = result
    condition.broadcast()
  }
}

/// Memory in which sums are made, used again from one to the next.
final class SumBuffers {
  private let (own, received, total) = (Room<Float>(), Room<Float>(), Room<Float>())
  private let (sentHalves, receivedHalves) = (Room<BFloat16>(), Room<BFloat16>())

  /// Memory that grows.
  private final class Room<Element: BitwiseCopyable> {
    private var memory = UnsafeMutableBufferPointer<Element>(start: nil, count: 0)

    func start(_ count: Int) -> UnsafeMutablePointer<Element> {
      if count > memory.count || memory.baseAddress == nil {
        memory.deallocate()
        memory = .allocate(capacity: max(1, count))
      }
      guard let start = memory.baseAddress else { preconditionFailure("memory without an address") }
      return start
    }

    deinit { memory.deallocate() }
  }

  /// Adds up.
  ///
  /// Each rank adds up a part of the numbers, in the order of ranks, and all receive what the others have added up: every
  /// rank sends and receives each number twice, however many ranks there are, and all have the same bits.
  func add(_ sum: RankSum, over transport: any Transport) throws {
    let size = transport.size
    let block = (sum.count + size - 1) / size
    let own = own.start(block * size)
    sum.read(own)
    (own + sum.count).update(repeating: 0, count: block * size - sum.count)
    switch sum.precision {
    case .float32: try add(own, block, over: transport)
    case .bfloat16: try addRounded(own, block, over: transport)
    }
    sum.write(own)
  }

  private func add(_ own: UnsafeMutablePointer<Float>, _ block: Int, over transport: any Transport) throws {
    let size = transport.size
    let (received, total) = (received.start(block * size), total.start(block))
    try transport.allToAll(own, to: received, blockSize: 4 * block)
    total.update(from: received, count: block)
    for rank in 1..<max(1, size) {
      let addend = received + rank * block
      for i in 0..<block { total[i] += addend[i] }
    }
    try transport.allGather(total, to: own, blockSize: 4 * block)
  }

  private func addRounded(
    _ own: UnsafeMutablePointer<Float>, _ block: Int, over transport: any Transport
  ) throws {
    let size = transport.size
    let (sent, received) = (sentHalves.start(block * size), receivedHalves.start(block * size))
    let total = total.start(block)
    for i in 0..<block * size { sent[i] = BFloat16(own[i]) }
    try transport.allToAll(sent, to: received, blockSize: 2 * block)
    for i in 0..<block { total[i] = Float(received[i]) }
    for rank in 1..<max(1, size) {
      let addend = received + rank * block
      for i in 0..<block { total[i] += Float(addend[i]) }
    }
    for i in 0..<block { sent[i] = BFloat16(total[i]) }
    try transport.allGather(sent, to: received, blockSize: 2 * block)
    for i in 0..<block * size { own[i] = Float(received[i]) }
  }
}
