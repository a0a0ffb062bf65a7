import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing

@testable import GraftData

/// Queries, texts and what is relevant, as BEIR's files have them.
@Suite struct RetrievalDataTests {
  private func rows(_ text: String, _ file: String, _ columns: [TaskColumn]) throws -> [TextRow] {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: file)
      try FileWriter.write(url, text: text)
      return try DataSource([url], options: DataOptions(fields: columns)).rows()
    }
  }

  private func data(
    queries: String = Self.queries, texts: String = Self.texts, judgements: String? = Self.judgements
  ) throws -> RetrievalData {
    try RetrievalData(
      queries: rows(queries, "queries.jsonl", RetrievalData.columns),
      texts: rows(texts, "corpus.jsonl", RetrievalData.columns),
      judgements: judgements.map { try rows($0, "test.tsv", RetrievalData.judgementColumns) })
  }

  private static let queries =
    #"{"_id": "q1", "text": "who"}"# + "\n" + #"{"_id": "q2", "text": "where"}"# + "\n"
  private static let texts =
    #"{"_id": "d1", "title": "A", "text": "one"}"# + "\n" + #"{"_id": "d2", "title": "", "text": "two"}"#
    + "\n"
    + #"{"_id": "d3", "text": " "}"# + "\n"
  private static let judgements = "query-id\tcorpus-id\tscore\nq1\td2\t1\nq1\td1\t2\nq1\td3\t0\n"

  @Test("a title stands before its text; judgements above 0 count; a query without any is left out")
  func beir() throws {
    let data = try data()
    #expect(data.queries.map(\.text) == ["who"] && data.queries[0].relevant == [0, 1])
    #expect(Array(data.texts.values) == ["A one", "two", " "] && data.emptyTexts == 1)
    #expect(data.queriesWithoutRelevance == 1)
  }

  @Test("what is relevant may stand with the queries, and ids may be numbers")
  func column() throws {
    let data = try data(
      queries: #"{"id": 1, "text": "who", "relevant": [7, "8"]}"# + "\n",
      texts: #"{"id": 7, "text": "a"}"# + "\n" + #"{"id": 8, "text": "b"}"# + "\n", judgements: nil)
    #expect(data.queries[0].relevant == [0, 1])
  }

  @Test("cells of a table have lists of ids as well")
  func cells() throws {
    for (cell, places) in [("\"['d2', 'd1']\"", Set([0, 1])), ("\"[\"\"d1\"\"]\"", [0])] {
      let queries = try rows("id,text,relevant\nq1,who,\(cell)\nq2,why,\n", "q.csv", RetrievalData.columns)
      let texts = try rows(Self.texts, "corpus.jsonl", RetrievalData.columns)
      let data = try RetrievalData(queries: queries, texts: texts)
      #expect(data.queries.map(\.relevant) == [places] && data.queriesWithoutRelevance == 1)
    }
    let wrong = try rows("id,text,relevant\nq1,who,d1\n", "q.csv", RetrievalData.columns)
    #expect(
      errorMessage { _ = try RetrievalData(queries: wrong, texts: []) }?.contains(
        "row 2: wrong relevant; expected a list of ids") == true)
  }

  @Test("what is wrong is said with its place")
  func refusals() throws {
    let cases: [(String, () throws -> RetrievalData)] = [
      (
        "row 2: an id is used twice; expected ids that are different, found 'q1'",
        { try data(queries: Self.queries.replacing("q2", with: "q1")) }
      ),
      ("row 2: an id is used twice", { try data(texts: Self.texts.replacing("d2", with: "d1")) }),
      ("row 1: there is no id; expected '_id' or 'id'", { try data(queries: #"{"text": "who"}"# + "\n") }),
      (
        "row 3: no text has this id; found 'd9'",
        { try data(judgements: Self.judgements.replacing("d1", with: "d9")) }
      ),
      (
        "no query has this id; found 'q9'",
        { try data(judgements: Self.judgements.replacing("q1", with: "q9")) }
      ),
      (
        "row 3: wrong score; expected a number",
        { try data(judgements: Self.judgements.replacing("\t2", with: "\thigh")) }
      ),
      ("there is no id; expected 'corpus-id'", { try data(judgements: "query-id\tother\nq1\td1\n") }),
      ("nothing is relevant for any query", { try data(judgements: nil) }),
    ]
    for (expected, read) in cases {
      let message = errorMessage { _ = try read() }
      #expect(message?.contains(expected) == true, "\(expected): \(message ?? "no error")")
    }
  }
}
