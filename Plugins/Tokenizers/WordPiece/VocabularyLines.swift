import GraftTensors
import TokenizerKit

extension Vocabulary {
  /// The tokens of a `vocab.txt`: one per line, whose number from 0 is the id.
  ///
  /// - Throws: ``GraftError`` that names the line: text that is not UTF-8, a token given twice, no token at
  ///   all.
  static func lines(of bytes: [UInt8]) throws -> [Entry] {
    var entries: [Entry] = []
    var lineOfToken: [[UInt8]: Int] = [:]
    var bytes = bytes[...]
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }  // a byte order mark
    while !bytes.isEmpty {
      let end = bytes.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.endIndex
      var line = bytes[bytes.startIndex..<end]
      bytes = bytes[end...].dropFirst()
      if line.last == UInt8(ascii: "\r") { line.removeLast() }
      let number = entries.count + 1
      guard let token = String(validating: line, as: UTF8.self) else {
        throw GraftError(.malformed, "not UTF-8 text", subject: "line \(number)")
      }
      if let other = lineOfToken.updateValue(number, forKey: Array(line)) {
        throw GraftError(
          .malformed,
          token.isEmpty ? "a second empty line" : "the token '\(token)' is given twice",
          subject: "line \(number)", found: "the first on line \(other)",
          advice: "Remove one of them; the ids of all later tokens change with it.")
      }
      entries.append((token, entries.count))
    }
    guard !entries.isEmpty else {
      throw GraftError(.malformed, "the vocabulary is empty", expected: "one token per line")
    }
    return entries
  }
}
