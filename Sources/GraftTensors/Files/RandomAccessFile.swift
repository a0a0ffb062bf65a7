import Foundation
import Glibc
import Synchronization

/// A file opened for reading at any offset, from any thread.
public final class RandomAccessFile: Sendable {
  public let url: URL
  /// The size in bytes when the file was opened.
  public let size: Int
  /// Identifies the file, independently of its name.
  let identity: FileIdentity
  /// What may be taken in memory and work to read it.
  public let budget: FileBudget
  package let descriptor: Int32
  /// What is read where there is no descriptor.
  private let memory: [UInt8]?
  private let readCount = Atomic<Int>(0)

  /// How many bytes were read so far.
  package var bytesRead: Int { readCount.load(ordering: .relaxed) }

  /// Opens a regular file.
  ///
  /// - Throws: ``GraftError`` when it does not exist, is a directory, or may not be read.
  public init(_ url: URL) throws {
    self.url = url
    // Without O_NONBLOCK, opening a pipe without a writer would wait forever.
    descriptor = open(url.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      let missing = errno == ENOENT
      throw GraftError(
        missing ? .missing : .system,
        missing ? "no such file" : "cannot be read (\(systemMessage()))",
        file: url.path
      )
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      let isDirectory = status.st_mode & S_IFMT == S_IFDIR
      close(descriptor)
      throw GraftError(
        .malformed, isDirectory ? "a directory, not a file" : "not a regular file", file: url.path)
    }
    guard status.st_size <= TensorSpec.maximumByteCount else {
      close(descriptor)
      throw GraftError(
        .refused, "larger than any file that is read", file: url.path,
        expected: "at most \(TensorSpec.maximumByteCount >> 50) PiB")
    }
    memory = nil
    size = Int(status.st_size)
    budget = FileBudget(size: size, path: url.path)
    identity = FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
  }

  /// The given bytes, as if they stood in a file of a name. Readers are tried on many inputs so, without a disk.
  package init(_ bytes: [UInt8], named url: URL) {
    (self.url, memory, descriptor, size) = (url, bytes, -1, bytes.count)
    budget = FileBudget(size: size, path: url.path)
    identity = FileIdentity(device: .max, inode: Self.lastInMemory.add(1, ordering: .relaxed).newValue)
  }

  private static let lastInMemory = Atomic<UInt64>(0)

  /// The bytes of a stream, copied to a temporary file that nobody else sees, so that they can be read at any offset.
  ///
  /// - Parameters:
  ///   - stream: What is read to its end.
  ///   - url: What messages call it.
  /// - Throws: ``GraftError`` when it cannot be read, or there is no room for a copy.
  public convenience init(copying stream: ByteStream, named url: URL) throws {
    try self.init(named: url) { write in
      var window = [UInt8](repeating: 0, count: 1 << 16)
      while true {
        let count = try window.withUnsafeMutableBytes { try stream.read(into: $0) }
        if count == 0 { return }
        try window.withUnsafeBytes { try write(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
      }
    }
  }

  /// The bytes of a tensor, copied in the same way: a file that stands in another, whose name and budget it has.
  ///
  /// - Throws: as ``init(copying:named:)``.
  public convenience init(copying tensor: LazyTensor, of file: RandomAccessFile) throws {
    try self.init(named: file.url, file.budget) { try tensor.stream($0) }
  }

  private init(
    named url: URL, _ budget: FileBudget? = nil, _ copy: (LazyTensor.Consumer) throws -> Void
  ) throws {
    self.url = url
    var name = Array((NSTemporaryDirectory() + "/graft-XXXXXX").utf8CString)
    let descriptor = mkstemp(&name)
    guard descriptor >= 0 else {
      throw GraftError(
        .system, "cannot be copied to a temporary file (\(systemMessage()))", file: url.path)
    }
    unlink(name)
    self.descriptor = descriptor
    memory = nil
    do {
      var size = 0
      try copy { bytes in
        let failure = writeAll(bytes, to: descriptor)
        guard failure == 0 else {
          errno = failure
          throw GraftError(
            .system, "cannot be copied to a temporary file (\(systemMessage()))", file: url.path)
        }
        size += bytes.count
      }
      self.size = size
      self.budget = budget ?? FileBudget(size: size, path: url.path)
    } catch {
      close(descriptor)
      throw error
    }
    var status = stat()
    fstat(descriptor, &status)
    identity = FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
  }

  deinit {
    if memory == nil { close(descriptor) }
  }

  /// Fills `buffer` from `offset`.
  ///
  /// - Throws: ``GraftError`` when the file ends before the buffer is full, or reading fails.
  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    var done = 0
    while done < buffer.count {
      let count = read(UnsafeMutableRawBufferPointer(rebasing: buffer[done...]), at: offset + done)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        throw GraftError(.system, "cannot be read (\(systemMessage()))", file: url.path)
      }
      guard count > 0 else {
        throw GraftError(
          .malformed,
          "truncated",
          file: url.path,
          expected: "\(offset + buffer.count) bytes",
          found: "\(offset + done)",
          advice: "Copy or download it again."
        )
      }
      done += count
    }
    readCount.add(done, ordering: .relaxed)
  }

  /// As `pread` of the system.
  private func read(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
    guard let memory else { return pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset)) }
    guard offset >= 0 else {
      errno = EINVAL
      return -1
    }
    let part = memory.dropFirst(offset).prefix(buffer.count)
    buffer.copyBytes(from: part)
    return part.count
  }

  /// The bytes at `range`.
  ///
  /// - Throws: as ``read(into:at:)``.
  public func bytes(_ range: Range<Int>) throws -> [UInt8] {
    try Array(unsafeUninitializedCapacity: range.count) { buffer, count in
      try read(into: UnsafeMutableRawBufferPointer(buffer), at: range.lowerBound)
      count = range.count
    }
  }

  /// The first bytes, at most `count`: what most weight formats are recognised by.
  public func head(_ count: Int = 4096) throws -> [UInt8] { try bytes(0..<min(count, size)) }
}

/// The numbers by which the system knows a file. They are its own for as long as it is open.
struct FileIdentity: Hashable, Sendable {
  let device: UInt64
  let inode: UInt64
}

/// The system's text for the current `errno`.
func systemMessage() -> String { String(cString: strerror(errno)) }

extension RandomAccessFile {
  /// All bytes of a file that should be small.
  ///
  /// - Parameter limit: The most bytes that are read.
  /// - Throws: ``GraftError`` when the file is larger, or cannot be read.
  public func bytesOfWholeFile(limit: Int) throws -> [UInt8] {
    guard size <= limit else {
      throw GraftError(
        .malformed,
        "too large for a file of its kind",
        file: url.path,
        expected: "at most \(limit) bytes",
        found: "\(size)"
      )
    }
    return try bytes(0..<size)
  }
}
