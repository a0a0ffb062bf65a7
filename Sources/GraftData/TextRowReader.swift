import GraftCore
import GraftTensors

/// Picks texts and labels out of the records of one file.
enum TextRowReader {
  /// Calls `body` with each row until it says that it has enough.
  ///
  /// - Parameter report: Gets the format, the columns and the remarks.
  /// - Throws: `GraftError` naming the row, not the file.
  static func read(
    _ stream: ByteStream,
    name: String,
    path: String,
    options: DataOptions,
    report: inout DataFileReport,
    _ body: (TextRow) throws -> Bool
  ) throws {
    let (window, head, isTranscoded) = try open(stream, options)
    if isTranscoded { report.remarks.append("UTF-16") }
    let layout = try FileLayout(options, name: name, isLive: stream.isLive, head: head)
    report.format = layout.format
    if layout.lineEnd == FileLayout.carriageReturn {
      report.remarks.append("lines that end with a carriage return")
    }
    switch layout.format {
    case .squad: try SQuADReader.read(window, path: path, options: options, body)
    case .json:
      var elements = try JSONElementReader(window)
      try readObjects({ try elements.read(into: &$0) }, path: path, options: options, report: &report, body)
    case .jsonLines:
      var lines = try DelimitedReader(window, layout)
      try readObjects({ try lines.read(into: &$0) }, path: path, options: options, report: &report, body)
    case .conll:
      try SentenceReader.read(DelimitedReader(window, layout), path: path, options: options, body)
    case .csv, .tsv, .lines:
      try readTable(
        DelimitedReader(window, layout), path: path, options: options, report: &report, body)
    }
  }

  /// A window over a file in UTF-8, and its first bytes.
  ///
  /// - Throws: `GraftError` for a file that holds no texts.
  static func open(_ stream: ByteStream, _ options: DataOptions) throws -> (
    window: ByteWindow, head: ArraySlice<UInt8>, isTranscoded: Bool
  ) {
    var window = ByteWindow(stream)
    let head = try window.peek { FileLayout.patience(after: $0, options) }
    try ForeignFile.refuse(head)
    guard let order = TextTranscoding.ByteOrder(head) else { return (window, head, false) }
    window = ByteWindow(TextTranscoding.utf8(of: window.rest, order))
    // Before the window is handed on, which a look changes.
    let transcoded = try window.peek { FileLayout.patience(after: $0, options) }
    return (window, transcoded, true)
  }

  // MARK: Tables

