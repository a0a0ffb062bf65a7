import Foundation
import GraftTensors
import Synchronization
import TestSupport
import Testing

/// Locks on directories.
@Suite struct DirectoryLockTests {
  /// What another thread does meanwhile.
  private final class Opening: Sendable {
    let isOver = Atomic(false)
    let lost = Atomic(0)

    /// Opens a file and closes it, which somebody else may have done, until it is told to end.
    func run() {
      while !isOver.load(ordering: .relaxed) {
        let file = open("/dev/null", O_RDONLY | O_CLOEXEC)
        usleep(1)
        if close(file) != 0 { lost.add(1, ordering: .relaxed) }
      }
    }
  }

  /// A descriptor that is closed twice is another thread's file the second time.
  @Test("a lock that is refused leaves the files of other threads open") func refused() throws {
    try withTemporaryDirectory { directory in
      let lock = try DirectoryLock(directory)
      let opening = Opening()
      let end = DispatchSemaphore(value: 0)
      Thread.detachNewThread {
        opening.run()
        end.signal()
      }
      for _ in 0..<20_000 {
        let error = try #require(throws: GraftError.self) { _ = try DirectoryLock(directory) }
        #expect(error.kind == .refused)
      }
      opening.isOver.store(true, ordering: .relaxed)
      end.wait()
      #expect(opening.lost.load(ordering: .relaxed) == 0)
      withExtendedLifetime(lock) {}
    }
  }
}
