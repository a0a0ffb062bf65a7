import GraftTensors

/// Makes a visible character of each space, puts one before the text, and splits before each.
public struct MetaspacePreTokenizer: PreTokenizer {
  public static let kind = "Metaspace"

  /// When a character is put before a piece that does not begin with it.
  public enum PrependScheme: String, Sendable, CaseIterable {
    case first, never, always
  }

  /// The character that stands for a space, U+2581 as a rule.
  public var replacement: UInt32
  public var prependScheme: PrependScheme
  /// Whether text is split.
  public var splits: Bool

  /// U+2581, as SentencePiece has it.
  public static let standardReplacement: UInt32 = 0x2581

  public init(
    replacement: UInt32 = standardReplacement, prependScheme: PrependScheme = .always, splits: Bool = true
  ) {
    self.replacement = replacement
    self.prependScheme = prependScheme
    self.splits = splits
  }

  /// Files of before 2024 have `add_prefix_space` in place of `prepend_scheme`.
  public init(_ reader: ComponentReader) throws {
    replacement = try reader.scalar("replacement")
    prependScheme = reader.json["prepend_scheme"] == nil ? .always : try reader.choice("prepend_scheme")
    if try reader.flag("add_prefix_space") == false {
      guard reader.json["prepend_scheme"] == nil || prependScheme == .never else {
        throw GraftError(
          .malformed, "two settings that disagree", subject: "key '\(reader.path)'",
          expected: "prepend_scheme never where add_prefix_space is false", found: prependScheme.rawValue)
      }
      prependScheme = .never
    }
    splits = try reader.flag("split") ?? true
  }

  public var json: JSON {
    [
      "type": .string(Self.kind),
      "replacement": .string(String(Character(Unicode.Scalar(replacement) ?? " "))),
      "prepend_scheme": .string(prependScheme.rawValue), "split": JSON(splits),
    ]
  }

  public var growth: Double { 5 }

  public var atLoneSpaces: LoneSpaceBehavior { splits ? .splits : .other }

  public func split(_ tokens: inout PreTokens) {
    var marker: [UInt8] = []
    appendScalar(replacement, to: &marker)
    tokens.rewrite { text, piece, result in
      let first = text.bytes[piece.range.lowerBound]
      let isFirst = first == 0x20 || text.bytes[piece.range].starts(with: marker)
      if !isFirst, prependScheme == .always || prependScheme == .first && piece.origin == 0 {
        result.append(marker, at: piece.range.lowerBound, of: text)
      }
      var position = piece.range.lowerBound
      for index in piece.range where text.bytes[index] == 0x20 {
        if position < index { result.append(position..<index, of: text) }
        result.append(marker, at: index, of: text)
        position = index + 1
      }
      result.append(position..<piece.range.upperBound, of: text)
    }
    if splits { tokens.split(.mergedWithNext, at: LiteralPattern(marker)) }
  }
}
