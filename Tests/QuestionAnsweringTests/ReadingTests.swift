import Foundation
import GraftCore
import GraftData
import GraftKit
import GraftTensors
import TestSupport
import Testing

@testable import QuestionAnswering

/// Questions, contexts and answers in files.
@Suite("Reading questions and answers")
struct QuestionReadingTests {
  private func rows(_ text: String, file: String, _ options: DataOptions = DataOptions()) throws -> [TextRow]
  {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: file)
      try FileWriter.write(url, text: text)
      var options = options
      options.fields = QuestionAnswering.columns
      return try DataSource([url], options: options).rows()
    }
  }

  private func answers(_ rows: [TextRow]) throws -> [Answers?] {
    try QuestionAnswering(Configuration()).labels(of: rows, LabelReading()).map { $0 as? Answers }
  }

  private static let document = #"""
    {"version": "v2.0", "data": [
      {"title": "A", "paragraphs": [
        {"context": "Ada é lived in London.", "qas": [
          {"id": "1", "question": " Where?", "answers": [{"text": "London", "answer_start": 15}], "is_impossible": false},
          {"id": "2", "question": "Why?", "answers": [], "is_impossible": true, "plausible_answers": []}]},
        {"context": "B", "qas": []}]},
      {"paragraphs": [{"context": "oil", "qas": [
        {"id": "3", "question": "What?", "answers": [{"text": "oil", "answer_start": 0}, {"text": "oi", "answer_start": 0}]}]}]}
    ]}
    """#

  @Test(
    "a SQuAD document, whatever the file is called", arguments: ["train-v2.0.json", "questions", "a.squad"])
  func squad(_ name: String) throws {
    let rows = try rows(Self.document, file: name)
    #expect(rows.map(\.text) == [" Where?", "Why?", "What?"])
    #expect(rows.map(\.pair) == ["Ada é lived in London.", "Ada é lived in London.", "oil"])
    #expect(rows.map(\.place.row) == [1, 2, 3] && rows[0].fields["id"] == "1")
    #expect(try answers(rows).map { $0?.texts } == [["London"], [], ["oil", "oi"]])
    #expect(try answers(rows)[0]?.found[0].place == 15..<21)
    #expect(try Question(rows[0]).text == "Where?")
    // A document of one line has no rows.
    var wrong = rows
    wrong[2].pair = "coal"
    let error = #expect(throws: GraftError.self) { _ = try answers(wrong) }
    #expect(error?.subject == "question 3")
    wrong[2].fields["answers"] = nil
    let missing = #expect(throws: GraftError.self) { _ = try answers(wrong) }
    #expect(missing?.problem.hasSuffix("question 3") == true, "\(missing?.description ?? "")")
  }

  @Test("JSON Lines as the data sets of the Hub have them, and with a text's and a pair's columns")
  func lines() throws {
    let rows = try rows(
      #"{"question": "Where?", "context": "in London", "answers": {"text": ["London"], "answer_start": [3]}}"#
        + "\n"
        + #"{"text": "Who?", "question": null, "context": "x", "answers": {"text": [], "answer_start": []}}"#
        + "\n",
      file: "a.jsonl")
    #expect(try answers(rows).map { $0?.texts } == [["London"], []])
    #expect(try Question(rows[0]).context == "in London")
  }

  @Test("cells of tables have answers as JSON or Python writes them")
  func cells() throws {
    let rows = try rows(
      """
      question,context,answers,is_impossible
      Where?,in London,"{""text"": [""London""], ""answer_start"": [3]}",False
      Where?,in London,"{'text': ['London'], 'answer_start': [3]}",
      Where?,in London,"[{'text': 'London', 'answer_start': 3}]",
      Why?,in London,"{'text': [], 'answer_start': []}",True
      Why?,in London,,True

      """, file: "a.csv")
    #expect(try answers(rows).map { $0?.texts } == [["London"], ["London"], ["London"], [], []])
  }

  static let mistakes: [(String, String)] = [
    (#"{"question": "q", "context": "abc"}"#, "row 1: there are no answers"),
    (
      #"{"question": "q", "context": "a", "is_impossible": true, "answers": {"text": ["a"], "answer_start": [0]}}"#,
      "row 1: 'is_impossible' and 'answers' contradict each other; expected no answers, found 1"
    ),
    (
      #"{"question": "q", "context": "a", "is_impossible": false, "answers": []}"#,
      "row 1: 'is_impossible' and 'answers' contradict each other; expected an answer, found 0"
    ),
    (
      #"{"question": "q", "answers": {"text": ["a"], "answer_start": [0]}}"#,
      "row 1: there is no context to find an answer in"
    ),
    (
      #"{"question": "", "context": "a", "answers": {"text": ["a"], "answer_start": [0]}}"#,
      "row 1: there is no question"
    ),
    (
      #"{"question": "q", "context": 3, "answers": {"text": ["a"], "answer_start": [0]}}"#,
      "row 1: wrong context"
    ),
    (
      #"{"question": "q", "context": "abc", "answers": {"text": ["b"], "answer_start": [0]}}"#,
      "row 1: an answer is not at its place in the context; expected 'b' at 0, counted in Unicode scalars, found 'a'"
    ),
    (#"{"question": "q", "context": "abc", "answers": {"text": ["c"], "answer_start": [3]}}"#, "found ''"),
    (#"{"question": "q", "context": "abc", "answers": {"text": ["c"], "answer_start": [-1]}}"#, "'c' at -1"),
    (
      #"{"question": "q", "context": "abc", "answers": {"text": ["c"], "answer_start": [9223372036854775807]}}"#,
      "'c' at 9223372036854775807"
    ),
    (
      #"{"question": "q", "context": "abc", "answers": {"text": [""], "answer_start": [0]}}"#,
      "row 1: an empty answer"
    ),
    (
      #"{"question": "q", "context": "abc", "answers": {"text": ["a", "b"], "answer_start": [0]}}"#,
      "row 1: wrong answers"
    ),
    (#"{"question": "q", "context": "abc", "answers": "a"}"#, "row 1: wrong answers"),
  ]

  @Test("what is wrong with a row", arguments: mistakes.indices)
  func refused(_ index: Int) throws {
    let (line, message) = Self.mistakes[index]
    let error = #expect(throws: GraftError.self) {
      let rows = try rows(line + "\n", file: "a.jsonl")
      _ = try answers(rows)
      _ = try Question(rows[0])
    }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }

  @Test(
    "what is wrong with a SQuAD document",
    arguments: [
      (#"{"data": [{"paragraphs": [{"qas": []}]}]}"#, "question 1, key 'context'"),
      (#"{"data": [{"paragraphs": [{"context": "a", "qas": [{"id": 1}]}]}]}"#, "question 1, key 'question'"),
      (#"{"data": [{"paragraphs": 3}]}"#, "key 'paragraphs'"),
      (#"{"data": [{"paragraphs": []}]}"#, "the document has no questions"),
      (#"{"data": [{"paragraphs": ["#, "a.json"),
      (#"{"version": "v2.0", "data": []}"#, "the document has no questions"),
      (#"{"paragraphs": [{"context": "a", "qas": []}]}"#, "the document, key 'data': not a SQuAD document"),
      (
        #"{"data": [{"paragraphs": [{"context": "a", "qas": [{"id": "x", "question": "b"}, {"id": "x", "question": "c"}]}]}]}"#,
        "question 2: two questions have one id, which answers are told apart by; expected another id than that of question 1, found 'x'."
      ),
    ])
  func documents(_ text: String, _ message: String) {
    let error = #expect(throws: GraftError.self) { try rows(text, file: "a.json") }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }

  @Test("columns that are named win over those that have the names of a question and its context")
  func namedColumns() throws {
    var row = TextRow("Why?", pair: "because")
    row.fields = ["question": "Who?", "context": "he can"]
    #expect(try Question(row).text == "Why?" && Question(row).context == "because")
    (row.text, row.pair) = ("", nil)
    #expect(try Question(row).text == "Who?" && Question(row).context == "he can")
  }

  /// Tables of SQuAD have the answer's text in such a column.
  @Test("a column 'text' that nobody named does not take the place of 'question'")
  func unnamedText() throws {
    let table = "question,context,text,answer_start\nWho?,he can,he,0\n,he can,Why?,0\n"
    let lines =
      #"{"question": "Who?", "context": "he can", "text": "he"}"# + "\n"
      + #"{"question": null, "context": "he can", "text": "Why?"}"# + "\n"
    for (file, text) in [("a.csv", table), ("a.jsonl", lines)] {
      for (columns, trained, questions) in [
        ([], [], ["Who?", "Why?"]), ([.name("text")], [], ["he", "Why?"]), ([], ["text"], ["Who?", "Why?"]),
      ] as [([Column], [String], [String])] {
        var options = DataOptions(textColumns: columns)
        var inputs = TrainedInputs()
        inputs.textColumns = trained
        options.usual = inputs
        let rows = try rows(text, file: file, options)
        #expect(
          try rows.map { try Question($0).text } == questions, "\(file) \(columns) \(trained)")
        #expect(try rows[0].shown(by: QuestionAnswering(Configuration())).text == questions[0])
      }
    }
  }

  @Test("a SQuAD document is one under the name of JSON Lines as well")
  func documentInLines() throws {
    let document = try JSON(parsing: Data(Self.document.utf8)).text()
    for file in ["a.jsonl", "a.ndjson"] {
      for text in [Self.document, document + "\n"] {
        #expect(try rows(text, file: file).map(\.text) == [" Where?", "Why?", "What?"], "\(file)")
      }
    }
  }

  @Test("objects with lists called 'data' or 'paragraphs' are no SQuAD document")
  func otherLists() throws {
    let options = DataOptions(textColumns: [.name("text")])
    for (file, text) in [
      ("a.jsonl", #"{"data": ["he", "can"], "text": "a"}"# + "\n"),
      ("b.json", #"{"data": ["x"], "text": "a"}"# + "\n" + #"{"data": ["x"], "text": "a"}"# + "\n"),
      ("c.json", #"{"paragraphs": ["x"], "text": "a"}"# + "\n"),
      ("d", #"{"data": [{"title": "x"}], "paragraphs": [], "text": "a"}"# + "\n" + #"{"text": "a"}"# + "\n"),
      ("e.ndjson", #"{"data": [], "paragraphs": [], "text": "a"}"# + "\n"),
    ] {
      try withTemporaryDirectory { directory in
        let url = directory.appending(path: file)
        try FileWriter.write(url, text: text)
        #expect(try DataSource([url], options: options).rows().first?.text == "a", "\(file)")
      }
    }
    // What pandas writes as a table has its columns in a list.
    let error = #expect(throws: GraftError.self) {
      try withTemporaryDirectory { directory in
        let url = directory.appending(path: "a.json")
        try FileWriter.write(url, text: #"{"data": [{"text": "he can", "label": 1}]}"#)
        _ = try DataSource([url], options: options).rows()
      }
    }
    #expect(error?.found == "the columns 'data'", "\(error?.description ?? "")")
  }

  @Test("the tokens that an answer begins and ends in, and none where a window lacks a part of it")
  func places() {
    // [CLS] a [SEP] bcd ef g [SEP]
    let encoding = Encoding(
      ids: [0, 1, 2, 3, 4, 5, 2], tokenTypes: [0, 0, 0, 1, 1, 1, 1],
      offsets: [0..<0, 0..<1, 0..<0, 10..<13, 13..<15, 16..<17, 0..<0],
      isSpecial: [true, false, true, false, false, false, true], sequences: [1..<2, 3..<6])
    for (answer, first, last) in [
      (10..<13, 3, 3), (11..<12, 3, 3), (12..<15, 3, 4), (13..<17, 4, 5), (16..<17, 5, 5), (15..<17, 4, 5),
      (9..<12, 0, 0), (16..<18, 0, 0), (0..<2, 0, 0), (30..<31, 0, 0),
    ] {
      let place = QuestionAnswering.place(of: answer, in: encoding)
      #expect(place == QuestionAnswering.WindowAnswer(first: first, last: last), "\(answer)")
    }
    #expect(QuestionAnswering.place(of: nil, in: encoding).first == 0)
  }
}
