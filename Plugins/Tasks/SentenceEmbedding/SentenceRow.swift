import Foundation
import GraftCore
import GraftTensors

/// What a row says: texts that belong together or do not, or two texts with a score.
struct SentenceRow: ExampleLabel, Equatable {
  /// The anchor, the positive, and any negatives.
  let texts: [String]
  /// How alike the two texts are.
  var score: Double?

  static let columns = [
    TaskColumn("anchor", replacesText: true), TaskColumn("sentence1", replacesText: true),
    TaskColumn("positive"), TaskColumn("sentence2"), TaskColumn("negative", isNumbered: true),
    TaskColumn("negatives", hasLists: true), TaskColumn("score"),
  ]

  /// - Throws: `GraftError` naming the row: a text that is missing or empty.
  init(_ row: TextRow) throws {
    do {
      let own = try row.replacement(among: ["anchor", "sentence1"]).map { try Self.cell($0.value, $0.column) }
      guard let anchor = own ?? (row.text.isEmpty ? nil : (row.text, nil)) else {
        throw GraftError(
          .missing, "there is no text", expected: "'anchor' or 'sentence1', or the column of the text",
          advice: "Say which column has it: \(option: "text-column").")
      }
      guard let positive = try row.pair.map({ ($0, nil) }) ?? Self.text(row, ["positive", "sentence2"]) else {
        throw GraftError(
          .missing, "there is no second text to compare with the first",
          expected: "'positive' or 'sentence2', or the column of the pair",
          advice: "Say which column has it: \(option: "pair-column").")
      }
      let all = try [anchor, positive] + Self.negatives(row)
      if let place = all.firstIndex(where: { $0.text.isBlank }) {
        let name = all[place].column.map { "'\($0)'" } ?? "text \(place + 1)"
        throw GraftError(
          .missing, "an empty text", expected: "texts with something to read", found: "\(name) is empty")
      }
      texts = all.map(\.text)
    } catch let error as GraftError {
      throw error.inRow(row)
    }
  }

  var json: JSON {
    var members: [(String, JSON)] = [("texts", .array(texts.map { .string($0) }))]
    if let score { members.append(("score", JSON(score))) }
    return .object(.init(uniqueKeysWithValues: members))
  }

  /// A text, and its column where that is one of ``columns``.
  private typealias Cell = (text: String, column: String?)

  private static func text(_ row: TextRow, _ names: [String]) throws -> Cell? {
    for name in names {
      guard let value = row.fields[name], value != .null else { continue }
      return try cell(value, name)
    }
    return nil
  }

  private static func negatives(_ row: TextRow) throws -> [Cell] {
    try row.fields.filter { $0.key.hasPrefix("negative") && $0.value != .null }.flatMap { name, value in
      try value.array.map { try $0.map { try cell($0, name) } } ?? [cell(value, name)]
    }
  }

  private static func cell(_ value: JSON, _ name: String) throws -> Cell {
    guard let text = value.string else {
      throw GraftError(.malformed, "wrong \(name)", expected: "a string", found: value.kind)
    }
    return (text, name)
  }

  // MARK: Scores

  /// Whether a row says how alike its texts are.
  static func hasScore(_ row: TextRow) -> Bool {
    if let score = row.fields["score"], score != .null, score != .string("") { return true }
    return row.label.map { $0 != .text("") } ?? false
  }

  private static let noScore = GraftError(
    .missing, "there is no score", expected: "'score', or the column of the label",
    advice: "Say which column has it: \(option: "label-column").")

  /// - Throws: `GraftError` that counts the rows without a score.
  static func requireScores(_ rows: [TextRow]) throws {
    _ = try rows.requiring("score", orThrow: noScore) { hasScore($0) ? true : nil }
  }

  /// The first of some columns that are not read that is called like a score, at most 40 characters of its name.
  static func unreadScores(_ unread: [String]) -> Substring? {
    unread.first { name in ["score", "similar"].contains { name.lowercased().contains($0) } }?.prefix(40)
  }

  /// - Parameter unread: The columns that are not read.
  /// - Throws: `GraftError` where one of them is called like a score, which pairs that do not belong together would have.
  static func askAboutScores(_ unread: [String], of rows: [TextRow]) throws {
    guard let name = unreadScores(unread), let row = rows.first else { return }
    var error = noScore
    error.found = "a column that is not read: '\(name)'"
    error.advice =
      "Say which column has it: \(option: "label-column"); texts that all belong together are learnt by \(option: "loss") multiple-negatives."
    throw error.inFile(row.place.file)
  }

  /// - Parameter range: What a score may be.
  /// - Throws: `GraftError` naming the row: no score, or one that is no number or outside the range.
  static func score(of row: TextRow, in range: ClosedRange<Double>?) throws -> Double {
    var written: String?
    if case .text(let text) = row.label, !text.isEmpty {
      written = text
    } else if let value = row.fields["score"] {
      written = value.string ?? value.text()
    }
    guard let written, !written.isEmpty, written != "null" else {
      throw noScore.inRow(row)
    }
    guard let number = Double(decimal: written.trimmingCharacters(in: .whitespaces)), number.isFinite else {
      throw GraftError(
        .malformed, "wrong score", expected: "a number", found: "'\(written.prefix(60))'"
      ).inRow(row)
    }
    if let range, !range.contains(number) {
      throw GraftError(
        .mismatch, "a score that no cosine can reach",
        expected: "\(range.lowerBound) to \(range.upperBound)", found: "\(number)",
        advice: "Divide the scores by the highest, or learn from their order: \(option: "loss") cosent."
      ).inRow(row)
    }
    return number
  }
}
