import GraftCore
import GraftTensors

/// Picks texts and labels out of the records of one file.
enum TextRowReader {
  /// Calls `body` with each row until it says that it has enough.
  ///
  /// - Throws: `GraftError` naming the row, not the file.
  static func read(
    _ stream: ByteStream,
    name: String,
    path: String,
    options: DataOptions,
    _ body: (TextRow) throws -> Bool
  ) throws {
    var window = ByteWindow(stream)
    let head = try window.peek()
    try refuseForeign(head)
    let format = options.format ?? DataFormat(name: name, head: head)
    func lines() throws -> DelimitedReader { try DelimitedReader(window, format: format) }
    switch format {
    case .squad: try SQuADReader.read(window, path: path, options: options, body)
    case .jsonLines: try readObjects(lines(), path: path, options: options, body)
    case .conll: try SentenceReader.read(lines(), path: path, options: options, body)
    case .csv, .tsv, .lines:
      try readTable(lines(), path: path, options: options, hasNames: format != .lines, body)
    }
  }

  /// Names the kinds of file that people pass by mistake.
  private static func refuseForeign(_ head: ArraySlice<UInt8>) throws {
    guard !head.isEmpty else {
      throw GraftError(.malformed, "the file is empty", expected: "rows of text")
    }
    if head.starts(with: "PAR1".utf8) {
      throw GraftError(.unsupported, "a Parquet file", advice: "Convert it to CSV or JSON Lines.")
    }
    if head.starts(with: "version https://git-lfs".utf8) {
      throw GraftError(.malformed, "a Git LFS pointer, not data", advice: "Run 'git lfs pull'.")
    }
    if head.starts(with: [0x1F, 0x8B]) {
      throw GraftError(.unsupported, "compressed with gzip, which this reader was not given")
    }
  }

  // MARK: Tables

  private static func readTable(
    _ lines: DelimitedReader,
    path: String,
    options: DataOptions,
    hasNames: Bool,
    _ body: (TextRow) throws -> Bool
  ) throws {
    var lines = lines
    var record = Record()
    guard try lines.read(into: &record) else {
      throw GraftError(.malformed, "the file is empty", expected: "rows of text")
    }
    let hasHeader = hasNames && (options.hasHeader ?? options.impliesHeader)
    let header = try hasHeader ? (0..<record.fieldCount).map { try record.text($0) } : nil
    let columns = try TableColumns(
      options,
      header: header ?? (hasNames ? nil : ["text"]),
      count: record.fieldCount
    )
    if hasHeader, !(try lines.read(into: &record)) {
      throw GraftError(.malformed, "there is no row below the header", expected: "rows of text")
    }
    repeat {
      guard record.fieldCount == columns.count else {
        throw GraftError(
          .malformed,
          "wrong number of columns",
          subject: "row \(record.row)",
          expected: header.map { "\(columns.count), as in the header (\($0.joined(separator: ", ")))" }
            ?? "\(columns.count), as in row 1",
          found: "\(record.fieldCount)",
          advice: "A text that holds the separator has to stand in quotes."
        )
      }
      if try !body(try columns.row(record, path: path)) { return }
    } while try lines.read(into: &record)
  }

  /// Where the wanted columns are in a table.
  private struct TableColumns {
    let count: Int
    private var text: [Int]
    private var pair: Int?
    private var label: Int?
    private var fields: [(name: String, index: Int)]

    init(_ options: DataOptions, header: [String]?, count: Int) throws {
      self.count = count
      func find(_ column: Column) throws -> Int {
        switch column {
        case .number(let number) where number <= count: return number - 1
        case .number: break
        case .name(let name): if let index = header?.firstIndex(of: name) { return index }
        }
        throw GraftError(
          .missing,
          "no such column",
          subject: "column '\(column)'",
          found: header.map(columnList) ?? "\(count) columns without names",
          advice: header == nil
            ? "Name the column by its number, from 1 to \(count)."
            : "Name the columns with \(option: "text-column") and \(option: "label-column"); by number when there is no header."
        )
      }
      fields = options.fields.compactMap { field in
        header?.firstIndex(of: field.name).map { (field.name, $0) }
      }
      func isThere(_ name: String) -> Bool { header?.contains(name) == true }
      if let header, let error = options.lacksText(header, isThere) { throw error }
      let needsText = !options.isTextReplaced(isThere)
      text = try (options.textColumns.isEmpty ? (needsText ? [.name("text")] : []) : options.textColumns).map(
        find)
      pair = try options.pairColumn.map(find)
      label = try options.labelColumn.map(find) ?? header?.firstIndex(of: "label")
    }

    func row(_ record: Record, path: String) throws -> TextRow {
      var row = TextRow(
        try text.map(record.text).joined(separator: " "),
        pair: try pair.map(record.text),
        label: try label.map { .text(try record.text($0)) },
        place: TextRow.Place(file: path, row: record.row)
      )
      for (name, index) in fields { row.fields[name] = .string(try record.text(index)) }
      return row
    }
  }

  // MARK: JSON Lines

