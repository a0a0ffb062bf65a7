import Foundation
import GraftCore
import GraftTensors

/// The rows of files or of a pipe, read on another thread while those before are worked on.
///
///     let feed = RowFeed(source)
///     while let rows = try feed.next(atMost: 1024) { … }
///
/// It takes memory for some thousand rows, whatever the size of the files. What is given of files does not depend on how
/// fast they are read.
public final class RowFeed {
  /// What is read.
  public let source: DataSource
  /// What was taken from each file; `nil` until all rows were given.
  public private(set) var reports: [DataFileReport]?
  /// The share of the files that was read for the rows that were given, from 0 to 1; `nil` of a pipe.
  public private(set) var share: Double?
  private let queue: RowQueue

  /// Begins to read.
  public init(_ source: DataSource) {
    let isLive = ReadingProgress(source.files).share == nil
    let queue = RowQueue(patience: isLive ? 0.0005 : nil)
    (self.source, self.queue) = (source, queue)
    Thread.detachNewThread {
      let progress = ReadingProgress(source.files)
      queue.finish(Result { try source.forEachRow(noting: progress) { try queue.add($0, progress.share) } })
    }
  }

  deinit { queue.abandon() }

  /// The next rows: as many as are asked for, or of a pipe those that have come by now, which may be one. Of very long
  /// texts there are fewer.
  ///
  /// - Parameter count: At least 1.
  /// - Returns: `nil` after the last row.
  /// - Throws: as `DataSource.rows()`, once the rows before the error were given.
  public func next(atMost count: Int) throws -> [TextRow]? {
    let (rows, end) = queue.take(atMost: count)
    if let last = rows.last { share = last.share }
    switch end {
    case .success(let reports): self.reports = reports
    // It comes by itself, for the rows before it are good.
    case .failure(let error): if rows.isEmpty { throw error }
    case nil: break
    }
    return rows.isEmpty ? nil : rows.map(\.row)
  }
}

/// How far the reading of files is.
final class ReadingProgress {
  /// The bytes of all files; `nil` where one is a pipe.
  private let total: Int?
  private var done = 0
  /// What is read now; `nil` of a pipe.
  var file: RandomAccessFile? {
    didSet { done = done.addingClamped(oldValue?.size ?? 0) }
  }

  init(_ files: [URL]) {
    let sizes = files.map { url -> Int? in
      var status = stat()
      return stat(url.path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
    }
    total = sizes.contains(nil) ? nil : max(1, sizes.reduce(0) { $0.addingClamped($1 ?? 0) })
  }

  var share: Double? {
    total.map { min(1, (Double(done) + Double(file?.bytesRead ?? 0)) / Double($0)) }
  }
}

/// Rows between the thread that reads them and the one that takes them.
private final class RowQueue: @unchecked Sendable {
  // All that changes is read and written under the lock.

  /// The most rows that wait.
  private static let mostRows = 8192
  /// The most bytes of rows that wait, unless one row has more.
  private static let mostBytes = 16 << 20
  private struct Abandoned: Error {}

  private let lock = NSCondition()
  private var rows: [(row: TextRow, share: Double?)] = []
  private var bytes = 0
  private var end: Result<[DataFileReport], any Error>?
  private var isAbandoned = false
  /// How long rows wait for others that may be about to come, in seconds: a row that comes alone is answered that much
  /// later, and once texts are being answered others come meanwhile. `nil` is until they come.
  private let patience: Double?

  init(patience: Double?) { self.patience = patience }

  func add(_ row: TextRow, _ share: Double?) throws {
    lock.lock()
    defer { lock.unlock() }
    while isFull, !isAbandoned { lock.wait() }
    if isAbandoned { throw Abandoned() }
    rows.append((row, share))
    bytes += row.memory
    lock.broadcast()
  }

  func finish(_ end: Result<[DataFileReport], any Error>) {
    lock.withLock {
      self.end = end
      lock.broadcast()
    }
  }

  func abandon() {
    lock.withLock {
      isAbandoned = true
      lock.broadcast()
    }
  }

  /// Waits until there are so many rows, no more come, or those that are there have waited long enough.
  ///
  /// - Returns: The rows, none of them after the end; and how reading ended, if these are the last.
  func take(atMost count: Int) -> (
    rows: [(row: TextRow, share: Double?)], end: Result<[DataFileReport], any Error>?
  ) {
    lock.lock()
    defer { lock.unlock() }
    while rows.isEmpty, end == nil { lock.wait() }
    let deadline = patience.map { Date(timeIntervalSinceNow: $0) }
    while rows.count < count, !isFull, end == nil {
      guard let deadline else {
        lock.wait()
        continue
      }
      if !lock.wait(until: deadline) { break }
    }
    let taken = Array(rows.prefix(count))
    rows.removeFirst(taken.count)
    bytes -= taken.reduce(0) { $0 + $1.row.memory }
    lock.broadcast()
    return (taken, rows.isEmpty ? end : nil)
  }

  private var isFull: Bool { rows.count >= Self.mostRows || bytes >= Self.mostBytes }
}

extension TextRow {
  /// How long its texts are together, in UTF-8 bytes; those in columns that a task reads as well.
  package var byteCount: Int {
    fields.values.reduce(text.utf8.count + (pair?.utf8.count ?? 0)) { $0 + $1.textByteCount }
  }

  /// About how much memory it takes.
  fileprivate var memory: Int { byteCount + (label?.byteCount ?? 0) }
}

extension WrittenLabel {
  fileprivate var byteCount: Int {
    switch self {
    case .text(let text): text.utf8.count
    case .list(let items): items.reduce(0) { $0 + $1.utf8.count }
    case .columns(let columns): columns.reduce(0) { $0 + $1.text.utf8.count }
    }
  }
}

extension JSON {
  /// How long all strings in it are together, without keys.
  fileprivate var textByteCount: Int {
    if let string { return string.utf8.count }
    if let array { return array.reduce(0) { $0 + $1.textByteCount } }
    return object?.values.reduce(0) { $0 + $1.textByteCount } ?? 0
  }
}
