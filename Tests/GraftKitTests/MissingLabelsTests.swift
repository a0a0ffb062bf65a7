import Foundation
import GraftTensors
import TestSupport
import Testing

@testable import GraftCore
@testable import GraftKit

/// Rows without what a head learns from them are counted, and the first is named.
@Suite struct MissingLabelsTests {
  /// A checkpoint, a row that it learns from, the same row without a label, and what the row lacks.
  private static let cases: [(folder: String, scoresPairs: Bool, good: TextRow, bad: TextRow, what: String)] =
    [
      (
        "bert-tiny/sequence-classification", false, TextRow("he", label: .text("1")),
        TextRow("he", label: .text(" ")),
        "label"
      ),
      ("bert-tiny/multi-label", false, TextRow("he", label: .text("1|0")), TextRow("he"), "label"),
      (
        "bert-tiny/regression", false, TextRow("he", label: .text("0.5")), TextRow("he", label: .text("")),
        "label"
      ),
      (
        "bert-tiny/regression", true, TextRow("he", pair: "she", label: .text("0.5")),
        TextRow("he", pair: "she"),
        "score"
      ),
      (
        "bert-tiny/token-classification", false, TextRow("he can", label: .list(["0", "0"])),
        TextRow("he can"),
        "labels for their words"
      ),
      (
        "bert-tiny/question-answering", false,
        row("he", "he can", ["answers": ["text": ["can"], "answer_start": [3]]]),
        TextRow("he", pair: "he can"),
        "answers"
      ),
      (
        "bert-tiny/multiple-choice", false, row("he", nil, ["choices": ["a", "b"], "answer": "A"]),
        row("he", nil, ["choices": ["a", "b"]]), "answer"
      ),
      (
        "bert-tiny/next-sentence", false, TextRow("he", pair: "she", label: .text("0")),
        TextRow("he", pair: "she"), "label"
      ),
      (
        "sentences/current", false, row("he", "she", ["score": 0.5]), row("he", "she", ["score": .null]),
        "score"
      ),
    ]

  private static func row(_ text: String, _ pair: String?, _ fields: JSON) -> TextRow {
    var row = TextRow(text, pair: pair)
    for (key, value) in fields.object ?? [:] { row.fields[key] = value }
    return row
  }

  @Test(arguments: cases.indices) func areCounted(_ index: Int) throws {
    let (folder, scoresPairs, good, bad, what) = Self.cases[index]
    let registry = try Support.registry()
    var checkpoint = try registry.open(fixtures.appending(path: folder)).checkpoint
    try checkpoint.selectTask(registry: registry)
    if scoresPairs { checkpoint.scorePairs(maximumLength: 64) }
    let model = try checkpoint.makeModel()
    func message(_ isGood: [Bool]) -> String? {
      let rows = isGood.enumerated().map { index, isGood in
        var row = isGood ? good : bad
        row.place = TextRow.Place(file: "a.csv", row: index + 2, index: index)
        return row
      }
      return errorMessage { _ = try Dataset(rows, for: model) }
    }
    #expect(message([true, true]) == nil, "\(message([true, true]) ?? "")")
    let several = try #require(message([true, false, true, false]))
    #expect(several.hasPrefix("a.csv: 2 of 4 rows have no \(what), the first is row 3"), "\(several)")
    #expect(several.hasSuffix("Remove such rows, or complete them."), "\(several)")
    let one = try #require(message([true, true, false]))
    #expect(one.hasPrefix("a.csv: 1 of 3 rows has no \(what): row 4"), "\(one)")
    // Where no row of vectors has a score, rows are pairs.
    let all = message([false, false])
    guard folder != "sentences/current" else {
      #expect(all == nil)
      return
    }
    #expect(all?.hasPrefix("a.csv: row 2: there ") == true, "\(all ?? "")")
    #expect(all?.contains("column") == true || what == "answers", "\(all ?? "")")
  }
}
