/// Puts tokens together to text again, as `tokenizers`' WordPiece decoder does.
struct WordPieceDecoder: Sendable, Equatable {
  /// What marks a token that continues a word; `nil` when there is no decoder and all tokens stand apart.
  var prefix: String? = "##"
  /// Whether spaces before punctuation and English contractions are taken out again.
  var cleansUp = true

  /// The texts that cleaning up replaces, in this order, within each token and the space before it.
  private static let replacements = [
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
    (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
  ].map { (old: Array($0.0.utf8), new: Array($0.1.utf8)) }

  func decode(_ tokens: some Sequence<String>) -> String {
    var text: [UInt8] = []
    let prefix = self.prefix.map { Array($0.utf8) }
    for (index, token) in tokens.enumerated() {
      var part = Array(token.utf8)
      if index > 0 {
        if let prefix, part.starts(with: prefix) {
          part.removeFirst(prefix.count)
        } else {
          part.insert(0x20, at: 0)
        }
      }
      if cleansUp {
        for replacement in WordPieceDecoder.replacements { part.replace(replacement.old, replacement.new) }
      }
      text += part
    }
    return String(decoding: text, as: UTF8.self)
  }
}

extension [UInt8] {
  /// Replaces every occurrence of some bytes, from left to right.
  fileprivate mutating func replace(_ old: [UInt8], _ new: [UInt8]) {
    guard count >= old.count, firstRange(of: old) != nil else { return }
    var result: [UInt8] = []
    var rest = self[...]
    while let range = rest.firstRange(of: old) {
      result += rest[..<range.lowerBound]
      result += new
      rest = rest[range.upperBound...]
    }
    self = result + rest
  }
}
