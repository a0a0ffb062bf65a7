import CZlib
import Foundation
import GraftTensors

/// zlib's decompressor over a part of a file, which is read through a fixed window.
public final class InflateStream {
  public enum Wrapping: Int32, Sendable {
    /// A gzip header and trailer: 16 beyond the largest window.
    case gzip = 31
    /// Nothing, as in a zip archive: a negative window.
    case raw = -15
  }

  let file: RandomAccessFile
  private let end: Int
  /// How much of the file was read into the window.
  private var position: Int
  private let window: UnsafeMutableRawBufferPointer
  /// How much is read next: little at first, as some look at the beginning only.
  private var step = 1 << 10
  /// zlib keeps a pointer to it, so it has to stay where it is.
  private let stream: UnsafeMutablePointer<z_stream>

  /// - Parameter range: Where the compressed data stand, which lies inside the file.
  /// - Throws: `GraftError` when zlib cannot start.
  public init(_ file: RandomAccessFile, _ range: Range<Int>, _ wrapping: Wrapping) throws {
    self.file = file
    (position, end) = (range.lowerBound, range.upperBound)
    window = .allocate(byteCount: 1 << 16, alignment: 16)
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let size = Int32(MemoryLayout<z_stream>.size)
    let status = inflateInit2_(stream, wrapping.rawValue, ZLIB_VERSION, size)
    guard status == Z_OK else {
      throw GraftError(.system, "zlib cannot start (status \(status))", file: file.url.path)
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
    window.deallocate()
  }

  /// Where the next compressed byte stands in the file.
  public var offset: Int { position - Int(stream.pointee.avail_in) }

  /// The next compressed byte, which stays; `nil` at the end of the range.
  func peek() throws -> UInt8? {
    guard try stream.pointee.avail_in > 0 || refill() else { return nil }
    return stream.pointee.next_in.pointee
  }

  /// Leaves out the compressed byte that ``peek()`` showed.
  func skip() {
    stream.pointee.next_in += 1
    stream.pointee.avail_in -= 1
  }

  /// Decompresses until the buffer is full, the data have reached their end mark, or the range ends.
  ///
  /// - Returns: How many bytes came out, and whether the end mark was met.
  /// - Throws: `GraftError` when the data are corrupt, or reading fails.
  public func inflate(into buffer: UnsafeMutableRawBufferPointer) throws -> (count: Int, isEnd: Bool) {
    let capacity = min(buffer.count, 1 << 30)
    stream.pointee.next_out = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = UInt32(capacity)
    var isEnd = false
    while stream.pointee.avail_out > 0, !isEnd {
      if stream.pointee.avail_in == 0, try !refill() { break }
      switch CZlib.inflate(stream, Z_NO_FLUSH) {
      case Z_OK: break
      case Z_BUF_ERROR where stream.pointee.avail_in == 0: break
      case Z_STREAM_END: isEnd = true
      case Z_MEM_ERROR: throw GraftError(.system, "zlib is out of memory", file: file.url.path)
      case let status:
        throw corrupt(stream.pointee.msg.map { String(cString: $0) } ?? "zlib status \(status)")
      }
    }
    return (capacity - Int(stream.pointee.avail_out), isEnd)
  }

  /// Makes ready for other data that follow.
  func reset() throws {
    guard inflateReset(stream) == Z_OK else { throw corrupt("the stream cannot be reset") }
  }

  /// Reads the next part of the file; `false` at the end of the range.
  private func refill() throws -> Bool {
    let count = min(step, end - position)
    guard count > 0 else { return false }
    step = min(2 * step, window.count)
    try file.read(into: UnsafeMutableRawBufferPointer(rebasing: window[..<count]), at: position)
    position += count
    stream.pointee.next_in = window.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_in = UInt32(count)
    return true
  }

  private func corrupt(_ what: String) -> GraftError {
    GraftError(
      .malformed, "corrupt compressed data before byte \(offset): \(what)", file: file.url.path,
      advice: "Copy or download it again.")
  }
}
