import GraftTensors

/// Splits text into words as GPT-2 does, and spells each byte as a printable character.
public struct ByteLevelPreTokenizer: PreTokenizer {
  public static let kind = "ByteLevel"

  /// Whether text that does not begin with a space gets one.
  public var addsPrefixSpace: Bool
  /// Kept for files; it is the post-processor that trims.
  public var trimsOffsets: Bool
  /// Whether text is split into words; otherwise it is one.
  public var splitsWords: Bool

  public init(addsPrefixSpace: Bool = true, trimsOffsets: Bool = true, splitsWords: Bool = true) {
    self.addsPrefixSpace = addsPrefixSpace
    self.trimsOffsets = trimsOffsets
    self.splitsWords = splitsWords
  }

  public init(_ reader: ComponentReader) throws {
    addsPrefixSpace = try reader.flag("add_prefix_space") ?? true
    trimsOffsets = try reader.flag("trim_offsets") ?? true
    splitsWords = try reader.flag("use_regex") ?? true
  }

  public var json: JSON {
    [
      "type": .string(Self.kind), "add_prefix_space": JSON(addsPrefixSpace),
      "trim_offsets": JSON(trimsOffsets),
      "use_regex": JSON(splitsWords),
    ]
  }

  /// A byte has up to two in its place, and so has the space before it.
  public var growth: Double { 4 }

  public var atLoneSpaces: LoneSpaceBehavior { splitsWords ? .splits : .other }

  public func split(_ tokens: inout PreTokens) {
    if addsPrefixSpace {
      tokens.rewrite { text, piece, result in
        if text.bytes[piece.range.lowerBound] != 0x20 {
          result.append([0x20], at: piece.range.lowerBound, of: text)
        }
        result.append(piece.range, of: text)
      }
    }
    if splitsWords { tokens.split(.isolated, at: GPT2Pattern()) }
    tokens.rewrite { text, piece, result in
      for index in piece.range {
        result.append(ByteLevelAlphabet.scalars[Int(text.bytes[index])], at: index, of: text)
      }
    }
  }
}
