import GraftCore
import GraftTensors

/// A text, or a pair, and what `tokenizers` makes of it: a line of the goldens in Fixtures/bpe and Fixtures/pipeline.
public struct TokenizerCase {
  public var text = ""
  public var pair: String?
  public var truncation: Truncation?
  public var ids: [Int32] = []
  public var offsets: [Range<Int>] = []
  public var types: [Int32]?
  public var sequences: [Int?]?
  public var decoded = ""
  public var skipped = ""

  public init(parsing line: some Collection<UInt8>) throws {
    var reader = JSONReader(line)
    try reader.object { reader, key in
      switch key {
      case "text": text = try reader.string()
      case "pair": pair = try reader.string()
      case "decoded": decoded = try reader.string()
      case "skipped": skipped = try reader.string()
      case "max_length": cut.maximumLength = try reader.integer()
      case "strategy":
        let name = try reader.string()
        cut.strategy = name == "only_first" ? .onlyFirst : name == "only_second" ? .onlySecond : .longestFirst
      case "direction": cut.direction = try reader.string() == "left" ? .left : .right
      case "ids": ids = try Self.numbers(&reader).map { Int32($0) }
      case "types": types = try Self.numbers(&reader).map { Int32($0) }
      case "sequences":
        var found: [Int?] = []
        try reader.array { found.append(try $0.null() ? nil : try $0.integer()) }
        sequences = found
      case "offsets":
        try reader.array { reader in
          let bounds = try Self.numbers(&reader)
          offsets.append(bounds[0]..<max(bounds[0], bounds[1]))
        }
      default: try reader.skip()
      }
    }
  }

  /// What is cut, once something says so.
  private var cut: Truncation {
    get { truncation ?? Truncation(0) }
    set { truncation = newValue }
  }

  private static func numbers(_ reader: inout JSONReader) throws -> [Int] {
    var numbers: [Int] = []
    try reader.array { numbers.append(try $0.integer()) }
    return numbers
  }

  /// What a tokenizer makes of it that is not the same; `nil` when all is.
  ///
  /// - Parameter decodes: Whether the texts of the tokens are compared as well.
  public func difference(from tokenizer: any Tokenizer, decodes: Bool = true) -> String? {
    let encoding = tokenizer.encode(text, pair: pair, truncation: truncation, addSpecialTokens: true)
    let found = encoding.ids.indices.map { encoding.sequence(ofToken: $0) }
    let texts = [false, true].map { tokenizer.decode(ids, skippingSpecialTokens: $0) }
    if encoding.ids == ids, encoding.offsets == offsets, types == nil || encoding.tokenTypes == types,
      sequences == nil || found == sequences,
      !decodes || texts[0].utf8.elementsEqual(decoded.utf8) && texts[1].utf8.elementsEqual(skipped.utf8)
    {
      return nil
    }
    return """
      \(text.debugDescription) \(pair?.debugDescription ?? "")
      expected \(ids) \(offsets) \(types ?? []) \(skipped.debugDescription)
      found    \(encoding.ids) \(encoding.offsets) \(encoding.tokenTypes) \(texts[1].debugDescription)
      """
  }
}