  private static func readTable(
    _ lines: DelimitedReader,
    path: String,
    options: DataOptions,
    report: inout DataFileReport,
    _ body: (TextRow) throws -> Bool
  ) throws {
    var lines = lines
    let hasNames = lines.layout.format != .lines
    defer { report.note(lines.layout) }
    var record = Record()
    guard try lines.read(into: &record) else {
      throw GraftError(.malformed, "the file is empty", expected: "rows of text")
    }
    let given = options
    let options =
      try hasNames
      ? given.settled(by: (0..<record.fieldCount).map { try record.text($0) }, isTable: true) : given
    let isTextNamed = given.isTextNamed(in: options)
    let hasHeader = hasNames && (options.hasHeader ?? options.impliesHeader)
    let header = try hasHeader ? (0..<record.fieldCount).map { try record.text($0) } : nil
    let columns = try TableColumns(
      options,
      header: header ?? (hasNames ? nil : ["text"]),
      count: record.fieldCount,
      delimiters: lines.layout
    )
    if hasNames {
      report.note(columns)
      if columns.used.labels.count == 1 { report.labelDelimiter = options.labelDelimiter }
    }
    if hasNames, header == nil, options.hasHeader == nil,
      try Self.hasUsualNames((0..<record.fieldCount).map { try record.text($0) })
    {
      report.remarks.append("row 1 read as data although it looks like a header, which columns by name skip")
    }
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
          advice: lines.layout.quoting == Quoting.none
            ? "A text that holds the delimiter has to stand in quotes, and quotes have to be read: \(option: "quoting")."
            : "A text that holds the delimiter has to stand in quotes."
        )
      }
      var row = try columns.row(record, path: path)
      row.isTextNamed = isTextNamed
      row.label = try options.split(row.label, of: row)
      if try !body(row) { return }
    } while try lines.read(into: &record)
  }

  /// Where the wanted columns are in a table.
  fileprivate struct TableColumns {
    let count: Int
    private let header: [String]?
    private var text: [Int]
    /// Whether the one column of the text may have lists of words.
    private let mayBeWords: Bool
    private let wantsLabels: Bool
    private var pair: Int?
    private var label: Int?
    /// Several columns of labels, with their names.
    private var labels: [(name: String, index: Int)]
    private var fields: [(name: String, index: Int, column: TaskColumn)]

    init(_ options: DataOptions, header: [String]?, count: Int, delimiters layout: FileLayout) throws {
      self.count = count
      self.header = header
      func find(_ column: Column) throws -> Int {
        switch column {
        case .number(let number) where number <= count: return number - 1
        case .number: break
        case .name(let name): if let index = try header?.onlyIndex(of: name) { return index }
        }
        throw GraftError(
          .missing,
          "no such column",
          subject: "column '\(column)'",
          found: header.map { columnList($0, near: "\(column)") } ?? "\(count) columns without names",
          advice: count == 1 && (header ?? []).contains { $0.contains { ";\t|,".contains($0) } }
            ? "The columns seem to stand between other delimiters than \(layout.delimiterName): name it with \(option: "delimiter")."
            : header == nil
              ? "Name the column by its number, from 1 to \(count)."
              : layout.quoting == Quoting.none && header?.contains { $0.hasPrefix("\"") } == true
                ? "The names stand in quotes, which are not read here: set \(option: "quoting") to csv."
                : options.columnAdvice("; by number when there is no header.")
        )
      }
      fields = try options.fields.flatMap { field in
        try field.names(among: header ?? []).compactMap { name in
          try header?.onlyIndex(of: name).map { (name, $0, field) }
        }
      }
      func isThere(_ name: String) -> Bool { header?.contains(name) == true }
      if let header, let error = options.lacksText(header, isThere) { throw error }
      let needsText = options.needsText(isThere)
      text = try (options.textColumns.isEmpty ? (needsText ? [.name("text")] : []) : options.textColumns).map(
        find)
      mayBeWords =
        options.readsWords && text.count == 1 && layout.format != .lines
        && !(options.textColumns.isEmpty && isThere(SentenceReader.tokensColumn))
      wantsLabels = options.wantsLabels
      pair = try options.pairColumn.map(find)
      let found = try options.labelColumns.map(find)
      labels = found.count > 1 ? found.map { (header?[$0] ?? String($0 + 1), $0) } : []
      let usual = options.wantsLabels ? try header?.onlyIndex(of: "label") : header?.firstIndex(of: "label")
      label = labels.isEmpty ? found.first ?? usual : nil
      if let pair, pair == label || labels.contains(where: { $0.index == pair }) {
        throw DataOptions.labelIsText(options.pairColumn)
      }
    }

    /// The names of the columns that are not read.
    var unread: [String] {
      let used = Set(text + [pair, label].compactMap { $0 } + labels.map(\.index) + fields.map(\.index))
      return (header ?? []).enumerated().filter { !used.contains($0.offset) }.map(\.element)
    }

    /// The names of the columns that a task reads, and nothing else.
    var ofTask: [String] {
      let used = Set(text + [pair, label].compactMap { $0 } + labels.map(\.index))
      return fields.filter { !used.contains($0.index) }.map(\.name)
    }

    /// The columns of the text, the pair and the label, by name where they have one.
    var used: (text: [Column], pair: Column?, labels: [Column]) {
      func column(_ index: Int) -> Column { header.map { .name($0[index]) } ?? .number(index + 1) }
      return (text.map(column), pair.map(column), (label.map { [$0] } ?? labels.map(\.index)).map(column))
    }

    func row(_ record: Record, path: String) throws -> TextRow {
      var row = TextRow(
        try text.map(record.text).joined(separator: " "),
        pair: try pair.map(record.text),
        label: try label.map { .text(try record.text($0)) },
        place: TextRow.Place(file: path, row: record.row)
      )
      if !labels.isEmpty {
        row.label = .columns(try labels.map { .init(name: $0.name, text: try record.text($0.index)) })
      }
      do {
        for (name, index, column) in fields where wantsLabels || !column.isLabel {
          row.fields[name] = try column.value(of: .string(try record.text(index)))
        }
        // What has places in a text is not about a list.
        if mayBeWords,
          try !fields.contains(where: { try $0.column.hasPlaces && !record.text($0.index).isBlank }),
          let words = try JSON.words(inCell: row.text, isTagged: wantsLabels)
        {
          row.setWords(words)
        }
      } catch let error as GraftError {
        throw error.inRow(row)
      }
      return row
    }
  }

  // MARK: JSON

  private static func readObjects(
    _ next: (inout Record) throws -> Bool,
    path: String,
    options: DataOptions,
    report: inout DataFileReport,
    _ body: (TextRow) throws -> Bool
  ) throws {
    var record = Record()
    var isEmpty = true
    func name(_ column: Column) throws -> String {
      guard case .name(let name) = column else {
        throw GraftError(
          .unsupported,
          "JSON objects have no column numbers",
          subject: "column '\(column)'",
          advice: "Name the column by its key."
        )
      }
      return name
    }
    let given = options
    var options = given
    var (text, pair, label, labels) = (["text"], String?.none, String?.none, [String]())
    while try next(&record) {
      let object = try parse(record, report.format, options.columnAdvice("."))
      if isEmpty {
        options = try options.settled(by: object.keys, isTable: false)
        if !options.textColumns.isEmpty { text = try options.textColumns.map(name) }
        pair = try options.pairColumn.map(name)
        labels = try options.labelColumns.map(name)
        if let pair, (labels.isEmpty ? ["label"] : labels).contains(pair) {
          throw DataOptions.labelIsText(options.pairColumn)
        }
        if labels.count < 2 { (label, labels) = (labels.first, []) }
        report.textColumns = (options.needsText { object[$0] != nil } ? text : []).map { .name($0) }
        report.pairColumn = pair.map { .name($0) }
        report.labelDelimiter = labels.isEmpty ? options.labelDelimiter : nil
        report.labelColumns = (labels.isEmpty ? [label ?? "label"] : labels).filter { object[$0] != nil }
          .map { .name($0) }
        let named = Set(text + [pair].compactMap { $0 } + report.labelColumns.map(\.description))
        report.taskColumns = options.fields.flatMap { $0.names(among: object.keys) }.filter {
          !named.contains($0)
        }
        if report.labelColumns.isEmpty {
          let used = Set(
            text + [pair].compactMap { $0 } + options.fields.flatMap { $0.names(among: object.keys) })
          report.otherColumns = object.keys.filter { !used.contains($0) }
        }
      }
      isEmpty = false
      let isThere = { object[$0] != nil }
      if var error = options.lacksText(object.keys, isThere) {
        error.subject = "row \(record.row), \(error.subject ?? "")"
        throw error
      }
      // The column of the text may have lists of words.
      let isReplaced = options.isReplaced("text") { object[$0] }
      let value = options.readsWords && text.count == 1 && !isReplaced ? object[text[0]] : nil
      let words = value?.array == nil ? nil : value
      var row = TextRow(
        try options.needsText(isThere) && words == nil && !isReplaced
          ? text.map { try object.text($0) }.joined(separator: " ") : "",
        pair: try pair.map { try object.text($0) },
        label: try labels.isEmpty
          ? object.label(label ?? "label", isRequired: label != nil)
          : .columns(labels.map { .init(name: $0, text: try object.text($0)) }),
        place: TextRow.Place(file: path, row: record.row)
      )
      row.isTextNamed = given.isTextNamed(in: options)
      row.label = try options.split(row.label, of: row)
      do {
        for field in options.fields where options.wantsLabels || !field.isLabel {
          for name in field.isNumbered ? field.names(among: object.keys) : [field.name] {
            row.fields[name] = try object[name].map(field.value)
          }
        }
      } catch let error as GraftError {
        throw error.inRow(row)
      }
      if let words { row.setWords(words) }
      if try !body(row) { return }
    }
    if isEmpty {
      throw GraftError(
        .malformed, "the file is empty",
        expected: report.format == .json ? "JSON objects in a list" : "one JSON object a line")
    }
  }

  private static func parse(
    _ record: Record, _ format: DataFormat, _ columnAdvice: Advice
  ) throws -> JSONRow {
    let subject = "row \(record.row)"
    do {
      let json = try JSON(parsing: record.bytes)
      if json.object != nil { return JSONRow(json, subject, columnAdvice) }
      throw GraftError(
        .malformed,
        "not a row",
        expected: format == .json ? "a list of JSON objects" : "a JSON object on each line",
        found: json.kind,
        advice: format == .json
          ? "Write a list of objects: [{\"text\": …, \"label\": …}]."
          : "Write one object a line: {\"text\": …, \"label\": …}."
      )
    } catch var error as GraftError {
      error.advice = error.advice ?? (format == .json ? nil : "JSON Lines have one object on each line.")
      error.subject = error.subject.map { "\(subject), \($0)" } ?? subject
      throw error
    }
  }
}

