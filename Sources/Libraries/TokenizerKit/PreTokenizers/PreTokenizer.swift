import GraftTensors

/// Splits normalized text into pieces, each of which the model tokenizes by itself.
public protocol PreTokenizer: PipelineComponent {
  func split(_ tokens: inout PreTokens)

  /// How many times longer, in bytes, it can make a text.
  var growth: Double { get }

  /// What it does to spaces that stand alone between other characters.
  var atLoneSpaces: LoneSpaceBehavior { get }
}

extension PreTokenizer {
  public var growth: Double { 1 }
  public var atLoneSpaces: LoneSpaceBehavior { .other }

  /// Those of a `Sequence`, however deep they stand; of another this one alone.
  public var flattened: [any PreTokenizer] {
    (self as? SequencePreTokenizer)?.preTokenizers.flatMap(\.flattened) ?? [self]
  }
}

/// What a pre-tokenizer does to spaces that stand alone between other characters.
public enum LoneSpaceBehavior: Sendable {
  /// It splits before each of them.
  case splits
  /// It leaves them as they are, and splits at other characters, each by itself.
  case keeps
  case other
}

/// The pre-tokenizers that there are.
public enum PreTokenizers {
  static let all: [any PreTokenizer.Type] = [
    BertPreTokenizer.self, ByteLevelPreTokenizer.self, DigitsPreTokenizer.self, MetaspacePreTokenizer.self,
    PunctuationPreTokenizer.self, SequencePreTokenizer.self, SplitPreTokenizer.self,
    WhitespacePreTokenizer.self,
    WhitespaceSplitPreTokenizer.self,
  ]

  /// Reads the `pre_tokenizer` of a `tokenizer.json`; `nil` where it is `null`.
  ///
  /// - Throws: `GraftError` for one that is not known, or makes texts too long.
  public static func read(_ json: JSON) throws -> (any PreTokenizer)? {
    guard json != .null else { return nil }
    let reader = try ComponentReader.root(json, "pre_tokenizer")
    let preTokenizer = try make(reader)
    try reader.check(growth: preTokenizer.growth)
    return preTokenizer
  }

  static func make(_ reader: ComponentReader) throws -> any PreTokenizer {
    guard let type = all.first(where: { $0.kind == reader.kind }) else {
      throw reader.unsupported(all.map { $0.kind })
    }
    return try type.init(reader)
  }
}

/// Several pre-tokenizers, each of which splits the pieces of the one before it.
public struct SequencePreTokenizer: PreTokenizer {
  public static let kind = "Sequence"
  public let preTokenizers: [any PreTokenizer]

  public init(_ preTokenizers: [any PreTokenizer]) { self.preTokenizers = preTokenizers }

  public init(_ reader: ComponentReader) throws {
    preTokenizers = try reader.children("pretokenizers").map(PreTokenizers.make)
  }

  public var json: JSON { ["type": .string(Self.kind), "pretokenizers": .array(preTokenizers.map(\.json))] }

  public var growth: Double { preTokenizers.reduce(1) { $0 * $1.growth } }

  /// What comes behind one that splits gets pieces, and looks at each by itself.
  public var atLoneSpaces: LoneSpaceBehavior {
    preTokenizers.lazy.map(\.atLoneSpaces).first { $0 != .keeps } ?? .keeps
  }

  public func split(_ tokens: inout PreTokens) {
    for preTokenizer in preTokenizers { preTokenizer.split(&tokens) }
  }
}
