import GraftCore
import GraftTensors

/// Reads sentences in columns, as the shared tasks of CoNLL have them: a line for each token, a blank line behind each
/// sentence.
///
///     -DOCSTART- -X- -X- O
///
///     EU NNP B-NP B-ORG
///     rejects VBZ B-VP O
///
/// Columns stand between tabs where a line has one, else between spaces. Lines that begin with `-DOCSTART-` are passed
/// over, and so are comments before a sentence, `# …`. A row has the tokens in the field `tokens`, the text that they
/// make with spaces between them, and as its label the list of its tags.
enum SentenceReader {
  /// The field that has the words.
  static let tokensColumn = "tokens"
  /// The most tokens of a sentence: beyond it, the file has no blank lines.
  private static let mostTokens = 1 << 20

  /// Calls `body` with each row until it says that it has enough.
  ///
  /// - Throws: `GraftError` naming the row, which is a line here: a missing column, a line of another width.
  static func read(
    _ lines: DelimitedReader, path: String, options: DataOptions, _ body: (TextRow) throws -> Bool
  ) throws {
    var lines = lines
    let columns = try Columns(options)
    var (record, sentence, lastRow, isEmpty) = (Record(), Sentence(), 0, true)

    /// Whether more rows are wanted.
    func finish() throws -> Bool {
      guard !sentence.tokens.isEmpty else { return true }
      defer { sentence = Sentence() }
      isEmpty = false
      return try body(sentence.row(path: path))
    }

    var width: Int?
    while try lines.read(into: &record) {
      let line = try record.text(0)
      let cells = split(line)
      // Blank lines are passed over, but counted.
      let isFirst = record.row > lastRow + 1 || sentence.tokens.isEmpty
      lastRow = record.row
      if isFirst || cells.isEmpty || cells.first == "-DOCSTART-" {
        guard try finish() else { return }
      }
      if cells.isEmpty || cells.first == "-DOCSTART-" { continue }
      if isFirst, cells.first == "#", cells.count != width { continue }
      guard cells.count == width ?? cells.count else {
        throw GraftError(
          .malformed, "wrong number of columns", subject: "row \(record.row)",
          expected: "\(width ?? 0), as in the lines before", found: "\(cells.count)",
          advice: "A blank line ends a sentence.")
      }
      width = cells.count
      try sentence.add(cells, columns, row: record.row, options.columnAdvice(", by number."))
      guard sentence.tokens.count <= mostTokens else {
        throw GraftError(
          .malformed, "a sentence of more than \(mostTokens) tokens", subject: "row \(record.row)",
          advice: "A blank line ends a sentence.")
      }
    }
    guard try finish() else { return }
    if isEmpty {
      throw GraftError(
        .malformed, "the file has no sentences",
        expected: "a line for each token, and blank lines between sentences")
    }
  }

  private static func split(_ line: String) -> [Substring] {
    let bytes = line.utf8
    guard bytes.contains(0x09) else { return line.split(separator: " ") }
    let cells = line.split(separator: "\t", omittingEmptySubsequences: false)
    return cells.allSatisfy(\.isBlank) ? [] : cells
  }

  /// Which columns are read, counted from 0; negative ones from the end.
  private struct Columns {
    let token: Int
    let tag: Int?

    /// - Throws: `GraftError` for a column's name, or several columns of text.
    init(_ options: DataOptions) throws {
      guard options.textColumns.count <= 1, options.pairColumn == nil else {
        throw GraftError(
          .unsupported, "sentences in columns have one column of tokens",
          advice: "Give one number: \(option: "text-column").")
      }
      func index(_ column: Column?) throws -> Int? {
        switch column {
        case .number(let number): return number - 1
        case .name(let name):
          throw GraftError(
            .unsupported, "sentences in columns have no column names", subject: "column '\(name)'",
            advice: "Name the column by its number, from 1.")
        case nil: return nil
        }
      }
      token = try index(options.textColumns.first) ?? 0
      guard options.labelColumns.count < 2 else {
        throw GraftError(
          .unsupported, "sentences in columns have one column of labels",
          advice: "Name one with \(option: "label-column").")
      }
      tag = try index(options.labelColumns.first)
    }
  }

  private struct Sentence {
    var tokens: [String] = []
    private var tags: [String] = []
    private var firstRow = 0

    mutating func add(
      _ cells: [Substring], _ columns: Columns, row: Int, _ columnAdvice: Advice
    ) throws {
      func cell(_ column: Int) throws -> String {
        guard cells.indices.contains(column) else {
          throw GraftError(
            .missing, "no such column", subject: "row \(row), column '\(column + 1)'",
            found: "\(cells.count) columns",
            advice: columnAdvice)
        }
        return String(cells[column])
      }
      if tokens.isEmpty { firstRow = row }
      tokens.append(try cell(columns.token))
      // The last column has the tags, unless it has the tokens.
      if let tag = columns.tag ?? (cells.count > 1 ? cells.count - 1 : nil) { tags.append(try cell(tag)) }
    }

    func row(path: String) -> TextRow {
      var row = TextRow(
        tokens.joined(separator: " "), label: tags.isEmpty ? nil : .list(tags),
        place: TextRow.Place(file: path, row: firstRow))
      row.fields[tokensColumn] = .array(tokens.map { .string($0) })
      return row
    }
  }
}
