import GraftCore
import GraftTensors
import Testing

@testable import GraftKit

/// Rows that are both trained on and evaluated on, and equal texts with different labels.
@Suite struct RepeatedRowsTests {
  private func row(_ text: String, _ label: String? = nil, pair: String? = nil) -> TextRow {
    TextRow(text, pair: pair, label: label.map { .text($0) })
  }

  @Test func textsAreFoundWhateverTheirLabels() {
    let training = [row("a", "1"), row("b", "1"), row("b", "2"), row("a", "1"), row("c", "1", pair: "d")]
    let known = RepeatedRows(training)
    #expect(known.count(in: [row("a", "2"), row("x"), row("c", "1"), row("c", pair: "d")]) == 2)
    #expect(known.contradictions == 1)
    #expect(
      known.notes(evaluating: [("dev", [row("a"), row("z")]), ("test", [row("z")])])
        == [.repeatedRows(1, of: 2, set: "dev"), .contradictions(1)])
    #expect(RepeatedRows([row("a"), row("b")]).notes(evaluating: [(nil, [row("c")])]).isEmpty)
  }

  @Test func columnsStandForTexts() {
    func row(_ word: String, id: Int) -> TextRow {
      var row = TextRow("")
      row.fields = ["tokens": .array([.string(word)]), "id": JSON(id)]
      return row
    }
    let known = RepeatedRows([row("a", id: 1), row("b", id: 2)])
    #expect(known.count(in: [row("a", id: 3), row("c", id: 1)]) == 1 && known.contradictions == 0)
  }
}
