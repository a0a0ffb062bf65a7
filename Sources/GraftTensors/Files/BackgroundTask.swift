import Dispatch

/// Work on another thread, whose result is asked for later.
package final class BackgroundTask<Value: Sendable>: @unchecked Sendable {
  private let group = DispatchGroup()
  /// Written by the work, read when the work is over.
  private var result: Result<Value, any Error>?

  /// Starts `body` at once.
  package init(_ body: @escaping @Sendable () throws -> Value) {
    DispatchQueue.global().async(group: group) { self.result = Result(catching: body) }
  }

  /// Waits for the end of the work.
  ///
  /// - Throws: what the work threw.
  package func value() throws -> Value {
    group.wait()
    guard let result else { preconditionFailure("the work is over, and has no result") }
    return try result.get()
  }
}
