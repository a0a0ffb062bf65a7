import GraftTensors
import TokenizerKit

extension Vocabulary {
  /// The tokens of a `vocab.txt`: one per line, whose number from 0 is the id. White space behind a token is no part of
  /// it. Of equal lines the last counts, and the others are ids without a token, as in `tokenizers`.
  ///
  /// - Returns: The tokens by id, and which lines are repeated, in a sentence.
  /// - Throws: ``GraftError`` that names a line that is not UTF-8, or when there is no token at all.
  static func lines(of bytes: [UInt8]) throws -> (entries: [Entry], notes: [String]) {
    var tokens: [String] = []
    var lastLine: [[UInt8]: Int] = [:]
    var repeated: [String] = []
    var bytes = bytes[...]
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }  // a byte order mark
    while !bytes.isEmpty {
      let end = bytes.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.endIndex
      let line = bytes[bytes.startIndex..<end]
      bytes = bytes[end...].dropFirst()
      guard var token = String(validating: line, as: UTF8.self) else {
        throw GraftError(.malformed, "not UTF-8 text", subject: "line \(tokens.count + 1)")
      }
      while token.unicodeScalars.last?.properties.isWhitespace == true { token.unicodeScalars.removeLast() }
      if let line = lastLine.updateValue(tokens.count, forKey: Array(token.utf8)) {
        repeated.append("\(line + 1)")
      }
      tokens.append(token)
    }
    let entries = tokens.enumerated().filter { lastLine[Array($1.utf8)] == $0 }.map { (token: $1, id: $0) }
    guard !entries.isEmpty else {
      throw GraftError(.malformed, "the vocabulary is empty", expected: "one token per line")
    }
    guard !repeated.isEmpty else { return (entries, []) }
    guard repeated.count > 1 else {
      return (
        entries,
        ["the token in line \(repeated[0]) of the vocabulary stands in a later line too, whose id it has"]
      )
    }
    let sample = repeated.prefix(3).joined(separator: ", ") + (repeated.count > 3 ? " and so on" : "")
    return (
      entries,
      ["the tokens in lines \(sample) of the vocabulary stand in later lines too, whose ids are theirs"]
    )
  }
}
