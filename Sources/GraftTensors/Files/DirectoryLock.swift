import Foundation
import Glibc

/// A lock on a directory: one process at a time holds it, until it lets go or ends. It leaves no file behind.
package final class DirectoryLock {
  private let descriptor: Int32

  /// - Parameters:
  ///   - url: A directory that is there.
  ///   - waits: Whether another process is waited for.
  /// - Throws: ``GraftError`` of kind `refused` when another process has it, else of kind `system`.
  package init(_ url: URL, waits: Bool = false) throws {
    let opened = open(url.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard opened >= 0 else { throw systemFailure(url) }
    // From here on `deinit` closes it, also where this throws.
    descriptor = opened
    while flock(descriptor, waits ? LOCK_EX : LOCK_EX | LOCK_NB) != 0 {
      let code = errno
      if code == EINTR { continue }
      // File systems without locks have none to offer; what is written there is whole all the same.
      guard code == EWOULDBLOCK else { return }
      throw GraftError(
        .refused, "another process is at work in this directory", file: url.path,
        advice: "Wait for it, stop it, or choose another directory.")
    }
  }

  deinit { close(descriptor) }
}
