import GraftCore

/// Which rows are longer than a model reads, and which have nothing to learn from: found before a run, by tokenizing
/// every text that may be.
struct TextLengths {
  /// The rows of which something is cut off, in their order.
  private(set) var truncated: [Int] = []
  /// The rows without a token that is not special.
  private(set) var empty: [Int] = []

  /// - Parameters:
  ///   - rows: Texts and pairs.
  ///   - encoder: The tokenizer and the most tokens.
  ///   - findsEmpty: Whether rows without tokens are looked for; each text has to be tokenized then.
  init(_ rows: [TextRow], _ encoder: TextEncoder, findsEmpty: Bool) throws {
    let parts = try inParallel(rows) { part in
      var (truncated, empty) = ([Int](), [Int]())
      for index in part.indices {
        let row = part[index]
        if !findsEmpty, Self.isCertainlyShort(row, encoder.maximumLength) { continue }
        var encoding = encoder.tokenizer.encode(
          row.text, pair: row.pair, maximumLength: nil, addSpecialTokens: true)
        if encoding.ids.count > encoder.maximumLength {
          truncated.append(index)
          if findsEmpty { encoding = encoder.encode(row.text, row.pair) }
        }
        if findsEmpty, encoding.isSpecial.allSatisfy(\.self) { empty.append(index) }
      }
      return (truncated: truncated, empty: empty)
    }
    truncated = parts.flatMap(\.truncated)
    empty = parts.flatMap(\.empty)
  }

  /// Whether a text cannot have too many tokens: each has at least a character of ASCII, but for some at the borders.
  private static func isCertainlyShort(_ row: TextRow, _ most: Int) -> Bool {
    let count = row.text.utf8.count + (row.pair?.utf8.count ?? 0)
    return count + 8 <= most && row.text.utf8.allSatisfy { $0 < 0x80 }
      && row.pair?.utf8.allSatisfy { $0 < 0x80 } != false
  }
}

/// What became of the rows of a data set before the first batch.
public struct DatasetFacts: Sendable, Equatable {
  /// How many rows were given.
  public var rows: Int
  /// How many examples they make.
  public var examples: Int
  /// The most tokens of an example.
  public var maximumLength: Int
  /// How many rows are longer, and are cut off there. Rows that become windows, or are packed with others, are not.
  public var truncated = 0
  /// The rows that are left out, because they have no token that a head could learn from.
  public var skipped: [TextRow.Place] = []
  /// Whether texts are packed into pieces of the full length.
  public var isPacked = false

  /// Rows of which none is cut or left out, unless it is said.
  public init(rows: Int, examples: Int, maximumLength: Int, truncated: Int = 0) {
    self.rows = rows
    self.examples = examples
    self.maximumLength = maximumLength
    self.truncated = truncated
  }
}
