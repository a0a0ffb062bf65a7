import Foundation

/// A line on the terminal that tells how far a task is, how fast it goes and when it will end.
///
/// Draws nothing when standard error is not a terminal, or the console is quiet.
final class ProgressBar {
  private let label: String
  private let unit: String
  private let total: Int
  private let isVisible: Bool
  private let start = Date()
  private var startCount: Int
  private var lastDrawn = Date.distantPast

  /// - Parameters:
  ///   - label: What is done: "embedding".
  ///   - unit: What is counted: "texts".
  ///   - total: How many there are.
  ///   - startCount: How many were done before, which do not count for the rate.
  init(_ label: String, unit: String, total: Int, startCount: Int = 0, console: Console) {
    self.label = label
    self.unit = unit
    self.total = total
    self.startCount = startCount
    isVisible = Console.isTerminal && !console.isQuiet
  }

  /// Draws the bar, at most ten times a second.
  ///
  /// - Parameters:
  ///   - count: How many are done.
  ///   - detail: What else to show, such as the loss.
  func update(_ count: Int, detail: String = "") {
    guard isVisible, count >= total || Date().timeIntervalSince(lastDrawn) >= 0.1 else { return }
    lastDrawn = Date()
    let line = ProgressBar.line(
      label, unit: unit, count: count, total: total, sinceStart: count - startCount,
      seconds: -start.timeIntervalSinceNow, detail: detail, width: Console.width)
    draw(line)
  }

  /// Draws the bar of a task whose parts are counted while they come.
  ///
  /// - Parameters:
  ///   - count: How many are done.
  ///   - share: How much of the task they are, from 0 to 1; `nil` where nobody knows.
  func update(_ count: Int, share: Double?) {
    guard isVisible, Date().timeIntervalSince(lastDrawn) >= 0.1 else { return }
    lastDrawn = Date()
    let seconds = -start.timeIntervalSinceNow
    var facts = ["\(Format.grouped(count)) \(unit)"]
    if count > 0, seconds > 0 { facts.append("\(Format.rate(Double(count) / seconds)) \(unit)/s") }
    guard let share else { return draw("\(label)  \(facts.joined(separator: "  "))") }
    if share > 0 { facts.append("ETA \(Format.duration(seconds * (1 - share) / share))") }
    draw(ProgressBar.line(label, share: share, facts: facts, width: Console.width))
  }

  /// Draws the bar of a task whose parts are of different kinds, by the share that is done.
  func update(share: Double, label: String, facts: [String]) {
    guard isVisible, share >= 1 || Date().timeIntervalSince(lastDrawn) >= 0.1 else { return }
    lastDrawn = Date()
    draw(ProgressBar.line(label, share: share, facts: facts, width: Console.width))
  }

  private func draw(_ line: String) { Console.write("\r\(line.shown(limit: 400))\u{1B}[K") }

  /// Removes the bar, so that the next line starts clean.
  func clear() {
    if isVisible { Console.write("\r\u{1B}[K") }
    lastDrawn = .distantPast
  }

  /// One state of the bar: ` 42 % ███████·········· 420/1000  85.3 texts/s  ETA 0:07`.
  static func line(
    _ label: String, unit: String, count: Int, total: Int, sinceStart: Int, seconds: Double, detail: String,
    width: Int
  ) -> String {
    let share = total > 0 ? min(1, Double(count) / Double(total)) : 1
    var facts = ["\(count)/\(total)"]
    if sinceStart > 0, seconds > 0 {
      let rate = Double(sinceStart) / seconds
      facts.append("\(Format.rate(rate)) \(unit)/s")
      if !detail.isEmpty { facts.append(detail) }
      facts.append("ETA \(Format.duration(Double(max(0, total - count)) / rate))")
    }
    return self.line(label, share: share, facts: facts, width: width)
  }

  /// - Parameter share: Of what is to be done; what was measured before may be anything.
  static func line(_ label: String, share: Double, facts: [String], width: Int) -> String {
    let share = share > 0 ? min(1, share) : 0
    let percent = Format.padded("\(Int(share * 100))", to: 3, alignment: .right)
    let (left, right) = ("\(label) \(percent)% ", " " + facts.joined(separator: "  "))
    let room = min(30, width - left.count - right.count - 1)
    guard room >= 5 else { return String((left + right.dropFirst()).prefix(max(0, width - 1))) }
    let filled = Int(share * Double(room))
    return left + String(repeating: "█", count: filled) + String(repeating: "·", count: room - filled) + right
  }
}
