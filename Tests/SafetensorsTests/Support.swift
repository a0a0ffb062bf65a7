import Foundation
import GraftCore
import Testing

/// The repository's `Fixtures`.
let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().appendingPathComponent("Fixtures")

/// Runs `body` with a directory of its own, removed afterwards.
func withTemporaryDirectory<Result>(_ body: (URL) throws -> Result) throws -> Result {
  let url = FileManager.default.temporaryDirectory.appendingPathComponent("graft-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: url) }
  return try body(url)
}

/// A file's first eight bytes, for a header of `count` bytes.
func length(_ count: UInt64) -> [UInt8] { withUnsafeBytes(of: count.littleEndian, Array.init) }

/// A file: the length, a header, and `data` bytes of zero.
func file(_ header: String, data: Int = 0) -> [UInt8] {
  length(UInt64(header.utf8.count)) + Array(header.utf8) + [UInt8](repeating: 0, count: data)
}
