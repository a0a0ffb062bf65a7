import GraftCore
import GraftPlugins
import GraftTensors
import Testing

@testable import GraftKit

/// Rows that are both trained on and evaluated on, and equal texts with different labels.
@Suite struct RepeatedRowsTests {
  private func row(_ text: String, _ label: String? = nil, pair: String? = nil) -> TextRow {
    TextRow(text, pair: pair, label: label.map { .text($0) })
  }

  @Test func textsAreFoundWhateverTheirLabels() throws {
    let training = [row("a", "1"), row("b", "1"), row("b", "2"), row("a", "1"), row("c", "1", pair: "d")]
    let known = try RepeatedRows(training)
    #expect(try known.count(in: [row("a", "2"), row("x"), row("c", "1"), row("c", pair: "d")]) == 2)
    #expect(known.contradictions == 1)
    #expect(
      try known.notes(evaluating: [("dev", [row("a"), row("z")]), ("test", [row("z")])])
        == [.repeatedRows(1, of: 2, set: "dev"), .contradictions(1)])
    #expect(try RepeatedRows([row("a"), row("b")]).notes(evaluating: [(nil, [row("c")])]).isEmpty)
  }

  /// A row of columns alone, or of a text with some.
  private func row(_ text: String = "", _ fields: KeyValuePairs<String, JSON>) -> TextRow {
    var row = TextRow(text)
    for (name, value) in fields { row.fields[name] = value }
    return row
  }

  private func known(_ rows: [TextRow], _ task: String) throws -> RepeatedRows {
    try RepeatedRows(rows, for: Registry.builtIn().tasks.find(task).init(Configuration()))
  }

  @Test("rows that ask different things about one text are different, whatever the answer")
  func whatIsReadCounts() throws {
    let article = "a long article"
    func race(_ question: String, _ options: [String], _ answer: String) -> TextRow {
      row(
        article,
        [
          "question": .string(question), "options": .array(options.map { .string($0) }),
          "answer": .string(answer),
        ])
    }
    let choices = try known(
      [race("who?", ["Ada", "Bob"], "A"), race("when?", ["now", "then"], "B")], "multiple-choice")
    #expect(
      try choices.count(in: [
        race("who?", ["Ada", "Bob"], "B"), race("who?", ["Ada", "Eve"], "A"),
        race("why?", ["Ada", "Bob"], "A"),
      ]) == 1)
    #expect(choices.contradictions == 0)
    func squad(_ question: String, _ answer: String, _ id: Int) -> TextRow {
      row(
        "",
        [
          "question": .string(question), "context": .string(article), "id": JSON(id),
          "answers": ["text": [.string(answer)], "answer_start": [0]],
        ])
    }
    let questions = try known([squad("who?", "a", 1)], "question-answering")
    #expect(try questions.count(in: [squad("who?", "a long", 2), squad("when?", "a", 1)]) == 1)
  }

  @Test func columnsStandForTexts() throws {
    func row(_ word: String, id: Int) -> TextRow {
      var row = TextRow("")
      row.fields = ["tokens": .array([.string(word)]), "id": JSON(id)]
      return row
    }
    let known = try known([row("a", id: 1), row("b", id: 2)], "token-classification")
    #expect(try known.count(in: [row("a", id: 3), row("c", id: 1)]) == 1 && known.contradictions == 0)
  }
}
