import GraftTensors

/// Makes spaces of the characters that stand for them, and none of those in the first token.
public struct MetaspaceDecoder: Decoder {
  public static let kind = "Metaspace"
  public let settings: MetaspacePreTokenizer

  public init(_ settings: MetaspacePreTokenizer = MetaspacePreTokenizer()) { self.settings = settings }

  public init(_ reader: ComponentReader) throws { settings = try MetaspacePreTokenizer(reader) }

  public var json: JSON { settings.json }

  public func decode(_ tokens: [[UInt8]]) -> [[UInt8]] {
    var marker: [UInt8] = []
    appendScalar(settings.replacement, to: &marker)
    let pattern = LiteralPattern(marker)
    return tokens.enumerated().map { index, token in
      token.replacing(pattern, with: index == 0 && settings.prependScheme != .never ? [] : [0x20])
    }
  }
}

/// Puts other text in the place of what matches a pattern, within each token.
public struct ReplaceDecoder: Decoder {
  public static let kind = "Replace"
  public let settings: ReplaceNormalizer

  public init(_ settings: ReplaceNormalizer) { self.settings = settings }

  public init(_ reader: ComponentReader) throws { settings = try ReplaceNormalizer(reader) }

  public var json: JSON { settings.json }

  public func decode(_ tokens: [[UInt8]]) -> [[UInt8]] {
    let content = Array(settings.content.utf8)
    return tokens.map { $0.replacing(settings.pattern.pattern, with: content) }
  }
}

/// Joins all tokens to one.
public struct FuseDecoder: Decoder, PlainComponent {
  public static let kind = "Fuse"
  public init() {}
  public func decode(_ tokens: [[UInt8]]) -> [[UInt8]] { [Array(tokens.joined())] }
}

/// Removes a character from the ends of tokens.
public struct StripDecoder: Decoder {
  public static let kind = "Strip"
  public let content: UInt32
  /// How many may go from the beginning, and from the end.
  public let start: Int
  public let stop: Int

  public init(_ content: UInt32, start: Int, stop: Int) {
    self.content = content
    self.start = start
    self.stop = stop
  }

  public init(_ reader: ComponentReader) throws {
    self.init(try reader.scalar("content"), start: try reader.count("start"), stop: try reader.count("stop"))
  }

  public var json: JSON {
    [
      "type": .string(Self.kind), "content": .string(String(Character(Unicode.Scalar(content) ?? " "))),
      "start": JSON(start), "stop": JSON(stop),
    ]
  }

  public func decode(_ tokens: [[UInt8]]) -> [[UInt8]] {
    var marker: [UInt8] = []
    appendScalar(content, to: &marker)
    return tokens.map { token in
      var rest = token[...]
      var count = 0
      while count < start, rest.starts(with: marker) {
        rest = rest.dropFirst(marker.count)
        count += 1
      }
      count = 0
      while count < stop, rest.count >= marker.count, rest.suffix(marker.count).elementsEqual(marker) {
        rest = rest.dropLast(marker.count)
        count += 1
      }
      return Array(rest)
    }
  }
}

/// Makes spaces of the suffix that ends words, and none of that of the last token.
public struct BPEDecoder: Decoder {
  public static let kind = "BPEDecoder"
  public let suffix: String

  public init(suffix: String = "</w>") { self.suffix = suffix }

  public init(_ reader: ComponentReader) throws { suffix = try reader.optionalString("suffix") ?? "</w>" }

  public var json: JSON { ["type": .string(Self.kind), "suffix": .string(suffix)] }

  public func decode(_ tokens: [[UInt8]]) -> [[UInt8]] {
    let pattern = LiteralPattern(Array(suffix.utf8))
    return tokens.enumerated().map { index, token in
      token.replacing(pattern, with: index == tokens.count - 1 ? [] : [0x20])
    }
  }
}
