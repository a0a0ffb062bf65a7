import Foundation
import Glibc

/// Bytes that are read once from front to back, through a window.
public struct ByteStream {
  /// Fills a prefix of a buffer and returns its length; 0 means that the stream has ended.
  public typealias Reader = (UnsafeMutableRawBufferPointer) throws -> Int

  private let reader: Reader
  /// Whether bytes come in their own time, as through a pipe: who looks ahead should wait for no more than is needed.
  package let isLive: Bool
  /// Whether a live stream would give bytes within some milliseconds.
  package let hasMore: (_ milliseconds: Int) -> Bool

  /// - Parameters:
  ///   - isLive: Whether the reader waits for bytes that somebody has yet to write.
  ///   - reader: Is called with a buffer that is not empty.
  public init(isLive: Bool = false, _ reader: @escaping Reader) {
    self.init(isLive: isLive, hasMore: { _ in false }, reader)
  }

  package init(isLive: Bool, hasMore: @escaping (_ milliseconds: Int) -> Bool, _ reader: @escaping Reader) {
    (self.isLive, self.hasMore, self.reader) = (isLive, hasMore, reader)
  }

  /// What a descriptor gives, as it comes.
  ///
  /// - Parameters:
  ///   - descriptor: It stays open.
  ///   - url: What messages call it.
  public init(reading descriptor: Int32, named url: URL) {
    self.init(
      isLive: true,
      hasMore: { milliseconds in
        var descriptor = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&descriptor, 1, Int32(milliseconds)) > 0
      }
    ) { buffer in
      while true {
        let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
        if count >= 0 { return count }
        guard errno == EINTR else {
          throw GraftError(.system, "cannot be read (\(systemMessage()))", file: url.path)
        }
      }
    }
  }

  /// The bytes of a file.
  public init(_ file: RandomAccessFile) {
    var position = 0
    self.init { buffer in
      let count = min(buffer.count, file.size - position)
      try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), at: position)
      position += count
      return count
    }
  }

  /// The given bytes.
  public init(_ bytes: [UInt8]) {
    var rest = bytes[...]
    self.init { buffer in
      let part = rest.prefix(buffer.count)
      buffer.copyBytes(from: part)
      rest = rest.dropFirst(part.count)
      return part.count
    }
  }

  /// Fills a prefix of a buffer.
  ///
  /// - Returns: The number of bytes; 0 at the end.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    buffer.isEmpty ? 0 : try reader(buffer)
  }
}

/// A way of compressing whole files.
///
/// This module links no compression library. A module that does passes one of these to `DataSource`.
public struct Decompressor: Sendable {
  /// Whether a file that begins with these bytes is compressed so.
  public let recognizes: @Sendable ([UInt8]) -> Bool
  /// The decompressed bytes of a file.
  public let open: @Sendable (RandomAccessFile) throws -> ByteStream

  /// A compression that is recognised by a file's first 16 bytes.
  public init(
    recognizes: @escaping @Sendable ([UInt8]) -> Bool,
    open: @escaping @Sendable (RandomAccessFile) throws -> ByteStream
  ) {
    self.recognizes = recognizes
    self.open = open
  }
}

/// A stream's bytes, one window at a time, for readers that look at each.
package struct ByteWindow {
  private let stream: ByteStream
  private var window: [UInt8]
  private var position = 0
  private var end = 0

  package init(_ stream: ByteStream, size: Int = 1 << 16) {
    self.stream = stream
    window = [UInt8](repeating: 0, count: size)
  }

  /// Reads until the window is full or the stream ends, and shows what there is without consuming it.
  ///
  /// - Parameter patience: How many milliseconds more of a live stream is waited for after what came; `nil` where it does
  ///   not tell what is asked, however long that takes.
  package mutating func peek(
    patience: (ArraySlice<UInt8>) -> Int? = { _ in nil }
  ) throws -> ArraySlice<UInt8> {
    if position > 0 {
      window.removeSubrange(..<position)
      window.append(contentsOf: repeatElement(0, count: position))
      end -= position
      position = 0
    }
    while end < window.count {
      if stream.isLive, end > 0, let patience = patience(window[..<end]), !stream.hasMore(patience) { break }
      let start = end
      let count = try window.withUnsafeMutableBytes {
        try stream.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[start...]))
      }
      if count == 0 { break }
      end += count
    }
    return window[position..<end]
  }

  /// What was not consumed, as a stream; the window is not to be used beside it.
  package var rest: ByteStream {
    var buffered = window[position..<end]
    return ByteStream(isLive: stream.isLive, hasMore: { [stream] in !buffered.isEmpty || stream.hasMore($0) })
    {
      [stream] buffer in
      guard !buffered.isEmpty else { return try stream.read(into: buffer) }
      let part = buffered.prefix(buffer.count)
      buffer.copyBytes(from: part)
      buffered = buffered.dropFirst(part.count)
      return part.count
    }
  }

  /// Consumes the byte order mark of UTF-8, if the stream begins with one.
  package mutating func skipByteOrderMark() throws {
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    let start = try peek(patience: { !mark.starts(with: $0.prefix(3)) || $0.count >= 3 ? 0 : nil })
    if start.starts(with: mark) { skip(3) }
  }

  /// Consumes a prefix of what is buffered.
  package mutating func skip(_ count: Int) { position += count }

  /// The next byte without consuming it; `nil` at the end.
  package mutating func next() throws -> UInt8? {
    if position == end, !(try refill()) { return nil }
    return window[position]
  }

  /// Consumes bytes up to one of three stops, which is left standing, and adds them to `output`.
  ///
  /// - Returns: The byte that stopped it; `nil` at the end.
  package mutating func take(
    until stop: UInt8,
    or second: UInt8,
    or third: UInt8,
    into output: inout [UInt8],
    limit: Int
  ) throws -> UInt8? {
    while true {
      if position == end, !(try refill()) { return nil }
      let found = window.withUnsafeBufferPointer { bytes -> Int in
        var index = position
        while index < end, bytes[index] != stop, bytes[index] != second, bytes[index] != third { index += 1 }
        output.append(contentsOf: bytes[position..<index])
        return index
      }
      position = found
      if output.count > limit { throw RecordTooLong() }
      if found < end { return window[found] }
    }
  }

  private mutating func refill() throws -> Bool {
    position = 0
    end = 0
    end = try window.withUnsafeMutableBytes { try stream.read(into: $0) }
    return end > 0
  }

  /// A record that no sane file has; the reader turns it into an error that names the row.
  package struct RecordTooLong: Error {}
}
