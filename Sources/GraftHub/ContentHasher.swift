import Crypto
import Foundation
import GraftTensors

/// The SHA-256 of a file, in hexadecimal digits.
///
/// - Throws: `GraftError` when it cannot be read.
public func sha256(of url: URL) throws -> String {
  var hash = SHA256()
  try hash.update(RandomAccessFile(url))
  return hash.hexadecimal
}

/// A hash that is given the bytes of a file in their order.
protocol ContentHasher {
  mutating func update(bufferPointer: UnsafeRawBufferPointer)
  var hexadecimal: String { get }
}

extension ContentHasher {
  /// Adds all bytes of a file.
  mutating func update(_ file: RandomAccessFile) throws {
    for start in stride(from: 0, to: file.size, by: 1 << 20) {
      try file.bytes(start..<min(file.size, start + 1 << 20)).withUnsafeBytes { update(bufferPointer: $0) }
    }
  }
}

extension SHA256: ContentHasher {
  var hexadecimal: String { finalize().hexadecimal }
}

extension Insecure.SHA1: ContentHasher {
  var hexadecimal: String { finalize().hexadecimal }
}
