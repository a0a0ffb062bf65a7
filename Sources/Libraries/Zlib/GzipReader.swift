import Foundation
import GraftTensors

/// Decompresses a gzip file as it is read, members one after another, through a fixed window.
///
/// Memory stays the same whatever the file claims to expand to: the reader never holds more than its window,
/// and the caller decides how much it takes. Reference: RFC 1952.
///
///     let reader = try GzipReader(RandomAccessFile(url))
///     while case let count = try reader.read(into: buffer), count > 0 { … }
public final class GzipReader {
  private let stream: InflateStream
  /// Whether the last byte that was decoded completed a member.
  private var betweenMembers = true
  private var finished = false

  /// - Parameter file: A gzip file; it is read from its beginning.
  /// - Throws: `GraftError` when it does not begin as one.
  public init(_ file: RandomAccessFile) throws {
    guard Gzip.isGzip(try file.head(Gzip.magic.count)) else {
      throw GraftError(.malformed, "not a gzip file", file: file.url.path)
    }
    stream = try InflateStream(file, 0..<file.size, .gzip)
  }

  /// Decompresses the next bytes.
  ///
  /// - Parameter buffer: Where to; not empty.
  /// - Returns: How many bytes were decompressed; 0 at the end.
  /// - Throws: `GraftError` when the data is truncated or corrupt, or reading fails. The reader is at its
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
    while true {
      if betweenMembers, try !beginMember() {
        finished = true
        return 0
      }
      let (count, isEnd) = try stream.inflate(into: buffer)
      if isEnd {
        betweenMembers = true
        try stream.reset()
      } else if count == 0 {
        throw truncated()
      }
      if count > 0 { return count }
    }
  }

  /// Starts the next member; `false` when only zeros are left, with which some tools pad a file.
  private func beginMember() throws -> Bool {
    while let byte = try stream.peek() {
      if byte != 0 {
        betweenMembers = false
        return true
      }
      stream.skip()
    }
    return false
  }

  private func truncated() -> GraftError {
    GraftError(
      .malformed,
      "truncated: the compressed data ends after \(stream.file.size) bytes without its end mark",
      file: stream.file.url.path,
      advice: "Copy or download it again."
    )
  }
}