  private static func readObjects(
    _ lines: DelimitedReader,
    path: String,
    options: DataOptions,
    _ body: (TextRow) throws -> Bool
  ) throws {
    var lines = lines
    var record = Record()
    var isEmpty = true
    func name(_ column: Column) throws -> String {
      guard case .name(let name) = column else {
        throw GraftError(
          .unsupported,
          "JSON Lines have no column numbers",
          subject: "column '\(column)'",
          advice: "Name the column by its key."
        )
      }
      return name
    }
    let text = try options.textColumns.isEmpty ? ["text"] : options.textColumns.map(name)
    let pair = try options.pairColumn.map(name)
    let label = try options.labelColumn.map(name)
    while try lines.read(into: &record) {
      isEmpty = false
      let object = try parse(record)
      let isThere = { object[$0] != nil }
      if var error = options.lacksText(object.keys, isThere) {
        error.subject = "row \(record.row), \(error.subject ?? "")"
        throw error
      }
      let isReplaced = options.isTextReplaced(isThere)
      var row = TextRow(
        try isReplaced ? "" : text.map { try object.text($0) }.joined(separator: " "),
        pair: try pair.map { try object.text($0) },
        label: try object.label(label ?? "label", isRequired: label != nil),
        place: TextRow.Place(file: path, row: record.row)
      )
      for field in options.fields { row.fields[field.name] = object[field.name] }
      if try !body(row) { return }
    }
    if isEmpty { throw GraftError(.malformed, "the file is empty", expected: "one JSON object a line") }
  }

  private static func parse(_ record: Record) throws -> JSONRow {
    let subject = "row \(record.row)"
    do {
      let json = try JSON(parsing: record.bytes)
      if json.object != nil { return JSONRow(json, subject) }
      throw GraftError(
        .malformed,
        "not a row",
        expected: "a JSON object on each line",
        found: json.kind,
        advice: "Write one object a line: {\"text\": …, \"label\": …}."
      )
    } catch var error as GraftError {
      error.advice = error.advice ?? "JSON Lines have one object on each line."
      error.subject = error.subject.map { "\(subject), \($0)" } ?? subject
      throw error
    }
  }
}

/// One object of a JSON Lines file.
private struct JSONRow {
  private let json: JSON
  private let subject: String

  init(_ json: JSON, _ subject: String) {
    self.json = json
    self.subject = subject
  }

  /// The value of a key, if there is one.
  subscript(key: String) -> JSON? { json[key] }

  func text(_ key: String) throws -> String {
    guard let value = json[key] else { throw missing(key) }
    guard let text = JSONRow.scalar(value) else { throw wrong(key, "a string", value) }
    return text
  }

  func label(_ key: String, isRequired: Bool) throws -> WrittenLabel? {
    guard let value = json[key] else {
      if isRequired { throw missing(key) }
      return nil
    }
    if value == .null { return nil }
    if let text = JSONRow.scalar(value) { return .text(text) }
    let items = value.array?.map(JSONRow.scalar)
    guard let items, !items.contains(nil) else {
      throw wrong(key, "a name, a number or a list of them", value)
    }
    return .list(items.compactMap { $0 })
  }

  private static func scalar(_ value: JSON) -> String? {
    switch value {
    case .string(let text), .number(let text): text
    case .bool(let value): value ? "1" : "0"
    case .null, .array, .object, .members: nil
    }
  }

  /// The keys, in their order.
  var keys: [String] { json.object.map { Array($0.keys) } ?? [] }

  private func missing(_ key: String) -> GraftError {
    GraftError(
      .missing,
      "no such column",
      subject: "\(subject), column '\(key)'",
      found: columnList(keys),
      advice: "Name the columns with \(option: "text-column") and \(option: "label-column")."
    )
  }

  private func wrong(_ key: String, _ expected: String, _ value: JSON) -> GraftError {
    GraftError(
      .malformed,
      "wrong value",
      subject: "\(subject), column '\(key)'",
      expected: expected,
      found: value.kind
    )
  }
}

extension DataOptions {
  /// Whether a column stands in the text's place, where nothing says which column is the text.
  ///
  /// - Parameter isThere: Whether the data have a column of a name.
  fileprivate func isTextReplaced(_ isThere: (String) -> Bool) -> Bool {
    textColumns.isEmpty && !isThere("text")
      && fields.contains { $0.replacesText && isThere($0.name) }
  }

  /// The error that there is neither a text nor a column that may stand in its place; `nil` when there is one, or
  /// when no column may.
  ///
  /// - Parameters:
  ///   - columns: The names of all columns.
  ///   - isThere: Whether the data have a column of a name.
  fileprivate func lacksText(_ columns: [String], _ isThere: (String) -> Bool) -> GraftError? {
    let replacing = fields.filter(\.replacesText).map(\.name)
    guard textColumns.isEmpty, !replacing.isEmpty, !(replacing + ["text"]).contains(where: isThere) else {
      return nil
    }
    return GraftError(
      .missing,
      "no such column",
      subject: "column \(replacing.map { "'\($0)'" }.joined(separator: " or "))",
      found: columnList(columns),
      advice: "Rename the column that has them, or name one of plain texts with \(option: "text-column").")
  }

  /// Whether the given columns speak of a header: they do unless all of them are numbers.
  fileprivate var impliesHeader: Bool {
    let given = textColumns + [pairColumn, labelColumn].compactMap { $0 }
    return given.isEmpty
      || given.contains {
        if case .name = $0 { true } else { false }
      }
  }
}

/// Columns by their names, for errors.
private func columnList(_ columns: [String]) -> String {
  "the columns \(columns.map { "'\($0.prefix(40))'" }.joined(separator: ", "))"
}