/// One object of a JSON Lines file.
private struct JSONRow {
  private let json: JSON
  private let subject: String
  /// How columns are named.
  private let columnAdvice: Advice

  init(_ json: JSON, _ subject: String, _ columnAdvice: Advice) {
    self.json = json
    self.subject = subject
    self.columnAdvice = columnAdvice
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
    if let text = JSONRow.label(value) { return .text(text) }
    let items = value.array?.map(JSONRow.label)
    guard let items, !items.contains(nil) else {
      throw wrong(key, "a name, a number or a list of them", value)
    }
    return .list(items.compactMap { $0 })
  }

  /// A name, a number or a truth value, which may be the name of a label.
  private static func label(_ value: JSON) -> String? {
    if case .bool(let value) = value { value ? "true" : "false" } else { scalar(value) }
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
      found: columnList(keys, near: key),
      advice: columnAdvice
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

extension DataFileReport {
  fileprivate mutating func note(_ columns: TextRowReader.TableColumns) {
    (textColumns, pairColumn, labelColumns) = columns.used
    taskColumns = columns.ofTask
    if labelColumns.isEmpty { otherColumns = columns.unread }
  }

  /// Notes what is not usual about a table.
  fileprivate mutating func note(_ layout: FileLayout) {
    guard layout.format.isTable else { return }
    let usual = layout.format == .csv ? UInt8(ascii: ",") : UInt8(ascii: "\t")
    if layout.delimiter != usual { remarks.append("\(layout.delimiterName) between columns") }
    if layout.format == .tsv, layout.quoting == .csv { remarks.append("fields in quotes") }
    if layout.format == .csv, layout.quoting == Quoting.none { remarks.append("quotes as they are") }
  }
}

extension TextRow {
  /// Takes a list of words in the place of the text. What else is in it is the task's to refuse.
  fileprivate mutating func setWords(_ list: JSON) {
    fields[SentenceReader.tokensColumn] = list
    text = list.array?.compactMap(\.string).joined(separator: " ") ?? ""
  }
}

extension TaskColumn {
  /// A value as the task gets it: in a column of lists the list or object that is written in a text.
  ///
  /// - Throws: `GraftError` without a place, as `JSON.value(inCell:)`.
  fileprivate func value(of written: JSON) throws -> JSON {
    guard hasLists, let text = written.string else { return written }
    return try JSON.value(inCell: text) ?? written
  }
}
