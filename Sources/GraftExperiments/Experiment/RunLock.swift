import Foundation
import GraftTensors

/// A lock on an output directory: one process at a time holds it, until it ends.
final class RunLock {
  private let descriptor: Int32
  /// Keeps other commands out.
  private let directory: DirectoryLock

  static let fileName = "run.lock"

  /// - Throws: `GraftError` of kind `refused` when another process has it, or the directory is something else's, else of
  ///   kind `system`.
  init(_ output: URL) throws {
    let file = output.appending(path: Self.fileName)
    do {
      directory = try DirectoryLock(output)
    } catch let error as GraftError {
      let isRun = error.kind == .refused && FileManager.default.fileExists(atPath: file.path)
      throw isRun ? Self.failure(EWOULDBLOCK, output) : error
    }
    try Self.check(output)
    let opened = open(file.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard opened >= 0 else { throw systemFailure(output) }
    guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      close(opened)
      throw Self.failure(code, output)
    }
    descriptor = opened
  }

  /// Refuses a directory that is something else's.
  static func check(_ output: URL) throws {
    guard !FileManager.default.fileExists(atPath: output.appending(path: fileName).path) else { return }
    try DirectoryWriter.checkVacant(output)
  }

  /// What it means that the lock was not given.
  static func failure(_ code: Int32, _ output: URL) -> GraftError {
    if code == EWOULDBLOCK {
      return GraftError(
        .refused, "another run is at work in this directory", file: output.path,
        advice: "Wait for it, stop it, or choose another directory.")
    }
    return GraftError(
      .system, "cannot be locked (\(String(cString: strerror(code))))", file: output.path,
      advice: "Choose a directory on another file system.")
  }

  deinit { close(descriptor) }
}
