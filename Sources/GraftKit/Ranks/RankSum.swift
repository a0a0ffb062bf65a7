import Foundation
import GraftCompute
import GraftTensors

/// Numbers in the memory of each rank that are added up, a part of them on each rank.
public struct RankSum: Sendable {
  /// How a rank comes to other ranks' numbers of its part. They are added up in float32 in any case.
  enum Source {
    case sent(Precision)
    /// Where the numbers of a given other rank are, in memory that the ranks share.
    case shared(@Sendable (Int) -> UnsafeMutablePointer<Float>)
  }

  let source: Source
  /// This rank's numbers of the part of a given rank, which becomes the sums where it is this one's.
  let part: @Sendable (Int) -> UnsafeMutableBufferPointer<Float>
  /// Told when this rank's part holds the sums.
  let done: @Sendable () -> Void

  /// Numbers that ranks send each other.
  ///
  /// - Parameters:
  ///   - precision: What they are sent in.
  ///   - part: This rank's numbers of each rank's part, which have one length on every rank. They stay where they are until
  ///     the sum is over.
  ///   - done: Called on another thread when this rank's part holds the sums.
  public init(
    in precision: Precision, _ part: @escaping @Sendable (Int) -> UnsafeMutableBufferPointer<Float>,
    done: @escaping @Sendable () -> Void = {}
  ) {
    (source, self.part, self.done) = (.sent(precision), part, done)
  }

  /// Numbers in memory that the ranks share, of which none is sent. All ranks begin such a sum, or none does.
  ///
  /// - Parameters:
  ///   - part: As in ``init(in:_:done:)``. Other ranks read them until all have met after the sum.
  ///   - shared: Where this rank finds the numbers of its part that a given other rank has.
  ///   - done: Called on another thread when this rank's part holds the sums.
  public init(
    _ part: @escaping @Sendable (Int) -> UnsafeMutableBufferPointer<Float>,
    shared: @escaping @Sendable (Int) -> UnsafeMutablePointer<Float>,
    done: @escaping @Sendable () -> Void = {}
  ) {
    (source, self.part, self.done) = (.shared(shared), part, done)
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
    try waitInBackground()
  }

  /// The same as if the caller computed meanwhile: the group does not poll at the cost of its cores.
  func waitInBackground() throws {
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
