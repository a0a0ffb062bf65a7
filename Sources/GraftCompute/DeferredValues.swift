import Synchronization

/// The elements of a tensor that are written when somebody first asks for them. May be asked by several threads at once.
final class DeferredValues: Sendable {
  typealias Fill = @Sendable (UnsafeMutablePointer<Float>) -> Void

  private let isDone = Atomic(false)
  private let fill: Mutex<Fill?>

  init(_ fill: @escaping Fill) { self.fill = Mutex(fill) }

  /// Writes them, unless that was done.
  func write(to values: UnsafeMutablePointer<Float>) {
    guard !isDone.load(ordering: .acquiring) else { return }
    nonisolated(unsafe) let values = values
    fill.withLock { fill in
      fill?(values)
      fill = nil
      isDone.store(true, ordering: .releasing)
    }
  }

  /// Writes something else in their place, if nobody has asked for them.
  ///
  /// - Returns: Whether that is so.
  func replace(by other: @escaping Fill) -> Bool {
    fill.withLock { fill in
      guard fill != nil else { return false }
      fill = other
      return true
    }
  }
}
