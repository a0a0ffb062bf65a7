import Foundation
import Glibc

/// Writes a file beside its target and renames it into place, so that a crash or a full disk leaves either
/// the old file or the new one, never half of one.
///
/// A symbolic link stays one: what it points to is replaced. What is no regular file, such as `/dev/stdout`,
/// is written to as it stands.
public final class FileWriter {
  /// The file that will exist after the writing is done.
  public let url: URL
  /// Where the bytes are before they take the place of what is there, and that place; `nil` when they go straight to
  /// ``url``.
  private let move: (from: String, to: String)?
  /// Whether the bytes are in a file that has no name until it is whole, and so is gone when the process is killed. Not
  /// every file system has such.
  private let isUnnamed: Bool
  private var descriptor: Int32
  private let writer: BackgroundWriter

  private init(_ url: URL) throws {
    self.url = url
    var status = stat()
    if stat(url.path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      (move, isUnnamed) = (nil, false)
      descriptor = open(url.path, O_WRONLY | O_CLOEXEC)
    } else {
      let target = try resolved(url)
      TemporaryName.clear(target)
      let temporary = TemporaryName.path(target)
      move = (temporary, target.path)
      let unnamed = Self.openUnnamed(in: target.deletingLastPathComponent())
      isUnnamed = unnamed != nil
      descriptor = unnamed ?? Self.create(temporary)
    }
    guard descriptor >= 0 else { throw systemFailure(url) }
    writer = BackgroundWriter(descriptor)
  }

  /// A new file in the place of what has its name: a link that was put there is not followed.
  private static func create(_ path: String) -> Int32 {
    var tries = TemporaryName.tries
    while true {
      unlink(path)
      let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
      tries -= 1
      if descriptor < 0 || TemporaryName.hold(descriptor, path) || tries == 0 { return descriptor }
      close(descriptor)
    }
  }

  /// A file without a name; `nil` where there is none such, or it could not be given a name later.
  private static func openUnnamed(in directory: URL) -> Int32? {
    guard access(descriptors, X_OK) == 0 else { return nil }
    // O_TMPFILE, which C defines by a cast.
    let descriptor = open(directory.path, 0o20_000_000 | O_DIRECTORY | O_WRONLY | O_CLOEXEC, 0o644)
    return descriptor < 0 ? nil : descriptor
  }

  private static let descriptors = "/proc/self/fd"

  /// Gives a file without a name one.
  private func link(_ name: String) -> Bool {
    unlink(name)
    flock(descriptor, LOCK_EX | LOCK_NB)
    return linkat(AT_FDCWD, "\(Self.descriptors)/\(descriptor)", AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0
  }

  deinit {
    if descriptor >= 0 {
      _ = writer.finish()
      close(descriptor)
      if let move, !isUnnamed { unlink(move.from) }
    }
  }

  /// Creates or replaces a file with what `body` writes.
  ///
  /// - Throws: what `body` throws, or ``GraftError`` of kind `system` when the file cannot be written; an
  ///   older file of that name is then untouched.
  public static func write<Result>(_ url: URL, _ body: (FileWriter) throws -> Result) throws -> Result {
    let writer = try FileWriter(url)
    let result = try body(writer)
    try writer.commit()
    return result
  }

  /// Creates or replaces a file with a text.
  public static func write(_ url: URL, text: String) throws {
    try write(url) { try $0.append(Array(text.utf8)) }
  }

  /// Refuses a file that cannot be created: something has its name, or there is no directory to put it into. It is for
  /// what takes a while, before that begins. What is neither a file nor a directory, such as `/dev/stdout`, may be
  /// written to.
  ///
  /// - Throws: ``GraftError`` of kind `refused` when there is a file or a directory of that name, of kind `system` when
  ///   nothing can be created beside it.
  public static func checkVacant(_ url: URL) throws {
    var status = stat()
    if stat(url.path, &status) == 0 {
      let kind = status.st_mode & S_IFMT
      guard kind == S_IFREG || kind == S_IFDIR else { return }
      throw GraftError(
        .refused, "a \(kind == S_IFREG ? "file" : "directory") of that name exists", file: url.path,
        advice: "Choose another name or remove it first.")
    }
    let directory = try resolved(url).deletingLastPathComponent()
    guard access(directory.path, W_OK) == 0 else { throw systemFailure(url) }
  }

  /// Adds bytes to the end.
  ///
  /// - Throws: ``GraftError`` of kind `system` when these or earlier ones cannot be written.
  public func append(_ bytes: UnsafeRawBufferPointer) throws { try check(writer.append(bytes)) }

  /// Adds bytes to the end.
  public func append(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes(append) }

  /// Adds all bytes of a tensor.
  public func append(_ tensor: LazyTensor) throws { try tensor.stream(append) }

  /// Writes bytes over those that the file begins with.
  ///
  /// - Throws: as ``append(_:)-(UnsafeRawBufferPointer)``; of what is no regular file, such as a pipe, always.
  public func replaceStart(with bytes: [UInt8]) throws {
    try check(writer.finish())
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        pwrite(descriptor, $0.baseAddress! + done, bytes.count - done, off_t(done))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw systemFailure(url) }
      done += count
    }
  }

  private func check(_ failure: Int32) throws {
    guard failure != 0 else { return }
    errno = failure
    throw systemFailure(url)
  }

  private func commit() throws {
    try check(writer.finish())
    guard let move else { return }
    guard fsync(descriptor) == 0, !isUnnamed || link(move.from) else { throw systemFailure(url) }
    // Holds the lock until the file has its name.
    let lock = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    defer { close(lock) }
    let status = close(descriptor)
    descriptor = -1
    guard status == 0, rename(move.from, move.to) == 0 else {
      let error = systemFailure(url)
      unlink(move.from)
      throw error
    }
  }
}

/// Where a path leads to, as the system follows it: what `..` goes back from has to be there.
///
/// - Throws: ``GraftError`` of kind `system` when it is not.
func resolved(_ url: URL) throws -> URL {
  let components = url.pathComponents
  guard let back = components.lastIndex(of: "..") else { return url.resolvingSymlinksInPath() }
  guard let real = realpath(NSString.path(withComponents: Array(components[...back])), nil) else {
    throw systemFailure(url)
  }
  defer { free(real) }
  return components[(back + 1)...].reduce(URL(fileURLWithPath: String(cString: real))) {
    $0.appendingPathComponent($1)
  }.resolvingSymlinksInPath()
}

/// The error for something that cannot be written, from `errno`.
package func systemFailure(_ url: URL) -> GraftError {
  let code = errno
  let advice: Advice? =
    switch code {
    case ENOSPC, EDQUOT: "Free some space and run the command again; nothing older was changed."
    case EACCES, EPERM, EROFS: "Choose a place that you may write to."
    case ENOENT, ENOTDIR: "Create the directory first."
    default: nil
    }
  return GraftError(
    .system,
    "cannot be written (\(String(cString: strerror(code))))",
    file: url.path,
    advice: advice
  )
}
