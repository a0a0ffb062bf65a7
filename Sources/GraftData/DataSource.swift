import Foundation
import GraftCore
import GraftTensors

/// Texts and labels in files: CSV, TSV, JSON Lines, plain lines, sentences in columns, or SQuAD documents, each possibly compressed.
///
///     let source = DataSource([train], options: DataOptions(shuffleSeed: 42, take: 1000))
///     let rows = try source.rows()
///
/// Files are read in order through a window; what stays in memory is the rows.
public struct DataSource: Sendable {
  /// Read one after another, as if they were one.
  public let files: [URL]
  /// Which columns, which rows.
  public let options: DataOptions
  private let decompressors: [Decompressor]

  /// - Parameters:
  ///   - files: Read one after another, as if they were one.
  ///   - options: Which columns, which rows.
  ///   - decompressors: Compressions that are recognised. The core has none.
  public init(_ files: [URL], options: DataOptions = DataOptions(), decompressors: [Decompressor] = []) {
    self.files = files
    self.options = options
    self.decompressors = decompressors
  }

  /// The rows: all of them, or shuffled, or the first few.
  ///
  /// - Throws: `GraftError` naming file and row: a missing column (with those that there are), a row of
  ///   another width, a quote that does not end, invalid UTF-8, an empty file.
  public func rows() throws -> [TextRow] {
    let limit = options.take ?? .max
    var rows: [TextRow] = []
    for file in files {
      if options.shuffleSeed == nil, rows.count >= limit { break }
      try read(file) { row in
        rows.append(row)
        return options.shuffleSeed != nil || rows.count < limit
      }
    }
    return options.selected(from: rows)
  }

  /// Gives the rows to `body` one after another: all of them, or the first few. Only shuffled rows are in memory at
  /// once.
  ///
  /// - Throws: As ``rows()``, and what `body` throws.
  public func forEachRow(_ body: (TextRow) throws -> Void) throws {
    guard options.shuffleSeed == nil else { return try rows().forEach(body) }
    var rest = options.take ?? .max
    for file in files where rest > 0 {
      try read(file) { row in
        try body(row)
        rest -= 1
        return rest > 0
      }
    }
  }

  private func read(_ url: URL, _ body: (TextRow) throws -> Bool) throws {
    do {
      let file = try RandomAccessFile(url)
      let head = try file.head(16)
      let decompressor = decompressors.first { $0.recognizes(head) }
      let stream = try decompressor?.open(file) ?? ByteStream(file)
      var index = 0
      try TextRowReader.read(stream, name: url.lastPathComponent, path: url.path, options: options) {
        var row = $0
        row.place.index = index
        index += 1
        return try body(row)
      }
    } catch let error as GraftError {
      throw error.inFile(url.path)
    }
  }
}
