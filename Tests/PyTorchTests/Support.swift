import Foundation
import GraftCore

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

/// The bytes that a text's characters are the numbers of.
func bytes(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8($0.value) } }

/// Four bytes, little-endian.
func number(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }

/// Up to three changes: a byte, a bit, a piece put in, some bytes taken out, some doubled.
func mutate(_ seed: [UInt8], _ pieces: [[UInt8]], _ generator: inout Philox) -> [UInt8] {
  var bytes = seed
  for _ in 0...Int.random(in: 0...2, using: &generator) {
    let position = Int.random(in: 0...bytes.count, using: &generator)
    switch Int.random(in: 0..<5, using: &generator) {
    case 0 where position < bytes.count: bytes[position] = UInt8(truncatingIfNeeded: generator.nextWord())
    case 1 where position < bytes.count: bytes[position] ^= 1 << UInt8(generator.nextWord() % 8)
    case 2: bytes.insert(contentsOf: pieces.randomElement(using: &generator) ?? [], at: position)
    case 3: bytes.removeSubrange(position..<min(bytes.count, position + Int(generator.nextWord() % 9)))
    default:
      let end = min(bytes.count, position + Int(generator.nextWord() % 30))
      bytes.insert(contentsOf: bytes[position..<end], at: position)
    }
  }
  return bytes
}
