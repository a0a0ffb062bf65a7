import GraftCompute
import GraftCore
import GraftTensors

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
  ///   - reader: Has to be able to read each text; `nil` where that is known.
  ///   - sequences: What is read of a row.
  /// - Throws: `GraftError` naming the first row that cannot be read.
  init(
    _ rows: [TextRow], _ encoder: TextEncoder, findsEmpty: Bool, for reader: (any Backbone)? = nil,
    sequences: @Sendable (TextRow) throws -> [TextRow] = { [$0] }
  ) throws {
    let parts = try inParallel(rows) { part in
      var (truncated, empty) = ([Int](), [Int]())
      for index in part.indices {
        var (isCut, isEmpty) = (false, findsEmpty)
        var encodings: [Encoding] = []
        for row in try sequences(part[index]) {
          if !findsEmpty, reader == nil, Self.isCertainlyShort(row, encoder.maximumLength) { continue }
          var encoding = encoder.tokenizer.encode(
            row.text, pair: row.pair, maximumLength: nil, addSpecialTokens: true)
          if encoding.ids.count > encoder.maximumLength {
            isCut = true
            if findsEmpty || reader != nil { encoding = encoder.encode(row.text, row.pair) }
          }
          if findsEmpty, !encoding.isSpecial.allSatisfy(\.self) { isEmpty = false }
          if reader != nil { encodings.append(encoding) }
        }
        if !isEmpty { try reader?.check(encodings, of: part[index]) }
        if isCut { truncated.append(index) }
        if isEmpty { empty.append(index) }
      }
      return (truncated: truncated, empty: empty)
    }
    truncated = parts.flatMap(\.truncated)
    empty = parts.flatMap(\.empty)
  }

  /// The places of rows that are cut, once others are left out.
  func truncated(without left: Set<Int>, of count: Int) -> [Int] {
    guard !left.isEmpty else { return truncated }
    let cut = Set(truncated)
    return (0..<count).filter { !left.contains($0) }.enumerated().filter { cut.contains($0.element) }.map(
      \.offset)
  }

  /// Whether a text cannot have too many tokens: each has at least a character of ASCII, but for some at the borders.
  private static func isCertainlyShort(_ row: TextRow, _ most: Int) -> Bool {
    let count = row.text.utf8.count + (row.pair?.utf8.count ?? 0)
    return count + 8 <= most && row.text.utf8.allSatisfy { $0 < 0x80 }
      && row.pair?.utf8.allSatisfy { $0 < 0x80 } != false
  }
}

extension Backbone {
  /// Makes sure that the model can read what a row was made into.
  ///
  /// - Throws: `GraftError` naming the row.
  func check(_ encodings: [Encoding], of row: TextRow) throws {
    do {
      try check(Batch(encodings))
    } catch let error as GraftError { throw error.inRow(row) }
  }
}

/// The rows of which a model does not read the end, by their index.
///
/// - Parameters:
///   - rows: Texts and pairs.
///   - model: Its tokenizer, and its own limit.
///   - maxLength: The most tokens of a text; `nil` is the model's own limit.
///   - sequences: What the model reads of a row; a row is cut when one of these is.
/// - Throws: `GraftError` when the model has no tokenizer.
public func truncatedRows(
  _ rows: [TextRow], for model: Model, maxLength: Int? = nil,
  sequences: @Sendable (TextRow) throws -> [TextRow] = { [$0] }
) throws -> DatasetFacts {
  let limit = min(maxLength ?? .max, model.backbone.maximumLength)
  let encoder = TextEncoder(try model.requireTokenizer(), maximumLength: limit)
  let lengths = try TextLengths(rows, encoder, findsEmpty: false, sequences: sequences)
  return DatasetFacts(
    rows: rows.count, examples: rows.count, maximumLength: limit, truncatedRows: lengths.truncated)
}

/// What became of the rows of a data set before the first batch.
public struct DatasetFacts: Sendable, Equatable {
  /// How many rows were given.
  public var rows: Int
  /// How many examples they make.
  public var examples: Int
  /// The most tokens of an example.
  public var maximumLength: Int
  /// The most tokens that were asked for, where the model takes fewer.
  public var excessiveLength: Int?
  /// The rows that are longer, and are cut off there, by their place among those that are left. Rows that become windows,
  /// or are packed with others, are not.
  public var truncatedRows: [Int] = []
  /// The rows that are left out, because they have no token that a head could learn from.
  public var skipped: [TextRow.Place] = []
  /// How labels are read, where that is not plain.
  public var labelNote: Advice?
  /// What there is to say of rows that are rather slips, in sentences without a full stop.
  public var remarks: [String] = []
  /// Whether texts are packed into pieces of the full length.
  public var isPacked = false
  /// Which of several heads reads the rows; `nil` in a run with one.
  public var head: String?

  /// Rows of which none is cut or left out, unless it is said.
  public init(rows: Int, examples: Int, maximumLength: Int, truncatedRows: [Int] = []) {
    self.rows = rows
    self.examples = examples
    self.maximumLength = maximumLength
    self.truncatedRows = truncatedRows
  }

  /// How many rows are cut.
  public var truncated: Int { truncatedRows.count }
}

extension DatasetFacts {
  /// That texts are cut.
  ///
  /// - Parameters:
  ///   - count: How many.
  ///   - all: Of how many, where that is to be said.
  ///   - fold: Of which part of the data, counted from 0.
  ///   - length: The most tokens of a text.
  package static func sentence(ofCut count: Int, of all: Int? = nil, fold: Int? = nil, longerThan length: Int)
    -> String
  {
    let texts =
      all.map { "\(NumberText.grouped(count)) of \(NumberText.count($0, "text"))" }
      ?? NumberText.count(count, "text")
    let are = count == 1 ? "is" : "are"
    return
      "\(texts)\(fold.map { " of fold \($0 + 1)" } ?? "") \(are) longer than \(NumberText.grouped(length)) tokens and \(are) cut"
  }
}
