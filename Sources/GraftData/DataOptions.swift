import GraftCore
import GraftTensors

/// How the rows of data files become texts and labels: what the data flags of the command line say.
public struct DataOptions: Sendable, Equatable {
  /// The columns of the text; several are joined with a space. `text` when empty.
  public var textColumns: [Column] = []
  /// The column of the second sequence, for heads that read pairs.
  public var pairColumn: Column?
  /// The column of the label; several are columns of labels, each 0 or 1 for the label of its name, or a value of a
  /// regression. When empty, the column `label` when there is one.
  public var labelColumns: [Column] = []
  /// What stands between the labels of a cell, beside lists; `nil` leaves cells whole, and tasks read `|`.
  public var labelDelimiter: String?
  /// Whether labels are wanted; advice names the option of their column only then.
  public var wantsLabels = true
  /// Whether texts are wanted. Otherwise their column need not be there, and rows have none but those of
  /// ``textColumns``.
  public var wantsTexts = true
  /// Further columns, which tasks ask for: those that are there end up in `TextRow.fields`.
  public var fields: [TaskColumn] = []
  /// Whether the first row names the columns. `nil` says no when all given columns are numbers, else yes.
  public var hasHeader: Bool?
  /// What a model was trained on: where no columns are given, its columns are taken from files that have them.
  public var usual: TrainedInputs?
  /// The same of further models that read the same rows: a file in which they would take other columns is refused.
  public var usualOfOthers: [TrainedInputs?] = []
  /// `nil` goes by the file: its name, and its first bytes.
  public var format: DataFormat?
  /// What stands between the columns of a table: one ASCII character. `nil` goes by the format and the header.
  public var delimiter: UInt8?
  /// How quotes are read in a table; `nil` goes by the file.
  public var quoting: Quoting?
  /// Whether a file whose name and first bytes say nothing else is one text a line, where blank lines are texts too; it
  /// is a table otherwise.
  public var defaultsToLines = false
  /// Permutes the rows as NumPy's `default_rng(seed).permutation(count)` does.
  public var shuffleSeed: UInt64?
  /// Leaves out this many rows: the first ones, after shuffling.
  public var skip = 0
  /// Keeps this many rows: the first ones of those that are left, after shuffling.
  public var take: Int?

  /// The defaults read the columns `text` and `label` of every row.
  public init(
    textColumns: [Column] = [],
    pairColumn: Column? = nil,
    labelColumns: [Column] = [],
    fields: [TaskColumn] = [],
    hasHeader: Bool? = nil,
    format: DataFormat? = nil,
    delimiter: UInt8? = nil,
    quoting: Quoting? = nil,
    shuffleSeed: UInt64? = nil,
    take: Int? = nil
  ) {
    self.textColumns = textColumns
    self.pairColumn = pairColumn
    self.labelColumns = labelColumns
    self.fields = fields
    self.hasHeader = hasHeader
    self.format = format
    self.delimiter = delimiter
    self.quoting = quoting
    self.shuffleSeed = shuffleSeed
    self.take = take
  }

  /// The delimiter that a text means: a character of its own, or its name.
  ///
  /// - Returns: `nil` for what can be none: a quote, a letter beyond ASCII, several characters.
  public static func delimiter(_ text: String) -> UInt8? {
    let named: UInt8? =
      switch text.lowercased() {
      case "tab", "\\t": 0x09
      case "comma": 0x2C
      case "semicolon": 0x3B
      case "space": 0x20
      case "pipe": 0x7C
      default: nil
      }
    let bytes = Array(text.utf8)
    if named != nil { return named }
    guard bytes.count == 1, (0x20..<0x7F).contains(bytes[0]) || bytes[0] == 0x09, bytes[0] != 0x22 else {
      return nil
    }
    return bytes[0]
  }

  /// What a text means that is to stand between labels: itself, or the character of a name such as `comma`.
  ///
  /// - Returns: `nil` for nothing at all.
  public static func labelDelimiter(_ text: String) -> String? {
    guard !text.isEmpty else { return nil }
    return delimiter(text).map { String(decoding: [$0], as: UTF8.self) } ?? text
  }

  /// A label as it is written, as a list where cells have several. A cell that is a list, as JSON or Python
  /// writes it, is one already.
  ///
  /// - Throws: `GraftError` naming the row, for a list that cannot be read.
  func split(_ label: WrittenLabel?, of row: TextRow) throws -> WrittenLabel? {
    guard wantsLabels, case .text(let text)? = label else { return label }
    do {
      guard try JSON.list(inCell: text) == nil, let labelDelimiter else { return label }
      return .list(Self.parts(text, between: labelDelimiter))
    } catch let error as GraftError {
      throw error.inRow(row)
    }
  }

  private static func parts(_ text: String, between labelDelimiter: String) -> [String] {
    let parts = text.split(separator: labelDelimiter, omittingEmptySubsequences: true)
    return parts.map { LabelColumn.trimmed(String($0)) }.filter { !$0.isEmpty }
  }

  /// The rows that ``shuffleSeed``, ``skip`` and ``take`` ask for.
  public func selected(from rows: [TextRow]) -> [TextRow] {
    let end = end
    guard let seed = shuffleSeed else {
      return skip > 0 || rows.count > end ? Array(rows.prefix(end).dropFirst(skip)) : rows
    }
    return NumPyGenerator(seed: seed).permutation(rows.count, first: end).dropFirst(skip).map { rows[$0] }
  }

