import GraftTensors

/// Joins the pieces of words, and puts spaces between words.
public struct WordPieceDecoder: Decoder, Equatable {
  public static let kind = "WordPiece"

  /// What marks a token that continues a word.
  public var prefix: String
  /// Whether spaces before punctuation and English contractions are taken out again.
  public var cleansUp: Bool

  public init(prefix: String = "##", cleansUp: Bool = true) {
    self.prefix = prefix
    self.cleansUp = cleansUp
  }

  public init(_ reader: ComponentReader) throws {
    prefix = try reader.optionalString("prefix") ?? "##"
    cleansUp = try reader.flag("cleanup") ?? true
  }

  public var json: JSON {
    ["type": .string(Self.kind), "prefix": .string(prefix), "cleanup": JSON(cleansUp)]
  }

  /// The texts that cleaning up replaces, in this order, within each token and the space before it.
  private static let replacements = [
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
    (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
  ].map { (old: LiteralPattern(Array($0.0.utf8)), new: Array($0.1.utf8)) }

  public func decode(_ tokens: [[UInt8]]) -> [[UInt8]] {
    let prefix = Array(prefix.utf8)
    return tokens.enumerated().map { index, token in
      var part = token
      if index > 0 {
        if part.starts(with: prefix) {
          part.removeFirst(prefix.count)
        } else {
          part.insert(0x20, at: 0)
        }
      }
      guard cleansUp, part.contains(0x20) else { return part }
      for replacement in Self.replacements { part = part.replacing(replacement.old, with: replacement.new) }
      return part
    }
  }
}

extension [UInt8] {
  /// The text with other text in the place of every match.
  func replacing(_ pattern: some TextPattern, with content: [UInt8]) -> [UInt8] {
    let matches = pattern.matches(in: self)
    guard !matches.isEmpty else { return self }
    var result: [UInt8] = []
    var position = 0
    for match in matches {
      result += self[position..<match.lowerBound]
      result += content
      position = match.upperBound
    }
    return result + self[position...]
  }
}
