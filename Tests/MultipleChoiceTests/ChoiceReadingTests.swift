import Foundation
import GraftCore
import GraftData
import GraftKit
import GraftPlugins
import GraftTensors
import TestSupport
import Testing

@testable import MultipleChoice

/// Questions, choices and answers in files.
@Suite("Reading questions with choices")
struct ChoiceReadingTests {
  private func rows(_ text: String, file: String, _ options: DataOptions = DataOptions()) throws -> [TextRow]
  {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: file)
      try FileWriter.write(url, text: text)
      var options = options
      options.fields = MultipleChoice.columns
      return try DataSource([url], options: options).rows()
    }
  }

  private func answers(_ rows: [TextRow], base: Int? = nil) throws -> [Int32?] {
    try MultipleChoice(Configuration()).labels(of: rows, LabelReading(base: base)).map {
      ($0 as? ClassLabel)?.index
    }
  }

  @Test(
    "SWAG's columns become the tokens that transformers' script makes of them",
    arguments: ["bert", "roberta"])
  func swag(_ family: String) throws {
    let folder = fixtures.appending(path: "choices")
    let rows = try DataSource(
      [folder.appending(path: "swag.csv")], options: DataOptions(fields: MultipleChoice.columns)
    ).rows()
    #expect(try answers(rows) == [1, 0, 3])
    let golden = try JSON(parsing: Array(Data(contentsOf: folder.appending(path: "encodings.json"))))
    let model = try Registry.builtIn().open(fixtures.appending(path: "\(family)-tiny/multiple-choice"))
      .checkpoint.makeModel()
    let data = try Dataset(rows, for: model, maxLength: 24)
    for (index, expected) in (golden[family]?.array ?? []).enumerated() {
      let encodings = try data.example(index).encodings
      #expect(
        encodings.map { $0.ids.map(Int.init) } == expected["ids"]?.array?.map { $0.array?.compactMap(\.int) })
      #expect(
        encodings.map { $0.tokenTypes.map(Int.init) }
          == expected["types"]?.array?.map { $0.array?.compactMap(\.int) })
    }
    #expect(golden[family]?.array?.count == 3 && !data.facts.truncatedRows.isEmpty)
  }

  @Test("JSON Lines with a question, with a context, and with the choices of the Hub's data sets")
  func lines() throws {
    let rows = try rows(
      #"{"question": "Which?", "choices": ["a", "b", "c"], "answer": "C"}"# + "\n"
        + #"{"context": "It rains.", "question": "Why?", "choices": ["x", "y"], "answer": 1}"# + "\n"
        + #"{"question": "Who?", "choices": {"text": ["p", "q"], "label": ["1", "2"]}, "answerKey": "1"}"#
        + "\n"
        + #"{"context": "He", "endings": ["runs.", "sits."], "label": "1"}"# + "\n"
        + #"{"question": "How?", "options": ["3", "so"], "answer": "so"}"# + "\n",
      file: "a.jsonl")
    #expect(try answers(rows) == [2, 1, 0, 1, 1])
    let pairs = try rows.map {
      try MultipleChoice(Configuration()).sequences(of: $0).map { [$0.text, $0.pair] }
    }
    #expect(
      pairs == [
        [["Which?", "a"], ["Which?", "b"], ["Which?", "c"]],
        [["It rains.", "Why? x"], ["It rains.", "Why? y"]], [["Who?", "p"], ["Who?", "q"]],
        [["He", "runs."], ["He", "sits."]], [["How?", "3"], ["How?", "so"]],
      ])
  }

  @Test("a table with as many choices as a row has, and columns that are named")
  func table() throws {
    var options = DataOptions()
    options.textColumns = [.name("premise")]
    options.labelColumn = .name("right")
    let rows = try rows(
      "premise,choice1,choice2,choice10,choice3,right\nIt rains.,a,b,d,c,4\nIt snows.,a,b,,,1\n",
      file: "a.csv",
      options)
    #expect(try rows.map { try ChoiceQuestion($0).choices } == [["a", "b", "c", "d"], ["a", "b"]])
    #expect(try answers(rows, base: 1) == [3, 0])
  }

  @Test(
    "what cannot be learnt from names its row",
    arguments: [
      (#"{"choices": ["a", "b"], "label": 0}"#, "no such column"),
      (#"{"question": " ", "choices": ["a", "b"], "label": 0}"#, "there is no question"),
      (
        #"{"question": "Q", "label": 0}"#,
        "there is nothing to choose from; expected 2 choices or more, found 0"
      ),
      (#"{"question": "Q", "choices": ["a"], "label": 0}"#, "found 1"),
      (#"{"question": "Q", "choices": ["a", " "], "label": 0}"#, "an empty choice"),
      (#"{"question": "Q", "choices": ["a", 3], "label": 0}"#, "wrong choices; expected a string"),
      (#"{"question": "Q", "choices": "a", "label": 0}"#, "wrong choices; expected a list of texts"),
      (#"{"question": 3, "choices": ["a", "b"], "label": 0}"#, "wrong question; expected a string"),
      (
        #"{"question": "Q", "choices": ["a", "b"], "label": 2}"#,
        "none of the choices; expected 0 to 1, A to B"
      ),
      (#"{"question": "Q", "choices": ["a", "b"], "label": -1}"#, "none of the choices"),
      (#"{"question": "Q", "choices": ["a", "b"], "answer": "C"}"#, "found 'C'"),
      (#"{"question": "Q", "choices": ["a", "a"], "answer": "same"}"#, "none of the choices"),
      (#"{"question": "Q", "choices": ["a", "b"], "answer": [0]}"#, "wrong answer"),
      (#"{"question": "Q", "choices": ["a", "b"], "label": [0, 1]}"#, "wrong answer"),
      (#"{"question": "Q", "choices": ["a", "b"]}"#, "1 of 2 rows has no answer: row 2"),
    ])
  func refused(_ line: String, _ expected: String) throws {
    let good = #"{"question": "Q", "choices": ["a", "b"], "label": 0}"#
    do {
      _ = try answers(try rows("\(good)\n\(line)\n", file: "a.jsonl"))
      Issue.record("nothing was refused")
    } catch let error as GraftError {
      #expect(error.description.contains(expected) && error.description.contains("row 2"), "\(error)")
    }
  }
}
