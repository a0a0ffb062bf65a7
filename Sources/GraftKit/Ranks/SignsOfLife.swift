import Foundation

/// What a rank tells those that wait for what it does.
enum WorkMessage: UInt8 {
  case failed, found, working
}

/// Tells other ranks, from a thread of its own, that this one is still at work, so that they do not give it up.
final class SignsOfLife: @unchecked Sendable {
  // Guarded by the condition.
  private let condition = NSCondition()
  private var isOver = false
  private var result: Result<Void, any Error>?
  /// Much less than any time limit, which is whole seconds.
  private static let interval = 0.4

  /// - Parameter purpose: What the others wait for.
  init(_ group: any ProcessGroup, for purpose: GatheringPurpose) {
    Thread.detachNewThread { [self] in
      let result = Result {
        while !waitForEnd(Self.interval) {
          _ = try group.gather([WorkMessage.working.rawValue], for: purpose)
        }
      }
      condition.lock()
      self.result = result
      condition.broadcast()
      condition.unlock()
    }
  }

  /// - Returns: Whether the work is over.
  private func waitForEnd(_ seconds: Double) -> Bool {
    condition.lock()
    defer { condition.unlock() }
    let end = Date(timeIntervalSinceNow: seconds)
    while !isOver, condition.wait(until: end) {}
    return isOver
  }

  /// Says that the work is over, and waits until nothing more is sent.
  ///
  /// - Throws: What went wrong between ranks meanwhile.
  func end() throws {
    condition.lock()
    defer { condition.unlock() }
    isOver = true
    condition.broadcast()
    while true {
      if let result { return try result.get() }
      condition.wait()
    }
  }
}
