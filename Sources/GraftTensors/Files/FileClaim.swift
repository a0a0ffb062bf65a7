import Foundation
import Glibc

/// Keeps a name for a new file: another process that wants it is refused until this one lets go or ends.
///
/// What is locked is a file beside it, which goes at the end; one that a killed process left is taken by the next.
public final class FileClaim {
  private let target: String
  private let path: String
  /// `nil` where what has the name is neither a file nor a directory, such as `/dev/stdout`.
  private let descriptor: Int32?

  /// - Throws: ``GraftError`` of kind `refused` when there is something of that name, or another process writes it; of
  ///   kind `system` when nothing can be created beside it.
  public convenience init(_ url: URL) throws {
    try self.init(locking: url)
    try FileWriter.checkVacant(url)
  }

  /// Keeps several names, or none.
  public static func all(_ urls: [URL]) throws -> [FileClaim] {
    let claims = try urls.map(FileClaim.init(locking:))
    try urls.forEach(FileWriter.checkVacant)
    return claims
  }

  private init(locking url: URL) throws {
    let target = try resolved(url)
    self.target = target.path
    path =
      target.deletingLastPathComponent()
      .appendingPathComponent(".\(target.lastPathComponent).graft-lock").path
    var status = stat()
    let isThere = stat(url.path, &status) == 0
    if isThere, ![S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT) {
      descriptor = nil
      return
    }
    var opened: Int32
    var tries = TemporaryName.tries
    repeat {
      tries -= 1
      opened = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o644)
      guard opened >= 0 else {
        let error = systemFailure(url)
        try FileWriter.checkVacant(url)
        throw error
      }
      if flock(opened, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
        close(opened)
        throw DirectoryWriter.busy(url)
      }
      if TemporaryName.isNamed(opened, path) || tries == 0 { break }
      // The one that had it has removed it.
      close(opened)
    } while true
    descriptor = opened
  }

  /// Removes the file that was written since.
  public func withdraw() {
    if descriptor != nil { unlink(target) }
  }

  deinit {
    guard let descriptor else { return }
    unlink(path)
    close(descriptor)
  }
}
