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
/// Files are read in order through a window; what stays in memory is the rows. Of a pipe, rows are given as they come;
/// one that is compressed is copied to a temporary file first.
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
      let report = try read(file, keepsRows: true) { row in
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
    try forEachRow(noting: nil, body)
  }

  /// - Parameter progress: Is told which file is read.
  func forEachRow(
    noting progress: ReadingProgress?, _ body: (TextRow) throws -> Void
  ) throws -> [DataFileReport] {
    guard options.shuffleSeed == nil else {
      let contents = try contents()
      try contents.rows.forEach(body)
      return contents.files
    }
    var (skipped, rest) = (options.skip, options.take ?? .max)
    var reports: [DataFileReport] = []
    for file in files where rest > 0 {
      let report = try read(file, noting: progress) { row in
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

  /// Calls `body` with each row of a file that is open, whatever files the source has.
  package func forEachRow(of file: RandomAccessFile, _ body: (TextRow) throws -> Void) throws {
    _ = try read(file.url, opened: file) { row in
      try body(row)
      return true
    }
  }

  private func read(
    _ url: URL, opened: RandomAccessFile? = nil, noting progress: ReadingProgress? = nil,
    keepsRows: Bool = false, _ body: (TextRow) throws -> Bool
  ) throws -> DataFileReport {
    let isStandardInput = url == DataSource.standardInput
    let path = isStandardInput ? "standard input" : url.path
    do {
      let (stream, file, isCompressed) = try open(url, opened)
      progress?.file = file
      let budget = file?.budget ?? FileBudget(size: nil, path: path)
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
        if keepsRows { try budget.take(row.memory, for: "the rows") }
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
  func stream(of url: URL) throws -> ByteStream { try open(url).stream }

  /// A file's bytes, decompressed, and the file; a pipe has none.
  private func open(
    _ url: URL, _ opened: RandomAccessFile? = nil
  ) throws -> (stream: ByteStream, file: RandomAccessFile?, isCompressed: Bool) {
    var file: RandomAccessFile?
    var stream: ByteStream
    let head: [UInt8]
    if opened == nil, let pipe = try Self.pipe(url) {
      (head, stream) = try Self.head(of: pipe)
    } else {
      let opened = try opened ?? RandomAccessFile(url)
      (file, head, stream) = (opened, try opened.head(16), ByteStream(opened))
    }
    guard let decompressor = decompressors.first(where: { $0.recognizes(head) }) else {
      return (stream, file, false)
    }
    stream = try decompressor.open(file ?? RandomAccessFile(copying: stream, named: url))
    return (stream, file, true)
  }

  /// Whether what is read is gone afterwards: standard input, or a pipe.
  package static func isPipe(_ url: URL) -> Bool {
    var status = stat()
    return url == standardInput
      || stat(url.path, &status) == 0 && [S_IFIFO, S_IFCHR].contains(status.st_mode & S_IFMT)
  }

  /// Standard input, or a pipe that a path leads to, as of a shell's `<(command)`; `nil` of a file.
  private static func pipe(_ url: URL) throws -> ByteStream? {
    if url == standardInput { return ByteStream(reading: STDIN_FILENO, named: url) }
    guard isPipe(url), let handle = FileHandle(forReadingAtPath: url.path) else { return nil }
    let stream = ByteStream(reading: handle.fileDescriptor, named: url)
    // The handle closes the pipe with the last stream that reads it.
    return ByteStream(isLive: true, hasMore: stream.hasMore) { buffer in
      try withExtendedLifetime(handle) { try stream.read(into: buffer) }
    }
  }

  /// The bytes by which a compression is known, and a stream that begins with them. Of a line that is shorter, no more is
  /// waited for.
  private static func head(of pipe: ByteStream) throws -> (head: [UInt8], stream: ByteStream) {
    var window = ByteWindow(pipe, size: 16)
    let head = try window.peek { $0.contains(FileLayout.lineFeed) ? 0 : nil }
    return (Array(head), window.rest)
  }
}
