import GraftTensors

/// Splits normalized text into pieces, each of which the model tokenizes by itself.
public protocol PreTokenizer: PipelineComponent {
  func split(_ tokens: inout PreTokens)

  /// How many times longer, in bytes, it can make a text.
  var growth: Double { get }
}

extension PreTokenizer {
  public var growth: Double { 1 }
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
    let preTokenizer = try make(ComponentReader.root(json, "pre_tokenizer"))
    guard preTokenizer.growth <= Normalizers.maximumGrowth else {
      throw GraftError(
        .unsupported, "it makes texts too long", subject: "key 'pre_tokenizer'",
        expected: "at most \(Int(Normalizers.maximumGrowth)) times as long")
    }
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

  public func split(_ tokens: inout PreTokens) {
    for preTokenizer in preTokenizers { preTokenizer.split(&tokens) }
  }
}
