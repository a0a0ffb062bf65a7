import Foundation

/// Pieces of a large file that several threads receive and one takes in their order.
///
/// Memory is bounded: a piece is given out only when it is not far from the one that is taken.
final class SegmentQueue: @unchecked Sendable {
  /// A piece that one thread fills from its beginning.
  final class Segment {
    let range: Range<Int>
    fileprivate let bytes: UnsafeMutableRawBufferPointer
    /// How many bytes are there; guarded by the queue's condition.
    fileprivate var filled = 0
    fileprivate var taken = 0

    fileprivate init(_ range: Range<Int>, _ bytes: UnsafeMutableRawBufferPointer) {
      self.range = range
      self.bytes = bytes
    }
  }

  /// The thread's work is not wanted any more.
  struct Stopped: Error {}

  private let range: Range<Int>
  private let segmentSize: Int
  private let window: Int
  private let condition = NSCondition()
  // All below is guarded by the condition.
  private var segments: [Segment] = []
  private var next: Int
  private var free: [UnsafeMutableRawBufferPointer] = []
  private var failure: (any Error)?
  private var isStopped = false
  private var received: Int

  /// - Parameters:
  ///   - range: What of the file is wanted.
  ///   - segmentSize: Bytes in a piece.
  ///   - window: How many pieces are in memory at most.
  init(_ range: Range<Int>, segmentSize: Int, window: Int) {
    self.range = range
    self.segmentSize = segmentSize
    self.window = window
    next = range.lowerBound
    received = range.lowerBound
  }

  deinit { for buffer in free + segments.map(\.bytes) { buffer.deallocate() } }

  // MARK: Threads that receive

  /// The next piece to receive, or `nil` when there is none.
  func claim() -> Segment? {
    condition.withLock {
      while !isStopped, next < range.upperBound, segments.count >= window { condition.wait() }
      guard !isStopped, next < range.upperBound else { return nil }
      let end = min(range.upperBound, next + segmentSize)
      let buffer = free.popLast() ?? .allocate(byteCount: segmentSize, alignment: 64)
      let segment = Segment(next..<end, buffer)
      segments.append(segment)
      next = end
      return segment
    }
  }

  /// Adds bytes to a piece.
  ///
  /// - Throws: ``Stopped`` after ``stop()``.
  func add(_ bytes: UnsafeRawBufferPointer, to segment: Segment) throws {
    // Only this thread writes, and no thread reads beyond `filled`.
    UnsafeMutableRawBufferPointer(rebasing: segment.bytes[segment.filled...]).copyMemory(from: bytes)
    try condition.withLock {
      guard !isStopped else { throw Stopped() }
      segment.filled += bytes.count
      received += bytes.count
      if segment === segments.first { condition.broadcast() }
    }
  }

  /// Ends everything because a piece cannot be received.
  func fail(_ error: any Error) {
    condition.withLock {
      failure = failure ?? error
      isStopped = true
      condition.broadcast()
    }
  }

  // MARK: The thread that takes

  /// How many bytes were received, in order or not, those before the range included.
  var receivedCount: Int { condition.withLock { received } }

  /// Gives the next bytes in order to `body`, as many as there are.
  ///
  /// - Parameter waiting: Is called with the number of bytes received, ten times a second.
  /// - Throws: What `body` throws, or why receiving failed, after all that came before.
  func take(waiting: (Int) -> Void, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    condition.lock()
    while segments.first.map({ $0.filled == $0.taken }) ?? true {
      if let failure {
        condition.unlock()
        throw failure
      }
      _ = condition.wait(until: Date(timeIntervalSinceNow: 0.1))
      let count = received
      condition.unlock()
      waiting(count)
      condition.lock()
    }
    let segment = segments[0]
    let there = segment.taken..<segment.filled
    condition.unlock()
    try body(UnsafeRawBufferPointer(rebasing: segment.bytes[there]))
    condition.withLock {
      segment.taken = there.upperBound
      guard segment.taken == segment.range.count else { return }
      segments.removeFirst()
      free.append(segment.bytes)
      condition.broadcast()
    }
  }

  /// Stops all threads, because the result is no longer wanted.
  func stop() {
    condition.withLock {
      isStopped = true
      condition.broadcast()
    }
  }
}
