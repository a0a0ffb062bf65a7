import Foundation
import GraftCore
import GraftData

/// Texts to work on, a window at a time, so that answers come while there is more to read, and files of any size take the
/// same memory. A bar shows how far the work is.
///
///     let feed = try input.feed("predicting", console: output.console)
///     while let rows = try feed.next() { … }
///
/// A window has what is done in about a second, and a batch at least; of a pipe, what has come by then.
final class TextFeed {
  private enum Source {
    case rows(ArraySlice<TextRow>)
    case files(RowFeed, DataReading)
  }

  /// The most rows of a window.
  private static let most = 8192
  /// How long the work on a window should take, in seconds.
  private static let seconds = 1.0

  private var source: Source
  private let bar: ProgressBar
  private let ownConsole: Console
  /// The rows of the window, and of those before it.
  private var (current, before) = (0, 0)
  /// The share of all that the windows before make up, and that with this one; `nil` of a pipe.
  private var (start, end): (Double?, Double?) = (0, 0)
  private let total: Int?
  /// The rows of a batch, where that was said.
  private let batchSize: Int
  private var size: Int
  private var begun: Date?

  /// The console for what is said of a window and holds for all: silent after the first.
  var console: Console { before == 0 ? ownConsole : Console(isQuiet: true) }
  /// Whether there is one text alone, as is known beforehand of what is no file.
  var isAlone: Bool { total == 1 }

  /// - Parameters:
  ///   - rows: All texts.
  ///   - label: What is done: "embedding".
  ///   - batchSize: How many texts are to run together.
  init(_ rows: [TextRow], _ label: String, batchSize: Int? = nil, console: Console) {
    (self.batchSize, size) = Self.sizes(batchSize)
    (source, total, ownConsole) = (.rows(rows[...]), rows.count, console)
    bar = ProgressBar(label, unit: "texts", total: rows.count, console: console)
  }

  /// - Parameters:
  ///   - source: The files.
  ///   - reading: Says what was taken from them.
  ///   - label: What is done: "embedding".
  ///   - batchSize: How many texts are to run together.
  init(
    _ source: DataSource, _ reading: DataReading, _ label: String, batchSize: Int? = nil, console: Console
  ) {
    (self.batchSize, size) = Self.sizes(batchSize)
    (self.source, total, ownConsole) = (.files(RowFeed(source), reading), nil, console)
    bar = ProgressBar(label, unit: "texts", total: 0, console: console)
  }

  /// The rows of a batch, and of the first window.
  private static func sizes(_ batchSize: Int?) -> (batch: Int, first: Int) {
    (batchSize ?? 1, max(batchSize ?? 1, 32))
  }

  /// The next texts; `nil` after the last.
  ///
  /// - Throws: `GraftError` when a file cannot be read, is empty, or is not text; the texts before come first.
  func next() throws -> [TextRow]? {
    bar.clear()
    if let begun {
      let rate = Double(current) / max(1e-6, -begun.timeIntervalSinceNow)
      size = max(batchSize, min(Self.most, Int(rate * Self.seconds)))
    }
    before += current
    start = end
    let rows: [TextRow]
    switch source {
    case .rows(let rest):
      rows = Array(rest.prefix(size))
      source = .rows(rest.dropFirst(size))
      end = total.map { Double(before + rows.count) / Double(max(1, $0)) }
    case .files(let feed, let reading):
      let isKnown = feed.reports != nil
      rows = try feed.next(atMost: size) ?? []
      if let reports = feed.reports, !isKnown { reading.say(reports, taken: before + rows.count) }
      end = feed.share
    }
    current = rows.count
    begun = Date()
    return rows.isEmpty ? nil : rows
  }

  /// Draws how far the work on the window is.
  func update(_ done: Int, of total: Int) {
    let part = Double(done) / Double(max(1, total))
    let share = start.flatMap { start in end.map { start + ($0 - start) * part } }
    bar.update(before + Int(Double(current) * part), share: share)
  }

  /// Removes the bar, so that results can be printed.
  func clear() { bar.clear() }
}