  /// Behind the last row that is taken, in their order.
  var end: Int {
    let (end, isTooLarge) = skip.addingReportingOverflow(take ?? .max)
    return isTooLarge ? .max : end
  }
}

extension DataOptions {
  /// The error of a label that is read as the second text too, which would give the answer away.
  static func labelIsText(_ column: Column?) -> GraftError {
    GraftError(
      .refused, "the label is no second text", subject: column.map { "column '\($0)'" },
      advice:
        "Name another column with \(option: "pair-column"), or the label's with \(option: "label-column").")
  }

  /// Whether a head reads lists of words.
  var readsWords: Bool { fields.contains { $0.name == SentenceReader.tokensColumn } }

  /// Whether the given columns speak of a header: they do unless all of them are numbers.
  var impliesHeader: Bool {
    let given = textColumns + [pairColumn].compactMap { $0 } + labelColumns
    return given.isEmpty
      || given.contains {
        if case .name = $0 { true } else { false }
      }
  }

  /// The options with the columns of the data that a model was trained on, where none are given and a file has them.
  ///
  /// - Parameters:
  ///   - names: What stands in a table's first row, or the keys of the first object.
  ///   - isTable: Whether columns may have numbers.
  /// - Throws: `GraftError` when a recorded column is none, and when models that read the same rows were trained on other
  ///   columns.
  func settled(by names: [String], isTable: Bool) throws -> DataOptions {
    let settled = try settled(by: names, isTable: isTable, usual)
    func read(_ options: DataOptions) -> [Column] {
      (options.textColumns.isEmpty ? [.name("text")] : options.textColumns)
        + [options.pairColumn].compactMap(\.self)
    }
    for other in usualOfOthers {
      let others = read(try self.settled(by: names, isTable: isTable, other))
      guard others != read(settled) else { continue }
      func list(_ columns: [Column]) -> String {
        columns.map { "'\($0)'" }.joined(separator: ", ")
      }
      throw GraftError(
        .mismatch, "the heads were trained on other columns than one another",
        expected: "the same for all of them", found: "\(list(read(settled))); and \(list(others))",
        advice:
          "Say what all of them read: \(option: "text-column"); or ask one at a time: \(option: "heads").")
    }
    return settled
  }

  /// Whether a column of the text was given, or a model was trained on one that is not the usual one.
  ///
  /// - Parameter settled: These options, as ``settled(by:isTable:)`` has them.
  func isTextNamed(in settled: DataOptions) -> Bool {
    !textColumns.isEmpty || !settled.textColumns.isEmpty && settled.textColumns != [.name("text")]
  }

  private func settled(by names: [String], isTable: Bool, _ usual: TrainedInputs?) throws -> DataOptions {
    guard let usual, textColumns.isEmpty else { return self }
    var options = self
    let text = try usual.textColumns.map(Column.init(parsing:))
    let pair = try usual.pairColumn.map(Column.init(parsing:))
    let labels = try usual.labelColumns.map(Column.init(parsing:))
    func isThere(_ column: Column) -> Bool {
      switch column {
      case .name(let name): names.contains(name)
      // Numbers are of files without a header.
      case .number(let number): isTable && number <= names.count && !findsDefaults(in: names)
      }
    }
    guard !text.isEmpty, text.allSatisfy(isThere) else { return self }
    options.textColumns = text
    if pairColumn == nil, let pair, isThere(pair) { options.pairColumn = pair }
    if labelColumns.isEmpty, !labels.isEmpty, labels.allSatisfy(isThere) {
      options.labelColumns = labels
    }
    return options
  }

  /// Whether a header has a column that is read without being named.
  private func findsDefaults(in header: [String]) -> Bool {
    (["text"] + fields.filter(\.replacesText).map(\.name)).contains(where: header.contains)
  }

  /// Whether a header has the columns of the text, or those of the labels where no text is wanted.
  func findsText(in header: [String]) -> Bool {
    func names(_ columns: [Column]) -> [String] {
      columns.compactMap { column in
        if case .name(let name) = column { name } else { nil }
      }
    }
    let texts = names(textColumns)
    guard texts.isEmpty else { return texts.allSatisfy(header.contains) }
    if !wantsTexts {
      let labels = names(labelColumns)
      return (labels.isEmpty ? ["label"] : labels).allSatisfy(header.contains)
    }
    let known = ([usual] + usualOfOthers).compactMap { $0?.textColumns }
    if known.contains(where: { !$0.isEmpty && $0.allSatisfy(header.contains) }) { return true }
    return findsDefaults(in: header)
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

/// What a quote means in a table.
public enum Quoting: String, Sendable, CaseIterable {
  /// A field that begins with a quote ends with one, and may hold delimiters, line ends and doubled quotes: RFC 4180.
  case csv
  /// A quote is an ordinary character: `text/tab-separated-values` of IANA.
  case none
}

/// How a data file is laid out.
public enum DataFormat: String, Sendable, CaseIterable {
  /// Comma-separated values with quotes: RFC 4180. Backslashes are ordinary characters.
  case csv
  /// Tab-separated values. Whether fields stand in quotes is seen from them; see ``Quoting``.
  case tsv
  /// One JSON object a line.
  case jsonLines = "jsonl"
  /// One JSON array of objects.
  case json
  /// One text a line, nothing else.
  case lines
  /// A token a line, with its tag in another column, and blank lines between sentences.
  case conll
  /// Questions on paragraphs, with their answers: one JSON document as SQuAD has it, version 1.1 or 2.0.
  case squad

  /// Whether it has rows and columns between delimiters.
  var isTable: Bool { self == .csv || self == .tsv }
}
