import GraftTensors

/// Splits at white space, which goes, and sets each punctuation character apart.
public struct BertPreTokenizer: PreTokenizer, PlainComponent {
  public static let kind = "BertPreTokenizer"
  public init() {}
  public var atLoneSpaces: LoneSpaceBehavior { .splits }

  public func split(_ tokens: inout PreTokens) {
    tokens.split(.removed, at: ScalarPattern(.whitespace))
    tokens.split(.isolated, at: ScalarPattern(.punctuation))
  }
}

/// Splits at white space, which goes.
public struct WhitespaceSplitPreTokenizer: PreTokenizer, PlainComponent {
  public static let kind = "WhitespaceSplit"
  public init() {}
  public var atLoneSpaces: LoneSpaceBehavior { .splits }
  public func split(_ tokens: inout PreTokens) { tokens.split(.removed, at: ScalarPattern(.whitespace)) }
}

/// Splits into runs of word characters and runs of others; white space goes.
public struct WhitespacePreTokenizer: PreTokenizer, PlainComponent {
  public static let kind = "Whitespace"
  public init() {}
  public var atLoneSpaces: LoneSpaceBehavior { .splits }
  public func split(_ tokens: inout PreTokens) { tokens.split(.removed, isInverted: true, at: Words()) }

  /// `\w+|[^\w\s]+`
  private struct Words: TextPattern {
    func forEachMatch(in text: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>) -> Void) {
      let properties = UnicodeProperties.shared
      var (start, index) = (0, 0)
      var last: ScalarFlags?
      while index < text.count {
        let place = index
        let flags = properties.flags(of: decodeScalar(text, &index, end: text.count)).intersection([
          .word, .whitespace,
        ])
        // No word character is white space.
        if flags == last { continue }
        if let last, !last.contains(.whitespace) { body(start..<place) }
        (start, last) = (place, flags)
      }
      if let last, !last.contains(.whitespace) { body(start..<index) }
    }
  }
}

/// Splits at punctuation.
public struct PunctuationPreTokenizer: PreTokenizer {
  public static let kind = "Punctuation"
  public var behavior: PreTokens.Behavior

  public init(_ behavior: PreTokens.Behavior = .isolated) { self.behavior = behavior }

  public init(_ reader: ComponentReader) throws {
    behavior = reader.json["behavior"] == nil ? .isolated : try reader.choice("behavior")
  }

  public var json: JSON { ["type": .string(Self.kind), "behavior": .string(behavior.rawValue)] }

  public var atLoneSpaces: LoneSpaceBehavior {
    behavior == .isolated || behavior == .removed ? .keeps : .other
  }

  public func split(_ tokens: inout PreTokens) { tokens.split(behavior, at: ScalarPattern(.punctuation)) }
}

/// Sets numbers apart.
public struct DigitsPreTokenizer: PreTokenizer {
  public static let kind = "Digits"
  /// Whether each digit stands alone.
  public var isIndividual: Bool

  public init(isIndividual: Bool = false) { self.isIndividual = isIndividual }

  public init(_ reader: ComponentReader) throws {
    isIndividual = try reader.flag("individual_digits") ?? false
  }

  public var json: JSON { ["type": .string(Self.kind), "individual_digits": JSON(isIndividual)] }

  public var atLoneSpaces: LoneSpaceBehavior { .keeps }

  public func split(_ tokens: inout PreTokens) {
    tokens.split(isIndividual ? .isolated : .contiguous, at: ScalarPattern(.numeric))
  }
}

/// Splits at what matches a pattern.
public struct SplitPreTokenizer: PreTokenizer {
  public static let kind = "Split"
  public let pattern: ComponentPattern
  public var behavior: PreTokens.Behavior
  /// Whether the text beside the matches counts as what matches.
  public var isInverted: Bool

  public init(_ reader: ComponentReader) throws {
    pattern = try reader.pattern()
    behavior = try reader.choice("behavior")
    isInverted = try reader.flag("invert") ?? false
  }

  public var json: JSON {
    [
      "type": .string(Self.kind), "pattern": pattern.json, "behavior": .string(behavior.rawValue),
      "invert": JSON(isInverted),
    ]
  }

  public var atLoneSpaces: LoneSpaceBehavior {
    behavior == .isolated && !isInverted && pattern.pattern is GPT2Pattern ? .splits : .other
  }

  public func split(_ tokens: inout PreTokens) {
    tokens.split(behavior, isInverted: isInverted, at: pattern.pattern)
  }
}
