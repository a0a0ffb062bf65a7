import Foundation
import GraftCompute
import GraftTensors

/// Numbers of each rank that are added up, some of them on each rank.
public struct RankSum: Sendable {
  /// Of how many numbers each rank receives the sums, the same on every rank.
  public let count: Int
  /// What they are sent in. They are added up in float32 in any case.
  public let precision: Precision
  /// Writes this rank's numbers, of those that a given rank receives the sums of.
  let read: @Sendable (Int, UnsafeMutablePointer<Float>) -> Void
  /// Takes the sums that are this rank's.
  let write: @Sendable (UnsafePointer<Float>) -> Void

  /// - Parameters:
  ///   - count: Of how many numbers each rank receives the sums.
  ///   - precision: What they are sent in.
  ///   - read: Writes this rank's numbers for each rank; it may be called on another thread, some time later.
  ///   - write: Takes this rank's sums, on the same thread as `read`.
  public init(
    count: Int, in precision: Precision, read: @escaping @Sendable (Int, UnsafeMutablePointer<Float>) -> Void,
    write: @escaping @Sendable (UnsafePointer<Float>) -> Void
  ) {
    (self.count, self.precision, self.read, self.write) = (count, precision, read, write)
  }
}

/// Numbers of each rank that all ranks receive.
public struct RankSpread: Sendable {
  /// How many numbers each rank has, the same on every rank.
  public let count: Int
  /// What they are sent in; all have the rounded ones, this rank included.
  public let precision: Precision
  /// Writes this rank's numbers.
  let read: @Sendable (UnsafeMutablePointer<Float>) -> Void
  /// Takes the numbers of a given rank.
  let write: @Sendable (Int, UnsafePointer<Float>) -> Void

  /// - Parameters:
  ///   - count: How many numbers each rank has.
  ///   - precision: What they are sent in.
  ///   - read: Writes this rank's numbers; it may be called on another thread, some time later.
  ///   - write: Takes those of each rank, this one included, on the same thread as `read`.
  public init(
    count: Int, in precision: Precision, read: @escaping @Sendable (UnsafeMutablePointer<Float>) -> Void,
    write: @escaping @Sendable (Int, UnsafePointer<Float>) -> Void
  ) {
    (self.count, self.precision, self.read, self.write) = (count, precision, read, write)
  }
}

/// A sum, or something else between ranks, that goes on.
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
