import GraftCore
import GraftTensors

/// How the rows of data files become texts and labels: what the data flags of the command line say.
public struct DataOptions: Sendable, Equatable {
  /// The columns of the text; several are joined with a space. `text` when empty.
  public var textColumns: [Column] = []
  /// The column of the second sequence, for heads that read pairs.
  public var pairColumn: Column?
  /// The column of the label. `nil` takes the column `label` when there is one.
  public var labelColumn: Column?
  /// Further columns, which tasks ask for: those that are there end up in `TextRow.fields`.
  public var fields: [TaskColumn] = []
  /// Whether the first row names the columns. `nil` says no when all given columns are numbers, else yes.
  public var hasHeader: Bool?
  /// `nil` goes by the file: its name, and its first bytes.
  public var format: DataFormat?
  /// Permutes the rows as NumPy's `default_rng(seed).permutation(count)` does.
  public var shuffleSeed: UInt64?
  /// Keeps this many rows: the first ones, after shuffling.
  public var take: Int?

  /// The defaults read the columns `text` and `label` of every row.
  public init(
    textColumns: [Column] = [],
    pairColumn: Column? = nil,
    labelColumn: Column? = nil,
    fields: [TaskColumn] = [],
    hasHeader: Bool? = nil,
    format: DataFormat? = nil,
    shuffleSeed: UInt64? = nil,
    take: Int? = nil
  ) {
    self.textColumns = textColumns
    self.pairColumn = pairColumn
    self.labelColumn = labelColumn
    self.fields = fields
    self.hasHeader = hasHeader
    self.format = format
    self.shuffleSeed = shuffleSeed
    self.take = take
  }

  /// The rows that ``shuffleSeed`` and ``take`` ask for.
  public func selected(from rows: [TextRow]) -> [TextRow] {
    let limit = take ?? .max
    guard let seed = shuffleSeed else { return rows.count > limit ? Array(rows[..<limit]) : rows }
    return NumPyGenerator(seed: seed).permutation(rows.count, first: limit).map { rows[$0] }
  }
}

/// A column of a table, by its name or by its place.
public enum Column: Sendable, Hashable, CustomStringConvertible {
  case name(String)
  /// Counted from 1.
  case number(Int)

  /// The column that a flag's value means: a number when it is all digits, else a name.
  ///
  /// - Throws: `GraftError` for column 0, because columns are counted from 1, and for an empty name.
  public init(parsing text: String) throws {
    guard !text.isEmpty else {
      throw GraftError(.malformed, "an empty column name", advice: "Separate columns with single commas.")
    }
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text) else {
      self = .name(text)
      return
    }
    guard number > 0 else {
      throw GraftError(.malformed, "no column 0", advice: "Columns are counted from 1.")
    }
    self = .number(number)
  }

  /// The columns of a comma-separated list, such as `2,3`.
  ///
  /// - Throws: as ``init(parsing:)``.
  public static func list(_ text: String) throws -> [Column] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map { try Column(parsing: String($0)) }
  }

  /// The name, or the number in decimal.
  public var description: String {
    switch self {
    case .name(let name): name
    case .number(let number): String(number)
    }
  }
}

/// How a data file is laid out.
public enum DataFormat: String, Sendable, CaseIterable {
  /// Comma-separated values with quotes: RFC 4180. Backslashes are ordinary characters.
  case csv
  /// Tab-separated values, where a quote is an ordinary character: `text/tab-separated-values` of IANA.
  case tsv
  /// One JSON object a line.
  case jsonLines = "jsonl"
  /// One text a line, nothing else.
  case lines
  /// A token a line, with its tag in another column, and blank lines between sentences.
  case conll
  /// Questions on paragraphs, with their answers: one JSON document as SQuAD has it, version 1.1 or 2.0.
  case squad

  /// What a file's name and first bytes suggest.
  ///
  /// - Parameters:
  ///   - name: The file's name; a final `.gz` does not count.
  ///   - head: The first bytes, decompressed.
  init(name: String, head: some Collection<UInt8>) {
    var parts = name.lowercased().split(separator: ".").map(String.init)
    if parts.last == "gz" { parts.removeLast() }
    if head.starts(with: "-DOCSTART-".utf8) { parts.append("conll") }
    if SQuADReader.recognizes(head) { parts.append("squad") }
    switch parts.last {
    case "csv": self = .csv
    case "tsv", "tab": self = .tsv
    case "jsonl", "ndjson", "json": self = .jsonLines
    case "txt": self = .lines
    case "conll", "iob", "iob2", "bio", "bioes": self = .conll
    case "squad": self = .squad
    default:
      let start = head.drop {
        $0 == 0xEF || $0 == 0xBB || $0 == 0xBF || $0 == 0x20 || $0 == 0x0A || $0 == 0x0D
      }
      let firstLine = start.prefix { $0 != 0x0A }
      self = start.first == UInt8(ascii: "{") ? .jsonLines : firstLine.contains(0x09) ? .tsv : .csv
    }
  }
}
