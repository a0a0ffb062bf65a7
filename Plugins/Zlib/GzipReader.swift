import CZlib
import Foundation
import GraftCore

/// Decompresses a gzip file as it is read, members one after another, through a fixed window.
///
/// Memory stays the same whatever the file claims to expand to: the reader never holds more than its window,
/// and the caller decides how much it takes. Reference: RFC 1952.
///
///     let reader = try GzipReader(RandomAccessFile(url))
///     while case let count = try reader.read(into: buffer), count > 0 { … }
public final class GzipReader {
  private let file: RandomAccessFile
  private let window: UnsafeMutableRawBufferPointer
  /// zlib keeps a pointer to it, so it has to stay where it is.
  private let stream: UnsafeMutablePointer<z_stream>
  /// How much of the file was read into the window.
  private var position = 0
  /// Whether the last byte that was decoded completed a member.
  private var betweenMembers = true
  private var finished = false

  /// - Parameter file: A gzip file; it is read from its beginning.
  /// - Throws: ``GraftError`` when it does not begin as one.
  public init(_ file: RandomAccessFile) throws {
    guard Gzip.isGzip(try file.head(Gzip.magic.count)) else {
      throw GraftError(.malformed, "not a gzip file", file: file.url.path)
    }
    self.file = file
    window = .allocate(byteCount: 1 << 16, alignment: 16)
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    // 15 + 16: the largest window, and a gzip header with its checksum.
    let status = inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else {
      throw GraftError(.system, "zlib cannot start (status \(status))", file: file.url.path)
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
    window.deallocate()
  }

  /// Decompresses the next bytes.
  ///
  /// - Parameter buffer: Where to; not empty.
  /// - Returns: How many bytes were decompressed; 0 at the end.
  /// - Throws: ``GraftError`` when the data is truncated or corrupt, or reading fails. The reader is at its
  ///   end then.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    guard !finished else { return 0 }
    do {
      return try inflate(into: buffer)
    } catch {
      finished = true
      throw error
    }
  }

  private func inflate(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let capacity = min(buffer.count, 1 << 30)
    stream.pointee.next_out = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = UInt32(capacity)
    while stream.pointee.avail_out > 0 {
      if stream.pointee.avail_in == 0, try !refill() {
        guard betweenMembers else { throw truncated() }
        finished = true
        break
      }
      if betweenMembers, try !beginMember() {
        finished = true
        break
      }
      switch CZlib.inflate(stream, Z_NO_FLUSH) {
      case Z_OK: break
      case Z_BUF_ERROR where stream.pointee.avail_in == 0: break
      case Z_STREAM_END:
        betweenMembers = true
        guard inflateReset(stream) == Z_OK else { throw corrupt("the stream cannot be reset") }
      case Z_MEM_ERROR: throw GraftError(.system, "zlib is out of memory", file: file.url.path)
      case let status:
        throw corrupt(stream.pointee.msg.map { String(cString: $0) } ?? "zlib status \(status)")
      }
    }
    return capacity - Int(stream.pointee.avail_out)
  }

  /// Starts the next member; `false` when only zeros are left, with which some tools pad a file.
  private func beginMember() throws -> Bool {
    if position > Int(stream.pointee.avail_in) {
      while stream.pointee.next_in.pointee == 0 {
        stream.pointee.next_in += 1
        stream.pointee.avail_in -= 1
        if stream.pointee.avail_in == 0, try !refill() { return false }
      }
    }
    betweenMembers = false
    return true
  }

  /// Reads the next part of the file; `false` at its end.
  private func refill() throws -> Bool {
    let count = min(window.count, file.size - position)
    guard count > 0 else { return false }
    try file.read(into: UnsafeMutableRawBufferPointer(rebasing: window[..<count]), at: position)
    position += count
    stream.pointee.next_in = window.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_in = UInt32(count)
    return true
  }

  private func truncated() -> GraftError {
    GraftError(
      .malformed,
      "truncated: the compressed data ends after \(file.size) bytes without its end mark",
      file: file.url.path,
      advice: "Copy or download it again."
    )
  }

  private func corrupt(_ what: String) -> GraftError {
    GraftError(
      .malformed,
      "corrupt gzip data before byte \(position - Int(stream.pointee.avail_in)): \(what)",
      file: file.url.path,
      advice: "Copy or download it again."
    )
  }
}
