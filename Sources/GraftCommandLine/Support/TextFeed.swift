import ArgumentParser
import Foundation
import GraftCore
import GraftData
import GraftKit
import GraftTensors

/// Texts to work on, a window at a time, so that answers come while there is more to read, and files of any size take the
/// same memory. A bar shows how far the work is.
///
///     let feed = try input.feed("predicting", batchSize: batch.batchSize, output.console)
///     try feed.answer({ rows in … }) { rows, answers in … }
///
/// The first windows are small, so that the first answers come soon; of a pipe a window has what has come by then, and of
/// files what ``RowFeed`` keeps at most. Ranks share the work on a window: rank 0 alone reads the texts and shows the
/// answers.
final class TextFeed {
  private enum Source {
    case rows(ArraySlice<TextRow>)
    case files(RowFeed, DataReading)
  }

  /// The rows of the first window, unless a batch has more.
  private static let first = 32
  /// The most rows of a window, unless a batch has more.
  private static var most: Int { 1024 * GraftTool.group.size }

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
  private var hasAnswered = false

  /// The console for what is said of a window and holds for all: silent after the first that was answered.
  var console: Console { hasAnswered ? Console(isQuiet: true) : ownConsole }
  /// Whether there is one text alone, as is known beforehand of what is no file.
  var isAlone: Bool { total == 1 }

  /// - Parameters:
  ///   - rows: All texts.
  ///   - label: What is done: "embedding".
  ///   - batchSize: How many texts are to run together.
  ///   - beginsSmall: Whether the first windows are small; of no use where nothing is shown before all are answered.
  init(
    _ rows: [TextRow], _ label: String, batchSize: Int? = nil, beginsSmall: Bool = true, console: Console
  ) {
    (self.batchSize, size) = Self.sizes(batchSize, beginsSmall: beginsSmall)
    (source, total, ownConsole) = (.rows(rows[...]), rows.count, console.withoutRepetitions)
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
    (self.source, total) = (.files(RowFeed(source), reading), nil)
    ownConsole = console.withoutRepetitions
    bar = ProgressBar(label, unit: "texts", total: 0, console: console)
  }

  /// The rows of a batch, and of the first window.
  private static func sizes(_ batchSize: Int?, beginsSmall: Bool = true) -> (batch: Int, first: Int) {
    (batchSize ?? 1, max(batchSize ?? 1, beginsSmall ? first : most))
  }

  /// The next texts; `nil` after the last.
  ///
  /// - Throws: `GraftError` when a file cannot be read, is empty, or is not text; the texts before come first.
  func next() throws -> [TextRow]? {
    bar.clear()
    // The sizes are the same in every run: what is printed before an error does not depend on time.
    if current > 0 { size = max(batchSize, min(Self.most, 2 * size)) }
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
      if let reports = feed.reports, !isKnown {
        reading.say(reports, of: feed.source, taken: before + rows.count)
      }
      end = feed.share
    }
    current = rows.count
    return rows.isEmpty ? nil : rows
  }

  /// Works on all texts, window after window. Where the work on a window fails, the texts before the one that it fails on
  /// are answered all the same.
  ///
  /// - Parameters:
  ///   - prepare: Checks the rows of a window on rank 0; may change them.
  ///   - work: Answers some rows, on every rank.
  ///   - show: Is given the rows and what the work made of them, on rank 0.
  /// - Throws: what reading, the work on a row and `show` throw.
  func answer<Answer: RowAnswer>(
    preparing prepare: (inout [TextRow]) throws -> Void = { _ in },
    _ work: ([TextRow]) throws -> [Answer], _ show: ([TextRow], [Answer]) throws -> Void
  ) throws {
    var end: ExitCode?
    try GraftTool.group.answer(next, preparing: prepare, by: work) { rows, answers in
      clear()
      hasAnswered = true
      do { try show(rows, answers) } catch let code as ExitCode { end = code }
      return end == nil
    }
    if let end { throw end }
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
