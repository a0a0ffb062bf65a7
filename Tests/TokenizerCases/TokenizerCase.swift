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
  /// What the ids decode to, with and without special tokens; `nil` where that is not compared.
  public var decoded: String?
  public var skipped: String?
  /// How many tokens a window repeats of the one before it, where the text is cut into windows.
  public var stride: Int?
  /// The windows after the first.
  public var overflowing: [TokenizerCase] = []

  public init(parsing line: some Collection<UInt8>) throws {
    var reader = JSONReader(line)
    try self.init(&reader)
  }

  private init(_ reader: inout JSONReader) throws {
    try reader.object { reader, key in
      switch key {
      case "text": text = try reader.string()
      case "pair": pair = try reader.string()
      case "stride": stride = try reader.integer()
      case "overflowing": try reader.array { overflowing.append(try TokenizerCase(&$0)) }
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
    let encodings: [Encoding]
    do {
      encodings = try encode(tokenizer)
    } catch {
      return "\(text.debugDescription) \(pair?.debugDescription ?? ""): \(error)"
    }
    for (expected, encoding) in zip([self] + overflowing, encodings) where !expected.isLike(encoding) {
      return """
        \(text.debugDescription) \(pair?.debugDescription ?? "")
        expected \(expected.ids) \(expected.offsets) \(expected.types ?? [])
        found    \(encoding.ids) \(encoding.offsets) \(encoding.tokenTypes)
        """
    }
    if encodings.count != overflowing.count + 1 {
      return "\(text.debugDescription): expected \(overflowing.count + 1) windows, found \(encodings.count)"
    }
    for (skips, expected) in [(false, decoded), (true, skipped)] where decodes {
      let found = tokenizer.decode(ids, skippingSpecialTokens: skips)
      if let expected, !found.utf8.elementsEqual(expected.utf8) {
        return
          "\(text.debugDescription): expected \(expected.debugDescription), found \(found.debugDescription)"
      }
    }
    return nil
  }

  private func encode(_ tokenizer: any Tokenizer) throws -> [Encoding] {
    guard let stride, let truncation else {
      return [tokenizer.encode(text, pair: pair, truncation: truncation, addSpecialTokens: true)]
    }
    return try tokenizer.windows(
      of: text, pair: pair, over: truncation.strategy == .onlySecond ? 1 : 0,
      maximumLength: truncation.maximumLength, stride: stride)
  }

  private func isLike(_ encoding: Encoding) -> Bool {
    encoding.ids == ids && encoding.offsets == offsets && (types == nil || encoding.tokenTypes == types)
      && (sequences == nil || encoding.ids.indices.map { encoding.sequence(ofToken: $0) } == sequences)
  }
}
