import Foundation
import GraftCore
import GraftData

/// Texts to work on, a window at a time, so that answers come while there is more to read, and files of any size take the
/// same memory. A bar shows how far the work is.
///
///     let feed = try input.feed("predicting", console: output.console)
///     while let rows = try feed.next() { … }
///
/// A window has what is done in about a second; of a pipe, what has come by then.
final class TextFeed {
  private enum Source {
    case rows(ArraySlice<TextRow>)
    case files(RowFeed, DataReading)
  }

  /// The rows of the first window, and the most of any.
  private static let (first, most) = (32, 8192)
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
  private var size = TextFeed.first
  private var begun: Date?

  /// The console for what is said of a window and holds for all: silent after the first.
  var console: Console { before == 0 ? ownConsole : Console(isQuiet: true) }
  /// Whether the window is the first and has the only text.
  private(set) var isAlone = false

  /// - Parameters:
  ///   - rows: All texts.
  ///   - label: What is done: "embedding".
  init(_ rows: [TextRow], _ label: String, console: Console) {
    (source, total, ownConsole) = (.rows(rows[...]), rows.count, console)
    bar = ProgressBar(label, unit: "texts", total: rows.count, console: console)
  }

  /// - Parameters:
  ///   - source: The files.
  ///   - reading: Says what was taken from them.
  ///   - label: What is done: "embedding".
  init(_ source: DataSource, _ reading: DataReading, _ label: String, console: Console) {
    (self.source, total, ownConsole) = (.files(RowFeed(source), reading), nil, console)
    bar = ProgressBar(label, unit: "texts", total: 0, console: console)
  }

  /// The next texts; `nil` after the last.
  ///
  /// - Throws: `GraftError` when a file cannot be read, is empty, or is not text; the texts before come first.
  func next() throws -> [TextRow]? {
    bar.clear()
    if let begun {
      let rate = Double(current) / max(1e-6, -begun.timeIntervalSinceNow)
      size = min(Self.most, max(1, Int(rate * Self.seconds)))
    }
    before += current
    start = end
    let rows: [TextRow]
    let isLast: Bool
    switch source {
    case .rows(let rest):
      rows = Array(rest.prefix(size))
      source = .rows(rest.dropFirst(size))
      isLast = rows.count == rest.count
      end = total.map { Double(before + rows.count) / Double(max(1, $0)) }
    case .files(let feed, let reading):
      let isKnown = feed.reports != nil
      rows = try feed.next(atMost: size) ?? []
      isLast = feed.reports != nil
      if let reports = feed.reports, !isKnown { reading.say(reports, taken: before + rows.count) }
      end = feed.share
    }
    current = rows.count
    isAlone = before == 0 && current == 1 && isLast
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
