import Foundation
import GraftTensors

/// The gzip file format.
public enum Gzip {
  /// What a gzip file begins with: its mark, and the one compression method there is.
  static let magic: [UInt8] = [0x1F, 0x8B, 0x08]

  /// Whether a file that begins with `head` is a gzip file.
  public static func isGzip(_ head: some Sequence<UInt8>) -> Bool { head.starts(with: magic) }

  /// Decompresses a whole file that should be small.
  ///
  /// - Parameters:
  ///   - url: The gzip file.
  ///   - limit: The most bytes that come out of it.
  /// - Throws: `GraftError` when it is not gzip, is truncated or corrupt, or expands beyond `limit`.
  public static func decompress(file url: URL, limit: Int) throws -> [UInt8] {
    let reader = try GzipReader(RandomAccessFile(url))
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = try chunk.withUnsafeMutableBytes(reader.read), count > 0 {
      guard bytes.count + count <= limit else {
        throw GraftError(
          .malformed,
          "too large when decompressed",
          file: url.path,
          expected: "at most \(limit) bytes",
          found: "more"
        )
      }
      bytes += chunk[..<count]
    }
    return bytes
  }
}
