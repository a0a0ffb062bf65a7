import Foundation
import GraftCore
import GraftData
import GraftTensors
import TestSupport
import Testing

@testable import SentenceEmbedding

/// Pairs, triplets and scores in files.
@Suite("Reading texts that belong together")
struct SentenceReadingTests {
  private func rows(_ text: String, file: String, _ change: (inout DataOptions) -> Void = { _ in }) throws
    -> [TextRow]
  {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: file)
      try FileWriter.write(url, text: text)
      var options = DataOptions(fields: SentenceEmbedding.columns)
      change(&options)
      return try DataSource([url], options: options).rows()
    }
  }

  private func labels(_ rows: [TextRow], loss: SentenceLoss? = nil) throws -> [SentenceRow] {
    var options = SentenceLossOptions()
    options.loss = loss
    return try SentenceEmbedding(options.settings).labels(of: rows, LabelReading()).compactMap {
      $0 as? SentenceRow
    }
  }

  @Test("pairs, with negatives by number, as a table")
  func table() throws {
    let read = try rows(
      "negative_2,anchor,positive,negative_1,negative_about\nd,a,b,c,no\nh,e,f,g,no\n", file: "a.csv")
    #expect(try labels(read).map(\.texts) == [["a", "b", "d", "c"], ["e", "f", "h", "g"]])
  }

  @Test("a column 'text' that nobody named does not take the place of 'anchor'")
  func unnamedText() throws {
    let table = "text,anchor,positive\nnews,a,b\nc,,d\n"
    #expect(try labels(rows(table, file: "a.csv")).map(\.texts) == [["a", "b"], ["c", "d"]])
    let named = try rows(table, file: "a.csv") { $0.textColumns = [.name("text")] }
    #expect(try labels(named).map(\.texts) == [["news", "b"], ["c", "d"]])
  }

  @Test("negatives as a list, as JSON Lines")
  func lines() throws {
    let read = try rows(
      #"{"anchor": "a", "positive": "b", "negatives": ["c", "d"], "id": 7}"# + "\n", file: "a.jsonl")
    #expect(try labels(read).map(\.texts) == [["a", "b", "c", "d"]])
  }

  @Test("pairs with scores: their own columns, those of a label, or columns that are named")
  func scores() throws {
    let own = try labels(rows("sentence1,sentence2,score\na,b,3.8\n", file: "a.csv"))
    #expect(own[0].texts == ["a", "b"] && own[0].score == 3.8)
    let label = try labels(rows("sentence1,sentence2,label\na,b,1\n", file: "a.csv"))
    #expect(label[0].score == 1)
    let named = try labels(
      rows("q\ta\thow\nwho,is\tme\t0.5\n", file: "a.tsv") {
        ($0.textColumns, $0.pairColumn, $0.labelColumns) = ([.name("q")], .name("a"), [.name("how")])
      })
    #expect(named[0].texts == ["who,is", "me"] && named[0].score == 0.5)
  }

  @Test("several negatives are a list, in a cell of a table too")
  func negatives() throws {
    let expected = ["a", "b", "c, d", "e"]
    for (file, text) in [
      ("a.jsonl", #"{"anchor": "a", "positive": "b", "negatives": ["c, d", "e"]}"#),
      ("a.csv", "anchor,positive,negatives\na,b,\"[\"\"c, d\"\", \"\"e\"\"]\"\n"),
      ("b.csv", "anchor,positive,negatives\na,b,\"['c, d', 'e']\"\n"),
    ] {
      let read = try labels(try rows(text, file: file), loss: .multipleNegatives)
      #expect(read[0].texts == expected, "\(file)")
    }
  }

  @Test("a loss that needs no scores does not read them")
  func unread() throws {
    let read = try rows("anchor,positive,score\na,b,x\n", file: "a.csv")
    #expect(try labels(read, loss: .multipleNegatives)[0].score == nil)
  }

  @Test(
    "a column that is called like a score and not read is asked about in training, unless a loss without scores is asked for"
  )
  func otherScores() throws {
    let read = try rows("sentence1,sentence2,Similarity\na,b,0\n", file: "a.csv")
    func task(_ loss: SentenceLoss?) throws -> SentenceEmbedding {
      var options = SentenceLossOptions()
      options.loss = loss
      return try SentenceEmbedding(options.settings)
    }
    func message(_ unread: String, _ loss: SentenceLoss? = nil) -> String? {
      errorMessage {
        _ = try task(loss).learningNote(on: read, LabelReading(unread: ["id", unread]))
      }
    }
    #expect(
      message("Similarity")?.hasSuffix(
        "a.csv: there is no score; expected 'score', or the column of the label, found a column that is not read: 'Similarity'. "
          + "Say which column has it: 'label-column'; texts that all belong together are learnt by 'loss' multiple-negatives."
      ) == true)
    #expect(message("human_score") != nil && message("source") == nil)
    #expect(message("Similarity", .multipleNegatives) == nil)
    // An evaluation does not know with which loss the model was trained, and compares them without.
    let reading = LabelReading(unread: ["id", "Similarity"])
    #expect(try task(nil).labels(of: read, reading).count == 1)
    #expect(
      try task(nil).note(on: read, reading)?.description
        == "the column 'Similarity' is not read: 'label-column' says that scores are in it")
    #expect(try task(.multipleNegatives).note(on: read, reading) == nil)
    #expect(try task(nil).note(on: read, LabelReading(unread: ["source"])) == nil)
    let scored = try rows("sentence1,sentence2,score,Similarity\na,b,1,0\n", file: "a.csv")
    #expect(try task(nil).note(on: scored, reading) == nil)
  }

  @Test("scores that are not read, and rows that are there twice, are said of what is learnt from")
  func remarks() throws {
    func remarks(_ text: String, _ loss: SentenceLoss?) throws -> [String] {
      var options = SentenceLossOptions()
      options.loss = loss
      let (task, read) = (try SentenceEmbedding(options.settings), try rows(text, file: "a.csv"))
      let labels = try task.labels(of: read, LabelReading())
      #expect(task.remarks(on: labels, of: read).isEmpty)
      return task.learningRemarks(on: labels, of: read)
    }
    let scored = "sentence1,sentence2,score\na,b,1\na,b,0\n"
    #expect(try remarks(scored, nil).isEmpty && remarks(scored, .cosent).isEmpty)
    #expect(
      try remarks(scored, .multipleNegatives) == [
        "the scores of rows are not read: the loss 'multiple-negatives' learns without them",
        "1 of 2 rows repeats the texts of another, and in one batch each counts as wrong for the other: row 3",
      ])
    #expect(
      try remarks("anchor,positive\na,b\na,c\na,b\na,b\n", nil) == [
        "2 of 4 rows repeat the texts of others, and in one batch each counts as wrong for the other: the first is row 4"
      ])
    #expect(try remarks("anchor,positive,negative\na,b,c\na,b,c\n", .triplet).isEmpty)
  }

  @Test("what is wrong with a row is said with its place")
  func refusals() throws {
    let cases: [(text: String, loss: SentenceLoss?, message: String)] = [
      (
        "anchor,positive\na,b\nc,\n", nil,
        "row 3: an empty text; expected texts with something to read, found 'positive' is empty"
      ),
      ("anchor,positive\n  ,b\n", nil, "found 'anchor' is empty"),
      ("anchor,positive,negative\na,b,\n", nil, "found 'negative' is empty"),
      ("text,positive\n  ,b\n", nil, "found text 1 is empty"),
      ("anchor,other\na,b\n", nil, "there is no second text to compare with the first"),
      ("sentence1,sentence2,score\na,b,1\na,b,\n", .cosent, "1 of 2 rows has no score: row 3"),
      ("sentence1,sentence2,score\na,b,nan\n", .cosent, "wrong score; expected a number, found 'nan'"),
      ("sentence1,sentence2,score\na,b,0x1F\n", .cosent, "wrong score; expected a number, found '0x1F'"),
      ("sentence1,sentence2,score\na,b,high\n", nil, "found 'high'"),
      (
        "sentence1,sentence2,score\na,b,0\na,b,4\n", .cosine,
        "row 3: a score that no cosine can reach; expected -1.0 to 1.0, found 4.0"
      ),
      ("anchor,positive\na,b\n", .triplet, "wrong number of texts; expected 3 for a triplet, found 2"),
      ("anchor,positive,negative,score\na,b,c,1\n", .cosent, "expected 2 with a score, found 3"),
    ]
    for (text, loss, message) in cases {
      let found = errorMessage { _ = try labels(rows(text, file: "a.csv"), loss: loss) }
      #expect(found?.contains(message) == true, "\(text): \(found ?? "no error")")
    }
    let uneven =
      #"{"anchor": "a", "positive": "b", "negative": "c"}"# + "\n" + #"{"anchor": "a", "positive": "b"}"#
      + "\n"
    let found = errorMessage { _ = try labels(rows(uneven, file: "a.jsonl")) }
    #expect(found?.contains("expected 3, as in the first row, found 2") == true)
    let number = #"{"anchor": 1, "positive": "b"}"# + "\n"
    #expect(
      errorMessage { _ = try labels(rows(number, file: "a.jsonl")) }?.contains(
        "wrong anchor; expected a string")
        == true)
  }
}
