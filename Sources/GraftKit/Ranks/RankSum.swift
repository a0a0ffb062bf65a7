import Foundation
import GraftCompute
import GraftTensors

/// Numbers in the memory of each rank that are added up, a part of them on each rank.
public struct RankSum: Sendable {
  /// What they are sent in. They are added up in float32 in any case.
  public let precision: Precision
  /// This rank's numbers of the part of a given rank, which becomes the sums where it is this one's.
  let part: @Sendable (Int) -> UnsafeMutableBufferPointer<Float>
  /// Where this rank sees another one's numbers of its own part; `nil` where it has to be sent them.
  let seen: (@Sendable (Int) -> UnsafeMutablePointer<Float>)?
  /// Told when this rank's part holds the sums.
  let done: @Sendable () -> Void

  /// - Parameters:
  ///   - precision: What they are sent in.
  ///   - part: This rank's numbers of each rank's part, which have one length on every rank. They stay where they are until
  ///     the sum is over.
  ///   - done: Called on another thread when this rank's part holds the sums.
  ///   - seen: Where this rank sees the numbers of its part that a given other rank has, in float32, until all ranks have
  ///     met again; `nil` where it has to be sent them. On all ranks alike.
  public init(
    in precision: Precision, _ part: @escaping @Sendable (Int) -> UnsafeMutableBufferPointer<Float>,
    done: @escaping @Sendable () -> Void = {}, seen: (@Sendable (Int) -> UnsafeMutablePointer<Float>)? = nil
  ) {
    (self.precision, self.part, self.done, self.seen) = (precision, part, done, seen)
  }
}

/// Numbers in the memory of each rank of which each rank has a part to give to all.
public struct RankSpread: Sendable {
  /// What they are sent in; all have the rounded ones, this rank included.
  public let precision: Precision
  /// Where the part of a given rank lies, and is to come.
  let part: @Sendable (Int) -> UnsafeMutableBufferPointer<Float>
  /// Told of each rank whose part is there.
  let done: @Sendable (Int) -> Void

  /// - Parameters:
  ///   - precision: What they are sent in.
  ///   - part: The memory of each rank's part, which has one length on every rank. It stays where it is until this is over.
  ///   - done: Called on another thread for each rank, this one included, when its part is there.
  public init(
    in precision: Precision, _ part: @escaping @Sendable (Int) -> UnsafeMutableBufferPointer<Float>,
    done: @escaping @Sendable (Int) -> Void = { _ in }
  ) {
    (self.precision, self.part, self.done) = (precision, part, done)
  }
}

/// A sum, or something else between ranks, that goes on.
public final class PendingSum: @unchecked Sendable {
  // Guarded by the condition.
  private let condition = NSCondition()
  private var result: Result<Void, any Error>?
  private let isAwaited: @Sendable (Bool) -> Void

  public convenience init() { self.init { _ in } }

  /// - Parameter isAwaited: Told when somebody begins to wait, and when that is over.
  init(_ isAwaited: @escaping @Sendable (Bool) -> Void) { self.isAwaited = isAwaited }

  /// Waits until it is over.
  ///
  /// - Throws: `GraftError` naming the ranks that did not come.
  public func wait() throws {
    isAwaited(true)
    defer { isAwaited(false) }
    try waitAside()
  }

  /// The same as if the caller computed meanwhile: what is waited for leaves it the cores.
  func waitAside() throws {
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
