import Foundation
import GraftExperiments
import GraftKit

/// Numbers and tables for people.
enum Format {
  enum Alignment { case left, right }

  /// `109,482,240`
  static func grouped(_ number: Int) -> String { NumberText.grouped(number) }

  /// `1 tensor`, `2 tensors`
  static func count(_ number: Int, _ noun: String, plural: String? = nil) -> String {
    NumberText.count(number, noun, plural: plural)
  }

  /// `4.2 GB`, in powers of 1000 as disks are sold.
  static func bytes(_ count: Int) -> String { NumberText.bytes(count) }

  /// `1:02:03`, or `2:03`.
  static func duration(_ seconds: Double) -> String {
    guard seconds >= 0, seconds < 1e9 else { return "?" }
    let whole = Int(seconds.rounded())
    let (hours, minutes) = (whole / 3600, whole / 60 % 60)
    let rest = String(format: "%02d", whole % 60)
    return hours > 0 ? "\(hours):\(String(format: "%02d", minutes)):\(rest)" : "\(minutes):\(rest)"
  }

  /// Three digits of what may be large or small: `1234`, `85.3`, `0.64`.
  static func rate(_ value: Double) -> String {
    String(format: value >= 100 ? "%.0f" : value >= 10 ? "%.1f" : "%.2f", value)
  }

  /// A number in the shortest of plain and scientific spelling, six digits: `0.00023`, `1.2e-07`.
  static func number(_ value: Double) -> String { String(format: "%.6g", value) }

  /// A probability or other score: `0.1073`.
  static func score(_ value: Float) -> String { String(format: "%.4f", Double(value)) }

  /// Text without characters that would break a line or a column, or steer a terminal.
  static func oneLine(_ text: String) -> String {
    let text = text.withoutControls
    return text.contains { $0.isNewline || $0 == "\t" }
      ? String(text.map { $0.isNewline || $0 == "\t" ? " " : $0 }) : text
  }

  static func padded(_ text: String, to width: Int, alignment: Alignment = .left) -> String {
    let fill = String(repeating: " ", count: max(0, width - text.count))
    return alignment == .left ? text + fill : fill + text
  }

  /// A longer cell stands out of its column, so that every other one is not as long.
  private static let widest = 2000

  /// Rows with aligned columns, two spaces apart and indented; no white space at the end of a line. No cell is cut.
  ///
  /// - Parameters:
  ///   - header: Printed above; empty for none.
  ///   - alignments: Of the first columns; the others are on the left.
  static func table(
    _ rows: [[String]], header: [String] = [], alignments: [Alignment] = [], indent: Int = 0
  ) -> String {
    let all = (header.isEmpty ? rows : [header] + rows).map { $0.map(oneLine) }
    let columns = all.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      min(widest, all.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0)
    }
    return all.map { row in
      let cells = row.enumerated().map { column, cell in
        padded(cell, to: widths[column], alignment: column < alignments.count ? alignments[column] : .left)
      }
      let line = String(repeating: " ", count: indent) + cells.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed())
    }.joined(separator: "\n")
  }
}
