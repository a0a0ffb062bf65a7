import CLinux
import Foundation
import GraftTensors

/// A blob that is on its way: bytes are added at the end, hashed, and get their name when they are right.
///
/// `HASH.incomplete` always holds the beginning of the blob, so the next process continues from there, even after
/// a kill.
final class BlobWriter {
  /// Where the blob will be.
  let url: URL
  /// How many bytes are there.
  private(set) var count: Int
  private let content: ContentID
  private let size: Int
  private let incomplete: URL
  private let descriptor: Int32
  private var hasher: any ContentHasher
  private let hashing = DispatchQueue(label: "hashing")
  /// How many bytes are on their way to the disk, so that the end has little to wait for.
  private var flushed = 0
  private var blocks: Preallocation

  /// - Parameters:
  ///   - url: Where the blob will be; its directory exists, and no other process writes there.
  ///   - size: How many bytes it has to have.
  /// - Throws: `GraftError` when it cannot be written, or the disk has no room for it.
  init(_ url: URL, _ content: ContentID, size: Int) throws {
    self.url = url
    self.content = content
    self.size = size
    incomplete = url.appendingPathExtension("incomplete")
    descriptor = open(incomplete.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw systemFailure(url) }
    hasher = content.hasher(size: size)
    count = 0
    blocks = Preallocation(descriptor, keepsSize: true)
    try resume()
    blocks = Preallocation(descriptor, from: count, keepsSize: true)
    try checkRoom()
  }

  deinit {
    // What is allocated beyond the end is given back.
    if let end = blocks.end, end > count { _ = ftruncate(descriptor, off_t(count)) }
    close(descriptor)
  }

  /// Takes what an earlier process left.
  private func resume() throws {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw systemFailure(url) }
    guard Int(status.st_size) <= size else { return try startOver() }
    let file = try RandomAccessFile(incomplete)
    var window = [UInt8](repeating: 0, count: 1 << 20)
    while count < file.size {
      let piece = min(window.count, file.size - count)
      try window.withUnsafeMutableBytes { buffer in
        let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer[..<piece])
        try file.read(into: bytes, at: count)
        hasher.update(bufferPointer: UnsafeRawBufferPointer(bytes))
      }
      count += piece
    }
    lseek(descriptor, off_t(count), SEEK_SET)
  }

  private func checkRoom() throws {
    var (file, status) = (stat(), statvfs())
    guard fstat(descriptor, &file) == 0, fstatvfs(descriptor, &status) == 0 else { return }
    let (free, overflow) = Int(clamping: status.f_bavail).multipliedReportingOverflow(
      by: Int(clamping: status.f_frsize))
    let needed = Self.need(size, count: count, blocks: Int(clamping: file.st_blocks))
    guard overflow || free >= needed else {
      throw GraftError(
        .system, "the disk has too little room", file: url.deletingLastPathComponent().path,
        expected: "\(needed) bytes", found: "\(free)",
        advice: "Free some space, or name a cache on another disk with HF_HOME.")
    }
  }

  /// How many bytes a file still takes from the disk.
  ///
  /// - Parameters:
  ///   - size: How many bytes it has to have.
  ///   - count: How many are there.
  ///   - blocks: What it holds of the disk, in units of 512 bytes; more than is there when blocks are allocated
  ///     ahead.
  static func need(_ size: Int, count: Int, blocks: Int) -> Int {
    max(0, size - max(count, blocks.multipliedReportingOverflow(by: 512).partialValue))
  }

  /// Adds bytes at the end; they are hashed on another thread while this one writes.
  func append(_ bytes: UnsafeRawBufferPointer) throws {
    nonisolated(unsafe) let (writer, unhashed) = (self, bytes)
    hashing.async { writer.hasher.update(bufferPointer: unhashed) }
    defer { hashing.sync {} }
    blocks.reserve(upTo: count + bytes.count, of: size)
    let code = writeAll(bytes, to: descriptor)
    guard code == 0 else {
      errno = code
      throw systemFailure(url)
    }
    count += bytes.count
    if count - flushed >= 1 << 20 {
      _ = sync_file_range(descriptor, flushed, count - flushed, SYNC_FILE_RANGE_WRITE)
      flushed = count
    }
  }

  /// Forgets every byte.
  func startOver() throws {
    guard ftruncate(descriptor, 0) == 0, lseek(descriptor, 0, SEEK_SET) == 0 else { throw systemFailure(url) }
    hasher = content.hasher(size: size)
    (count, flushed, blocks) = (0, 0, Preallocation(descriptor, keepsSize: true))
  }

  /// Gives the blob its name when it is what it has to be; when not, every byte is forgotten.
  ///
  /// - Returns: What is there instead, for a message; `nil` when all is well.
  func finish() throws -> String? {
    let found = hasher.hexadecimal
    guard count == size, found == content.name else {
      let head = (try? RandomAccessFile(incomplete).head()) ?? []
      try startOver()
      return FileKind(head)?.description ?? "\(found) of \(count) bytes"
    }
    guard fdatasync(descriptor) == 0, rename(incomplete.path, url.path) == 0 else {
      throw systemFailure(url)
    }
    return nil
  }
}
