import Foundation
import GraftCore
import Synchronization

/// Standard error: progress, reports and notes.
struct Console {
  /// Whether only errors are printed.
  let isQuiet: Bool
  /// What it has said, where nothing is said twice.
  private var said: Said?

  init(isQuiet: Bool) { self.isQuiet = isQuiet }

  /// One that says each sentence once.
  var withoutRepetitions: Console {
    var console = self
    console.said = Said()
    return console
  }

  private final class Said: Sendable {
    private let sentences = Mutex<Set<String>>([])

    func isNew(_ sentence: String) -> Bool { sentences.withLock { $0.insert(sentence).inserted } }
  }

  /// Whether a person is watching, so that a line can be drawn over.
  static let isTerminal =
    isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"

  /// Whether colours are welcome: https://no-color.org
  private static let usesColor =
    isTerminal && (ProcessInfo.processInfo.environment["NO_COLOR"] ?? "").isEmpty

  /// The width of the terminal in columns; 80 when it is not known.
  static var width: Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// Prints a line.
  func note(_ text: String) { say(text, after: "") }

  /// Prints a line that should not be overlooked, in yellow where colours are welcome.
  func warn(_ text: String) {
    say(text, after: Console.usesColor ? "\u{1B}[33mwarning:\u{1B}[0m " : "warning: ")
  }

  private func say(_ text: String, after mark: String) {
    guard !isQuiet, said?.isNew(mark + text) != false else { return }
    Console.write(mark + text.withoutControls + "\n")
  }

  /// Prints what became of every tensor of a checkpoint: one line when all of them were loaded as they are.
  func report(_ report: LoadReport, of source: URL) {
    let isPlain =
      report.groups.allSatisfy { $0.renamed.isEmpty && $0.initialized.isEmpty }
      && report.dropped.isEmpty && report.unexpected.isEmpty && report.notes.isEmpty
      && report.nonFinite.isEmpty
    if isPlain {
      let groups = report.groups.map { "\($0.name): \($0.loaded.count) loaded" }.joined(separator: ", ")
      return note("loaded \(source.displayPath) (\(groups))")
    }
    note("loaded \(source.displayPath)")
    for line in report.description.split(separator: "\n") { note("  \(line)") }
  }

  /// Writes text as it is; a reader that has left is no error.
  static func write(_ text: String) { _ = Output.write(text, to: STDERR_FILENO) }
}
