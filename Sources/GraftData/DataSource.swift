import Foundation
import GraftCore
import GraftTensors
import Glibc

/// Texts and labels in files: CSV, TSV, JSON Lines, a JSON array, plain lines, sentences in columns, or SQuAD documents,
/// each possibly compressed, in UTF-8 or UTF-16.
///
///     let source = DataSource([train], options: DataOptions(shuffleSeed: 42, take: 1000))
///     let rows = try source.rows()
///
/// Files are read in order through a window; what stays in memory is the rows. A pipe is copied to a temporary file
/// first.
public struct DataSource: Sendable {
  /// Where a process reads what it is given.
  public static let standardInput = URL(fileURLWithPath: "/dev/stdin")

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
  public func rows() throws -> [TextRow] { try contents().rows }

  /// The rows, and what was taken from each file that was read.
  ///
  /// - Throws: as ``rows()``.
  public func contents() throws -> (rows: [TextRow], files: [DataFileReport]) {
    let limit = options.end
    var (rows, reports) = ([TextRow](), [DataFileReport]())
    for file in files {
      if options.shuffleSeed == nil, rows.count >= limit { break }
      let report = try read(file) { row in
        rows.append(row)
        return options.shuffleSeed != nil || rows.count < limit
      }
      reports.append(report)
    }
    return (options.selected(from: rows), reports)
  }

  /// Gives the rows to `body` one after another: all of them, or the first few. Only shuffled rows are in memory at
  /// once.
  ///
  /// - Returns: What was taken from each file that was read.
  /// - Throws: As ``rows()``, and what `body` throws.
  @discardableResult
  public func forEachRow(_ body: (TextRow) throws -> Void) throws -> [DataFileReport] {
    guard options.shuffleSeed == nil else {
      let contents = try contents()
      try contents.rows.forEach(body)
      return contents.files
    }
    var (skipped, rest) = (options.skip, options.take ?? .max)
    var reports: [DataFileReport] = []
    for file in files where rest > 0 {
      let report = try read(file) { row in
        if skipped > 0 {
          skipped -= 1
          return true
        }
        try body(row)
        rest -= 1
        return rest > 0
      }
      reports.append(report)
    }
    return reports
  }

  private func read(_ url: URL, _ body: (TextRow) throws -> Bool) throws -> DataFileReport {
    let isStandardInput = url == DataSource.standardInput
    let path = isStandardInput ? "standard input" : url.path
    do {
      let (stream, isCompressed) = try stream(of: url)
      var report = DataFileReport(file: path, format: .lines)
      if isCompressed { report.remarks.append("compressed") }
      var index = 0
      try TextRowReader.read(
        stream, name: isStandardInput ? "" : url.lastPathComponent, path: path, options: options,
        report: &report
      ) {
        var row = $0
        row.place.index = index
        index += 1
        return try body(row)
      }
      report.rows = index
      return report
    } catch var error as GraftError {
      if isStandardInput { error.file = path }
      throw error.inFile(path)
    }
  }

  /// A file's bytes, decompressed.
  func stream(of url: URL) throws -> (stream: ByteStream, isCompressed: Bool) {
    let file =
      try url == DataSource.standardInput ? RandomAccessFile(copying: STDIN_FILENO, named: url) : open(url)
    let head = try file.head(16)
    let decompressor = decompressors.first { $0.recognizes(head) }
    return (try decompressor?.open(file) ?? ByteStream(file), decompressor != nil)
  }

  /// A file at any offset; of a pipe, as a shell's `<(command)` names one, a copy.
  private func open(_ url: URL) throws -> RandomAccessFile {
    var status = stat()
    guard stat(url.path, &status) == 0, [S_IFIFO, S_IFCHR].contains(status.st_mode & S_IFMT) else {
      return try RandomAccessFile(url)
    }
    let descriptor = Glibc.open(url.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return try RandomAccessFile(url) }
    defer { close(descriptor) }
    return try RandomAccessFile(copying: descriptor, named: url)
  }
}
