import GraftTensors

/// One row of a file, cut into fields but not yet decoded.
struct Record {
  /// The row's number in its file, from 1, the header included, as a spreadsheet counts.
  var row = 0
  /// The bytes of all fields, one after another.
  var bytes: [UInt8] = []
  /// Where each field ends in `bytes`.
  var ends: [Int] = []

  var fieldCount: Int { ends.count }

  /// The text of a field.
  ///
  /// - Throws: `GraftError` when it is not UTF-8.
  func text(_ field: Int) throws -> String {
    let start = field == 0 ? 0 : ends[field - 1]
    guard let text = String(validating: bytes[start..<ends[field]], as: UTF8.self) else {
      throw GraftError(
        .malformed,
        "invalid UTF-8",
        subject: "row \(row), column \(field + 1)",
        advice: "Convert the file to UTF-8, for example with 'iconv -f latin1 -t utf-8'."
      )
    }
    return text
  }

  mutating func clear() {
    bytes.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
  }
}

/// Reads the rows of a delimited file one at a time: CSV as RFC 4180 has it, TSV, or plain lines.
///
/// A byte order mark is skipped, CRLF ends a line as LF does, blank lines are passed over unless the layout keeps them.
/// With quoting, a quoted field may hold delimiters, line ends, and quotes that are doubled.
struct DelimitedReader {
  /// The most bytes that one row may have: beyond it, a quote was surely forgotten.
  static let longestRecord = 1 << 24
  /// The most fields that one row may have; a small compressed file could otherwise hold billions.
  static let mostFields = 1 << 16

  private var input: ByteWindow
  private(set) var layout: FileLayout
  private var row = 0
  /// The number of fields of the first row.
  private var width: Int?
  /// While nothing is known of quotes: the columns of which texts came without, below a header.
  private var bareColumns: Set<Int> = []

  private var delimiter: UInt8 { layout.delimiter }
  private static let quote = FileLayout.quote
  private static let carriageReturn = FileLayout.carriageReturn

  init(_ input: ByteWindow, _ layout: FileLayout) throws {
    self.input = input
    self.layout = layout
    try self.input.skipByteOrderMark()
  }

  /// Reads the next row that is not blank.
  ///
  /// - Returns: Whether there was one.
  /// - Throws: `GraftError` naming the row where a quoted field does not end, or goes on after its end.
  mutating func read(into record: inout Record) throws -> Bool {
    while try input.next() != nil {
      row += 1
      record.clear()
      record.row = row
      let isBlank: Bool
      do {
        isBlank = try readRow(into: &record)
      } catch is ByteWindow.RecordTooLong {
        throw GraftError(
          .malformed,
          "longer than \(DelimitedReader.longestRecord >> 20) MiB",
          subject: "row \(row)",
          advice: "Look for a quote that is not closed."
        )
      }
      if width == nil, !isBlank { width = record.fieldCount }
      if !isBlank || layout.keepsBlankLines { return true }
    }
    return false
  }

  /// Reads the fields up to the end of a line.
  ///
  /// - Returns: Whether the line is blank. An empty field in quotes is a field.
  private mutating func readRow(into record: inout Record) throws -> Bool {
    while true {
      guard record.fieldCount < DelimitedReader.mostFields else {
        throw GraftError(
          .malformed, "more than \(DelimitedReader.mostFields) columns", subject: "row \(row)",
          advice: "Check that the file is one of rows and columns.")
      }
      let isQuoted = try readField(into: &record)
      let stop = try input.next()
      if stop != nil { input.skip(1) }
      let start = record.ends.last ?? 0
      let endsLine = stop != delimiter || delimiter == layout.lineEnd
      if endsLine, !isQuoted, record.bytes.count > start, record.bytes.last == DelimitedReader.carriageReturn
      {
        record.bytes.removeLast()
      }
      if layout.quoting == nil, width != nil || !layout.hasHeader,
        QuoteEvidence.isText(record.bytes[start...])
      {
        bareColumns.insert(record.fieldCount)
      }
      record.ends.append(record.bytes.count)
      if endsLine { return !isQuoted && record.fieldCount == 1 && record.bytes.isEmpty }
    }
  }

  /// Reads one field and stops before the delimiter or line feed behind it.
  ///
  /// - Returns: Whether it was quoted.
  private mutating func readField(into record: inout Record) throws -> Bool {
    let (quote, lineEnd) = (DelimitedReader.quote, layout.lineEnd)
    guard layout.quoting != Quoting.none, try input.next() == quote,
      try readsQuotes(behind: record.fieldCount)
    else {
      _ = try input.take(
        until: delimiter,
        or: lineEnd,
        or: lineEnd,
        into: &record.bytes,
        limit: DelimitedReader.longestRecord
      )
      return false
    }
    input.skip(1)
    while true {
      let stop = try input.take(
        until: quote,
        or: quote,
        or: quote,
        into: &record.bytes,
        limit: DelimitedReader.longestRecord
      )
      guard stop != nil else {
        throw GraftError(
          .malformed,
          "a quoted field does not end",
          subject: "row \(row), column \(record.fieldCount + 1)",
          advice: """
            Close the quote; a quote inside a field is written twice. Where quotes are ordinary characters, say so \
            with \(option: "quoting").
            """
        )
      }
      input.skip(1)
      guard try input.next() == quote else { break }
      record.bytes.append(quote)
      input.skip(1)
    }
    try skipCarriageReturn()
    let next = try input.next()
    guard next == nil || next == delimiter || next == lineEnd else {
      throw GraftError(
        .malformed,
        "text after the closing quote",
        subject: "row \(row), column \(record.fieldCount + 1)",
        expected: "\(layout.delimiterName) or the end of the line",
        advice: """
          A quote inside a field is written twice; where quotes are ordinary characters, say so with \
          \(option: "quoting").
          """
      )
    }
    return true
  }

  /// Decides, where nothing has yet, whether quotes stand around fields, by the rows that come.
  private mutating func readsQuotes(behind fields: Int) throws -> Bool {
    if let quoting = layout.quoting { return quoting == .csv }
    let evidence = QuoteEvidence(
      try input.peek(), behind: fields, width: width, bareColumns: bareColumns, layout)
    layout.quoting = evidence.quoting
    return evidence.quoting == .csv
  }

  private mutating func skipCarriageReturn() throws {
    if layout.lineEnd != DelimitedReader.carriageReturn,
      try input.next() == DelimitedReader.carriageReturn
    {
      input.skip(1)
    }
  }
}
