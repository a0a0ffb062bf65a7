import CLinux
import Foundation
import Glibc

/// Writes a directory beside its target and renames it into place when it is complete.
public enum DirectoryWriter {
  /// Creates a directory with what `body` writes into the temporary one it is given.
  ///
  /// - Parameters:
  ///   - url: The directory to create; its parent is created as needed.
  ///   - body: Fills the directory that it is given.
  ///   - replacing: Whether an existing directory of that name is replaced. An empty one always is.
  /// - Throws: ``GraftError`` of kind `refused` when it exists, of kind `system` when it cannot be written,
  ///   or what `body` throws; nothing is left behind then, and an older directory is untouched.
  public static func write<Result>(
    _ url: URL,
    replacing: Bool = false,
    _ body: (URL) throws -> Result
  ) throws -> Result {
    let target = try resolved(url)
    guard !TemporaryName.clear(target) else { throw busy(url) }
    if !replacing { try checkVacant(url) }
    let temporary = URL(fileURLWithPath: TemporaryName.path(target), isDirectory: true)
    let lock: Int32
    do {
      try makeDirectory(temporary.deletingLastPathComponent())
      lock = try create(temporary)
    } catch var error as GraftError {
      error.file = url.path
      throw error
    }
    defer { close(lock) }
    do {
      let result = try body(temporary)
      synchronize(temporary)
      try move(temporary, to: target, replacing: replacing, named: url)
      synchronize(target.deletingLastPathComponent())
      return result
    } catch var error as GraftError {
      try? FileManager.default.removeItem(at: temporary)
      // The place that was meant, not the one it was first written to.
      if let file = error.file, file.hasPrefix(temporary.path) {
        error.file = url.path + file.dropFirst(temporary.path.count)
      }
      throw error
    } catch {
      try? FileManager.default.removeItem(at: temporary)
      throw error
    }
  }

  /// Makes a directory. Nothing of that name is taken, least of all a link.
  ///
  /// - Returns: A descriptor that holds the lock on it.
  private static func create(_ temporary: URL) throws -> Int32 {
    while true {
      guard mkdir(temporary.path, 0o755) == 0 else {
        throw errno == EEXIST ? busy(temporary) : systemFailure(temporary)
      }
      let descriptor = open(temporary.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      if descriptor >= 0, TemporaryName.hold(descriptor, temporary.path) { return descriptor }
      let code = errno
      if descriptor >= 0 {
        close(descriptor)
      } else if code != ENOENT {
        rmdir(temporary.path)
        errno = code
        throw systemFailure(temporary)
      }
    }
  }

  static func busy(_ url: URL) -> GraftError {
    GraftError(
      .refused, "another process is writing it", file: url.path,
      advice: "Wait for that process, stop it, or choose another name.")
  }

  /// Refuses a place that something stands at already.
  ///
  /// - Throws: ``GraftError`` of kind `refused` unless `url` is absent or an empty directory.
  public static func checkVacant(_ url: URL) throws {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory) else { return }
    guard isDirectory.boolValue, try directoryContents(url).isEmpty else {
      throw GraftError(
        .refused,
        isDirectory.boolValue ? "the output directory exists and is not empty" : "a file of that name exists",
        file: url.path,
        advice: "Choose another name or remove it first."
      )
    }
  }

  /// Renames, which puts a directory in an empty one's place by itself; swaps with a full one, so that at
  /// every moment either the old or the new one has the name.
  private static func move(_ temporary: URL, to target: URL, replacing: Bool, named url: URL) throws {
    let directory = AT_FDCWD
    if renameat2(directory, temporary.path, directory, target.path, RENAME_NOREPLACE) == 0 { return }
    // Somebody may be about to fill an empty directory.
    let lock = try replacing || access(target.path, F_OK) != 0 ? nil : DirectoryLock(target)
    defer { withExtendedLifetime(lock) {} }
    if rename(temporary.path, target.path) == 0 { return }
    guard [ENOTEMPTY, EEXIST, ENOTDIR].contains(errno) else { throw systemFailure(url) }
    if !replacing {
      let error = systemFailure(url)
      // Another process was faster.
      try checkVacant(url)
      throw error
    }
    if renameat2(directory, temporary.path, directory, target.path, RENAME_EXCHANGE) == 0 {
      try? FileManager.default.removeItem(at: temporary)
      return
    }
    // A file system that cannot swap, such as NFS: step aside, and back if need be.
    let replaced = TemporaryName.path(target, .replaced)
    guard rename(target.path, replaced) == 0 else { throw systemFailure(url) }
    guard rename(temporary.path, target.path) == 0 else {
      let error = systemFailure(url)
      rename(replaced, target.path)
      throw error
    }
    try? FileManager.default.removeItem(atPath: replaced)
  }

  /// Removes a directory, or a file, so that no half of it is ever found under its name. Does nothing when it is not
  /// there.
  ///
  /// - Throws: ``GraftError`` of kind `system` when it cannot be removed.
  package static func remove(_ url: URL) throws {
    if unlink(url.path) == 0 || errno == ENOENT { return }
    let retired = TemporaryName.path(url, .retired)
    guard rename(url.path, retired) == 0 else { throw systemFailure(url) }
    try? FileManager.default.removeItem(atPath: retired)
  }

  /// Creates a directory and those it stands in, where they are not there yet.
  ///
  /// - Throws: ``GraftError`` of kind `system` with the reason, which Foundation's own call loses.
  public static func makeDirectory(_ url: URL) throws {
    if mkdir(url.path, 0o755) == 0 || errno == EEXIST { return }
    guard errno == ENOENT, url.path != "/" else { throw systemFailure(url) }
    try makeDirectory(url.deletingLastPathComponent())
    guard mkdir(url.path, 0o755) == 0 || errno == EEXIST else { throw systemFailure(url) }
  }

  /// Flushes a directory's own entries to the disk.
  private static func synchronize(_ url: URL) {
    let descriptor = open(url.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}
