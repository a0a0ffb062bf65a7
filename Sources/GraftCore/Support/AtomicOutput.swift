import Foundation

#if canImport(Glibc)
  import Glibc
#endif

/// Writes a file beside its target and renames it into place, so that a crash or a full disk leaves either
/// the old file or the new one, never half of one.
public final class FileWriter {
  /// The file that will exist after ``commit()``.
  public let url: URL
  private let temporary: URL
  private var descriptor: Int32
  private var buffer: [UInt8] = []

  private init(_ url: URL) throws {
    self.url = url
    temporary = url.deletingLastPathComponent()
      .appendingPathComponent(".\(url.lastPathComponent).partial-\(getpid())")
    descriptor = open(temporary.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw FileWriter.failure(url) }
    buffer.reserveCapacity(LazyTensor.windowSize)
  }

  deinit {
    if descriptor >= 0 {
      close(descriptor)
      unlink(temporary.path)
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

  /// Adds bytes to the end.
  public func append(_ bytes: UnsafeRawBufferPointer) throws {
    if bytes.count >= LazyTensor.windowSize {
      try flush()
      try emit(bytes)
    } else {
      buffer.append(contentsOf: bytes)
      if buffer.count >= LazyTensor.windowSize { try flush() }
    }
  }

  /// Adds bytes to the end.
  public func append(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes(append) }

  /// Adds all bytes of a tensor.
  public func append(_ tensor: LazyTensor) throws { try tensor.stream(append) }

  private func flush() throws {
    try buffer.withUnsafeBytes(emit)
    buffer.removeAll(keepingCapacity: true)
  }

  private func emit(_ bytes: UnsafeRawBufferPointer) throws {
    var done = 0
    while done < bytes.count {
      let count = Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw FileWriter.failure(url) }
      done += count
    }
  }

  private func commit() throws {
    try flush()
    guard fsync(descriptor) == 0 else { throw FileWriter.failure(url) }
    let status = close(descriptor)
    descriptor = -1
    guard status == 0, rename(temporary.path, url.path) == 0 else {
      let error = FileWriter.failure(url)
      unlink(temporary.path)
      throw error
    }
  }

  fileprivate static func failure(_ url: URL) -> GraftError {
    let advice: String? =
      switch errno {
      case ENOSPC, EDQUOT: "Free some space and run the command again; nothing older was changed."
      case EACCES, EPERM, EROFS: "Choose a place that you may write to."
      case ENOENT, ENOTDIR: "Create the directory first."
      default: nil
      }
    return GraftError(.system, "cannot be written (\(systemMessage()))", file: url.path, advice: advice)
  }
}

/// Writes a directory beside its target and renames it into place when it is complete.
public enum DirectoryWriter {
  /// Creates a directory with what `body` writes into the temporary one it is given.
  ///
  /// - Parameters:
  ///   - url: The directory to create; its parent is created as needed.
  ///   - replacing: Whether an existing directory of that name is replaced. An empty one always is.
  /// - Throws: ``GraftError`` of kind `refused` when it exists, of kind `system` when it cannot be written,
  ///   or what `body` throws; nothing is left behind then, and an older directory is untouched.
  public static func write<Result>(
    _ url: URL,
    replacing: Bool = false,
    _ body: (URL) throws -> Result
  ) throws -> Result {
    let files = FileManager.default
    if !replacing { try checkVacant(url) }
    let parent = url.deletingLastPathComponent()
    let temporary = parent.appendingPathComponent(".\(url.lastPathComponent).partial-\(getpid())")
    try? files.removeItem(at: temporary)
    do {
      try files.createDirectory(at: temporary, withIntermediateDirectories: true)
    } catch {
      throw FileWriter.failure(url)
    }
    do {
      let result = try body(temporary)
      synchronize(temporary)
      let retired = parent.appendingPathComponent(".\(url.lastPathComponent).retired-\(getpid())")
      let existed = rename(url.path, retired.path) == 0
      guard rename(temporary.path, url.path) == 0 else {
        let error = FileWriter.failure(url)
        if existed { rename(retired.path, url.path) }
        throw error
      }
      if existed { try? files.removeItem(at: retired) }
      synchronize(parent)
      return result
    } catch {
      try? files.removeItem(at: temporary)
      throw error
    }
  }

  /// Refuses a place that something stands at already.
  ///
  /// - Throws: ``GraftError`` of kind `refused` unless `url` is absent or an empty directory.
  public static func checkVacant(_ url: URL) throws {
    let files = FileManager.default
    guard files.fileExists(atPath: url.path) else { return }
    let content = try? files.contentsOfDirectory(atPath: url.path)
    guard content?.isEmpty == true else {
      throw GraftError(
        .refused,
        content == nil ? "a file of that name exists" : "the output directory exists and is not empty",
        file: url.path,
        advice: "Choose another name or remove it first."
      )
    }
  }

  /// Flushes a directory's own entries to the disk.
  private static func synchronize(_ url: URL) {
    let descriptor = open(url.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}
