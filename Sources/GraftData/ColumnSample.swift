import Foundation
import GraftCore
import GraftTensors

/// What stands in the columns of a file's first rows, before anyone has said which of them are texts.
public struct ColumnSample: Sendable, Equatable {
  public let format: DataFormat
  /// What stands between the columns of a table, where it is not what is usual for the format.
  public var delimiter: UInt8?
  /// In the order of the file; none where the format has no columns.
  public var columns: [Entry] = []

  /// A sample without columns.
  public init(format: DataFormat) { self.format = format }

  /// A column with its values, as they are written; `nil` where a row has none.
  public struct Entry: Sendable, Equatable {
    public let column: Column
    public var values: [String?]

    public init(_ column: Column, _ values: [String?]) {
      self.column = column
      self.values = values
    }
  }
}

extension DataSource {
  /// The columns of the first file. Those of a table have the names in its first row, where that looks like names: none is
  /// a number, long, given twice, or a value of its column.
  ///
  /// - Parameter limit: How many rows are looked at.
  /// - Throws: `GraftError` naming the file: as ``rows()``.
  public func columnSample(rows limit: Int) throws -> ColumnSample {
    guard let file = files.first else { throw GraftError(.missing, "there is no file") }
    do {
      return try TextRowReader.sample(
        stream(of: file), name: file == DataSource.standardInput ? "" : file.lastPathComponent,
        options: options, rows: limit)
    } catch let error as GraftError {
      throw error.inFile(file.path)
    }
  }
}

extension TextRowReader {
  /// The first rows of a file, by their columns.
  fileprivate static func sample(
    _ stream: ByteStream, name: String, options: DataOptions, rows limit: Int
  ) throws -> ColumnSample {
    let (window, head, _) = try open(stream, options)
    var layout = try FileLayout(options, name: name, head: head)
    switch layout.format {
    case .squad, .conll, .lines: return ColumnSample(format: layout.format)
    case .json:
      var elements = try JSONElementReader(window)
      return try objects(layout.format, limit) { try elements.read(into: &$0) }
    case .jsonLines:
      var lines = try DelimitedReader(window, layout)
      return try objects(layout.format, limit) { try lines.read(into: &$0) }
    case .csv, .tsv:
      let delimiter = options.delimiter == nil ? otherDelimiter(layout, head) : nil
      if let delimiter {
        var given = options
        (given.delimiter, given.format) = (delimiter, layout.format)
        layout = try FileLayout(given, name: name, head: head)
      }
      var lines = try DelimitedReader(window, layout)
      var sample = try table(layout.format, limit) { try lines.read(into: &$0) }
      sample.delimiter = delimiter
      return sample
    }
  }

  /// What the first line of a table has between its columns, where it has nothing of what is usual.
  private static func otherDelimiter(_ layout: FileLayout, _ head: ArraySlice<UInt8>) -> UInt8? {
    let line = head.prefix { $0 != layout.lineEnd }
    guard !line.contains(layout.delimiter) else { return nil }
    return [";", "\t", "|", ","].map { UInt8(ascii: $0) }.first { line.contains($0) }
  }

  private static func table(
    _ format: DataFormat, _ limit: Int, _ next: (inout Record) throws -> Bool
  ) throws -> ColumnSample {
    var sample = ColumnSample(format: format)
    var record = Record()
    guard try next(&record) else { return sample }
    let first = try (0..<record.fieldCount).map { try record.text($0) }
    var values = first.map { _ in [String?]() }
    while values.first.map({ $0.count < limit }) == true, try next(&record) {
      for index in values.indices {
        values[index].append(index < record.fieldCount ? try record.text(index) : nil)
      }
    }
    guard isHeader(first, above: values) else {
      sample.columns = zip(first, values).enumerated().map { index, column in
        .init(.number(index + 1), Array(([column.0] + column.1).prefix(limit)))
      }
      return sample
    }
    // Nobody can ask for a column without a name, such as the numbers of rows that pandas writes, or for the second one
    // of a name.
    var seen: Set<String> = []
    sample.columns = zip(first, values).compactMap { name, values in
      guard !name.isBlank, seen.insert(name).inserted else { return nil }
      return .init(.name(name), values)
    }
    return sample
  }

  /// Whether a table's first row has the names of its columns: it has the usual ones, or its cells look like names. They do
  /// not where one is a value of a column that has few, as labels have; a text may be its column's name by chance, and more
  /// than one may not.
  private static func isHeader(_ first: [String], above values: [[String?]]) -> Bool {
    let names = first.filter { !$0.isBlank }
    if hasUsualNames(names) { return true }
    return !names.isEmpty && Set(names).count == names.count
      && names.allSatisfy { Double(decimal: $0) == nil && $0.count <= mostOfName }
      && !isRow(first, above: values)
  }

  /// Whether some of a row's cells are names that columns of texts and labels mostly have.
  static func hasUsualNames(_ cells: [String]) -> Bool {
    cells.contains { ["text", "label"].contains($0.lowercased()) }
  }

  private static func isRow(_ first: [String], above values: [[String?]]) -> Bool {
    let repeated = zip(first, values).filter { name, values in values.contains(name) }
    return repeated.count > 1
      || repeated.contains { _, values in
        values.count < leastToTell || Set(values).count * 2 <= values.count
      }
  }

  /// Fewer values do not tell a column of texts from one of labels.
  private static let leastToTell = 8
  /// A longer one is no column's name.
  private static let mostOfName = 60
  /// Rows with more keys are no table.
  private static let mostColumns = 1000

  private static func objects(
    _ format: DataFormat, _ limit: Int, _ next: (inout Record) throws -> Bool
  ) throws -> ColumnSample {
    var sample = ColumnSample(format: format)
    var record = Record()
    var rows = 0
    var names: Set<String> = []
    while rows < limit, try next(&record) {
      let json = try JSON(parsing: record.bytes)
      guard let object = json.object else {
        throw GraftError(
          .malformed, "not a row", subject: "row \(record.row)", expected: "a JSON object", found: json.kind)
      }
      for (key, _) in object where names.insert(key).inserted {
        guard names.count <= mostColumns else {
          throw GraftError(
            .unsupported, "too many keys to choose columns from", subject: "row \(record.row)",
            expected: "at most \(mostColumns)", found: "'\(key)' as one more")
        }
        sample.columns.append(.init(.name(key), [String?](repeating: nil, count: rows)))
      }
      for index in sample.columns.indices {
        let value = object[sample.columns[index].column.description]
        sample.columns[index].values.append(value.flatMap(text))
      }
      rows += 1
    }
    return sample
  }

  /// A scalar as it is written, or a list as JSON.
  private static func text(_ value: JSON) -> String? {
    switch value {
    case .null: nil
    case .string(let text), .number(let text): text
    case .bool(let value): value ? "true" : "false"
    case .array, .object, .members: value.text()
    }
  }
}
