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

  @Test(
    "a column 'text' that nobody named is what the row lacks, and nothing beside a context and a question")
  func unnamedText() throws {
    func prompt(_ row: String, _ options: DataOptions = DataOptions()) throws -> [String?] {
      let line = "{\"text\": \"t\", \"choices\": [\"x\", \"y\"]\(row)}\n"
      let question = try ChoiceQuestion(rows(line, file: "a.jsonl", options)[0])
      return [question.text, question.start]
    }
    let both = #", "context": "c", "question": "q""#
    #expect(try prompt("") == ["t", nil])
    #expect(try prompt(#", "question": "q""#) == ["t", "q"])
    #expect(try prompt(#", "context": "c""#) == ["c", "t"])
    #expect(try prompt(both) == ["c", "q"])
    #expect(try prompt(both, DataOptions(textColumns: [.name("text")])) == ["t", "q"])
  }

  @Test("JSON Lines with a question, with a context, and with the choices of the Hub's data sets")
  func lines() throws {
    let rows = try rows(
      #"{"question": "Which?", "choices": ["a", "b", "c"], "answer": 2}"# + "\n"
        + #"{"context": "It rains.", "question": "Why?", "choices": ["x", "y"], "answer": 1.0}"# + "\n"
        + #"{"question": "Who?", "choices": {"text": ["p", "q"], "label": ["A", "B"]}, "answerKey": "0"}"#
        + "\n"
        + #"{"context": "He", "endings": ["runs.", "sits."], "label": "1.0"}"# + "\n"
        + #"{"question": "How?", "options": ["3", "so"], "answer": "1"}"# + "\n",
      file: "a.jsonl")
    #expect(try answers(rows) == [2, 1, 0, 1, 1])
    #expect(
      try pairs(rows) == [
        [["Which?", "a"], ["Which?", "b"], ["Which?", "c"]],
        [["It rains.", "Why? x"], ["It rains.", "Why? y"]], [["Who?", "p"], ["Who?", "q"]],
        [["He", "runs."], ["He", "sits."]], [["How?", "3"], ["How?", "so"]],
      ])
  }

  @Test("choices are a list in a cell of a table too", arguments: ["choices", "options", "endings"])
  func cells(_ name: String) throws {
    let table = "question,\(name),answer\nWhich?,\"['a, b', 'c']\",1\nWho?,\"[\"\"p\"\", \"\"q\"\"]\",0\n"
    let rows = try rows(table, file: "a.csv")
    #expect(try answers(rows) == [1, 0])
    #expect(
      try pairs(rows) == [[["Which?", "a, b"], ["Which?", "c"]], [["Who?", "p"], ["Who?", "q"]]])
  }

  private func pairs(_ rows: [TextRow]) throws -> [[[String?]]] {
    try rows.map { try MultipleChoice(Configuration()).sequences(of: $0).map { [$0.text, $0.pair] } }
  }

  /// A column of answers, as choices with what is said to be right.
  struct AnswerColumn: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let rows: [(choices: String, answer: String)]
    var base: Int?
    /// The numbers of the right choices, or what is said.
    var indices: [Int32?] = []
    var message = ""
  }

  static let answerColumns: [AnswerColumn] = [
    AnswerColumn(
      testDescription: "letters", rows: [(#"["a", "b", "c"]"#, #""C""#), (#"["x", "y"]"#, #""a""#)],
      indices: [2, 0]),
    AnswerColumn(
      testDescription: "texts, of which some could be numbers or letters",
      rows: [(#"["0", "2", "1"]"#, #""1""#), (#"["B", "A"]"#, #""A""#), (#"["3", "so"]"#, #""so""#)],
      indices: [2, 1, 1]),
    AnswerColumn(
      testDescription: "numbers, of which some are texts",
      rows: [(#"["0", "2", "1"]"#, "1"), (#"["a", "b"]"#, "0")], indices: [1, 0]),
    AnswerColumn(
      testDescription: "letters, of which some are texts",
      rows: [(#"["B", "A"]"#, #""A""#), (#"["x", "y"]"#, #""B""#)], indices: [0, 1]),
    AnswerColumn(
      testDescription: "names before numbers, as the Hub's ARC has both",
      rows: [
        (#"{"text": ["p", "q"], "label": ["1", "2"]}"#, #""1""#),
        (#"{"text": ["r", "s"], "label": ["A", "B"]}"#, #""B""#),
      ], indices: [0, 1]),
    AnswerColumn(
      testDescription: "numbers and texts that differ", rows: [(#"["0", "2", "1"]"#, #""1""#)],
      message:
        "row 1: the answer matches two choices; expected answers that can be read in one way, found '1', "
        + "which is the number of '2' and the text of '1'. Set 'label-base' when the answers are numbers"),
    AnswerColumn(
      testDescription: "the same with a base", rows: [(#"["0", "2", "1"]"#, #""1""#)], base: 0, indices: [1]),
    AnswerColumn(
      testDescription: "letters and texts that differ",
      rows: [(#"["x", "A"]"#, #""B""#), (#"["B", "A"]"#, #""A""#)].reversed().map { $0 },
      indices: [0, 1]),
    AnswerColumn(
      testDescription: "letters and texts of all rows that differ", rows: [(#"["B", "A"]"#, #""A""#)],
      message: "which is the letter of 'B' and the text of 'A'. Write the numbers of the choices"),
    AnswerColumn(
      testDescription: "a letter among numbers",
      rows: [(#"["a", "b"]"#, "1"), (#"["c", "d"]"#, "0"), (#"["a", "e"]"#, #""B""#)],
      message:
        "row 3: an answer that is none of the choices; expected 0 to 1, as other rows have it, found 'B'"),
    AnswerColumn(
      testDescription: "none that fits",
      rows: [(#"["a", "b"]"#, "9"), (#"["c", "d"]"#, "9")],
      message:
        "row 1: an answer that is none of the choices; expected 0 to 1, A to B, or the text of one of the choices, found '9'"
    ),
    AnswerColumn(
      testDescription: "choices without names among others",
      rows: [
        (#"{"text": ["p", "q"], "label": ["X", "Y"]}"#, #""Y""#), (#"["r", "s"]"#, #""Y""#),
      ],
      message:
        "row 2: an answer that is none of the choices; expected the name of one of the choices, as other rows have it"
    ),
    AnswerColumn(
      testDescription: "numbers as tables have them",
      rows: [(#"["a", "b"]"#, #""1.0""#), (#"["c", "d"]"#, "0.0")],
      indices: [1, 0]),
    AnswerColumn(
      testDescription: "a number that is not whole", rows: [(#"["a", "b"]"#, "0.5")], message: "found '0.5'"),
    AnswerColumn(
      testDescription: "one text twice", rows: [(#"["same", "same"]"#, #""same""#)],
      message: "none of the choices"),
    AnswerColumn(
      testDescription: "the largest base", rows: [(#"["a", "b", "c"]"#, "3")], base: .max,
      message: "expected \(Int.max) to \(Int.min + 1), A to C, or the text of one of the choices, found '3'"),
    AnswerColumn(
      testDescription: "the smallest base", rows: [(#"["a", "b", "c"]"#, "3")], base: .min,
      message: "none of the choices"),
  ]

  @Test("the answers of a column are read in one way", arguments: answerColumns)
  func readsAnswers(_ column: AnswerColumn) throws {
    for key in ["answer", "label"] {
      let text = column.rows.map {
        #"{"question": "Q", "choices": \#($0.choices), "\#(key)": \#($0.answer)}"#
      }
      let rows = try rows(text.joined(separator: "\n") + "\n", file: "a.jsonl")
      var found: [Int32?] = []
      let message = errorMessage { found = try answers(rows, base: column.base) }
      #expect(found == column.indices)
      #expect(message?.contains(column.message) ?? column.message.isEmpty, "\(message ?? "")")
    }
  }

  @Test(
    "a context is read whichever column the text is in",
    arguments: [
      (nil, nil, ["the film", "who x"]), ("question", nil, ["the film", "who x"]),
      ("context", nil, ["the film", "who x"]), ("question", "context", ["the film", "who x"]),
      ("context", "question", ["the film", "who x"]), ("article", nil, ["a page", "who x"]),
      ("article", "context", ["a page", "the film x"]),
    ] as [(String?, String?, [String])])
  func contexts(_ text: String?, _ pair: String?, _ expected: [String]) throws {
    var options = DataOptions(textColumns: text.map { [.name($0)] } ?? [])
    options.pairColumn = pair.map { .name($0) }
    let rows = try rows(
      #"{"question": "who", "context": "the film", "article": "a page", "choices": ["x", "y"]}"# + "\n",
      file: "a.jsonl", options)
    #expect(try pairs(rows).first?.first == expected)
    // Without a question the text is one.
    let others = try self.rows(
      #"{"ask": "who", "context": "the film", "choices": ["x", "y"]}"# + "\n", file: "a.jsonl",
      DataOptions(textColumns: [.name("ask")]))
    #expect(try pairs(others).first?.first == ["the film", "who x"])
  }

  @Test("a table with as many choices as a row has, and columns that are named")
  func table() throws {
    var options = DataOptions()
    options.textColumns = [.name("premise")]
    options.labelColumns = [.name("right")]
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
        "none of the choices; expected 0 to 1, as other rows have it"
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
