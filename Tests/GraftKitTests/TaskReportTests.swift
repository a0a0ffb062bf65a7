import Foundation
import GraftTensors
import TestSupport
import Testing

@testable import GraftExperiments
@testable import GraftKit

/// Reports of tasks whose rows are more than right or wrong, on the run of `Fixtures/report/make.py` with other predictions.
extension ReportTests {
  /// Gives every row of a run terms.
  private func rewrite(
    _ run: URL, _ kind: JSON, results: [(String, JSON)] = [], pair: String? = nil,
    row: (_ arm: Int, _ seed: Int, _ row: Int) -> (terms: [Double], label: String, prediction: String)
  ) throws {
    for (arm, files) in try predictions(run).enumerated() {
      for (seed, file) in files.enumerated() {
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").enumerated()
        let rewritten = try lines.map { index, line in
          var object = try #require(JSON(parsing: Array(line.utf8)).object)
          let own = row(arm, seed, index)
          object["pair"] = pair.map { .string($0) }
          object["row_score"] = [
            "terms": .array(own.terms.map { JSON($0) }), "label": .string(own.label),
            "prediction": .string(own.prediction),
          ]
          return JSON.object(object).text()
        }
        try Data((rewritten.joined(separator: "\n") + "\n").utf8).write(to: file)
        let document = JSON.object(
          .init(uniqueKeysWithValues: [("eval_loss", 0.5), ("row_scores", kind)] + results))
        try Data(document.text().utf8).write(
          to: file.deletingLastPathComponent().appending(path: "eval_results.json"))
      }
    }
  }

  @Test("entities are compared by sentences, with a table of types and a list of errors")
  func entities() throws {
    try withRun { run in
      let kinds: JSON = [
        ["label": "PER", "precision": 0.5, "recall": 0.25, "f1": 0.3333, "support": 12],
        ["label": "LOC", "precision": 1, "recall": 1, "f1": 1, "support": 3],
      ]
      try rewrite(run, ["name": "f1", "rule": "f1", "unit": "sentence"], results: [("kinds", kinds)]) {
        arm, _, row in
        // The second arm finds both of two entities, the first one of them; the last rows have none.
        row < 40
          ? ([arm == 1 ? 2 : 1, 4], "PER: Ada; LOC: London", arm == 1 ? "PER: Ada; LOC: London" : "PER: Ada")
          : ([0, 0], "none", "none")
      }
      let verdict = try writeReport(run)
      #expect(
        verdict.hasPrefix(
          "Domain adaptation helps: adapted has an F1 of 100.0 % on 50 test sentences, direct 50.0 %, a difference of +50.0 points "
        ), "\(verdict)")
      let content = ReportContent(try RunResults(run))
      let tables = content.blocks.compactMap { if case .table(let table) = $0 { table } else { nil } }
      let types = try #require(tables.first { $0.header.first == "Type" })
      #expect(types.rows.map { $0[0] } == ["LOC", "PER"])
      #expect(types.rows[1].prefix(5) == ["PER", "12", "50.0 %", "25.0 %", "33.3 %"])
      let text = try text(run, "report.md")
      #expect(text.contains("Errors of direct") && !text.contains("Errors of adapted"))
      #expect(text.contains("40 of 50 sentences do not reach the full F1."))
      // Row 25 of predictions.jsonl, which counts from 0.
      #expect(text.contains("test row 26, in the data: PER: Ada; LOC: London"))
      let report = try JSON(file: run.appending(path: "report.json"))
      #expect(report["arms"]?.array?.first?["errors"]?.array?.count == 40)
      #expect(report["comparisons"]?.array?.first?["metric"]?.string == "f1")
    }
  }

  @Test("scores of one name that are not the same score are told apart") func scoresOfOneName() throws {
    try withRun { run in
      func verdict(_ first: JSON, _ second: JSON) throws -> String {
        try rewrite(run, first) { _, _, _ in ([1], "a", "a") }
        for file in try predictions(run)[1] {
          let results = file.deletingLastPathComponent().appending(path: "eval_results.json")
          try Data(JSON.object(["eval_loss": 0.5, "row_scores": second]).text().utf8).write(to: results)
        }
        return try writeReport(run)
      }
      let units = try verdict(
        ["name": "f1", "rule": "mean", "unit": "question"], ["name": "f1", "rule": "mean", "unit": "query"])
      #expect(
        units.hasSuffix("cannot be compared: one is scored by F1 of questions, the other by F1 of queries."),
        "\(units)")
      let keys = try verdict(
        ["name": "ndcg@10", "rule": "mean", "unit": "query"],
        ["name": "cosine_ndcg@10", "rule": "mean", "unit": "query"])
      #expect(
        keys.hasSuffix("cannot be compared: one is scored by ndcg@10, the other by cosine_ndcg@10."),
        "\(keys)")
    }
  }

  @Test("rows of several files are named with theirs") func filesOfRows() throws {
    try withRun { run in
      for file in try predictions(run).flatMap(\.self) {
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").enumerated()
        let rewritten = try lines.map { index, line in
          var object = try #require(JSON(parsing: Array(line.utf8)).object)
          object["row"] = JSON(index % 25)
          object["file"] = .string(index < 25 ? "b.csv" : "a.csv")
          return JSON.object(object).text() + "\n"
        }
        try Data(rewritten.joined().utf8).write(to: file)
      }
      // A plot that another experiment left.
      try FileManager.default.createDirectory(
        at: run.appending(path: "plots"), withIntermediateDirectories: true)
      let stale = run.appending(path: "plots/loss-9-other.svg")
      try Data().write(to: stale)
      #expect(!(try writeReport(run).contains("cannot be compared")))
      #expect(!FileManager.default.fileExists(atPath: stale.path))
      let rows = try #require(
        JSON(file: run.appending(path: "report.json"))["comparisons"]?.array?.first?["disagreements"]?.array)
      let first = try #require(rows.first)
      let (row, file) = (try #require(first["row"]?.int), try #require(first["file"]?.string))
      #expect(try text(run, "report.md").contains("test row \(row + 1) of \(file), labelled"))
      #expect(Set(rows.map { "\($0["file"]?.string ?? "") \($0["row"]?.int ?? -1)" }).count == rows.count)
    }
  }

  @Test("questions with and without an answer are told apart, beside saying no answer always")
  func answers() throws {
    try withRun { run in
      // 30 of 50 questions have an answer. The first arm says no answer always, the second gives half of them right.
      try rewrite(run, ["name": "f1", "rule": "mean", "unit": "question"]) { arm, _, row in
        let isAnswered = row < 30
        let score = arm == 0 ? (isAnswered ? 0.0 : 1) : isAnswered ? (row < 15 ? 1 : 0.5) : 0.0
        return ([score], isAnswered ? "Ada" : "no answer", score == 1 && isAnswered ? "Ada" : "no answer")
      }
      _ = try writeReport(run)
      let content = ReportContent(try RunResults(run))
      let tables = content.blocks.compactMap { if case .table(let table) = $0 { table } else { nil } }
      let table = try #require(
        tables.first { $0.header == ["Arm", "All", "With an answer", "Without an answer"] })
      #expect(
        table.rows == [
          ["direct", "40.0 %", "0.0 %", "100.0 %"], ["adapted", "45.0 %", "75.0 %", "0.0 %"],
          ["“no answer” always", "40.0 %", "0.0 %", "100.0 %"],
        ])
      #expect(
        try text(run, "report.md").contains(
          "F1 of the 30 questions that have an answer and the 20 that have none"))
      try rewrite(run, ["name": "f1", "rule": "mean", "unit": "question"]) { _, _, _ in ([1], "Ada", "Ada") }
      _ = try writeReport(run)
      #expect(!(try text(run, "report.md")).contains("Questions without an answer"))
    }
  }

  @Test("texts that are found are compared by queries, with curves")
  func retrieval() throws {
    try withRun { run in
      let points: JSON = [
        ["k": 1, "recall": 0.2, "ndcg": 0.25], ["k": 10, "recall": 0.75, "ndcg": 0.5],
      ]
      try rewrite(
        run, ["name": "cosine_ndcg@10", "rule": "mean", "unit": "query"], results: [("retrieval", points)]
      ) { arm, seed, row in
        // Every other row counts with the one before it.
        row % 2 == 1
          ? ([], "", "") : ([0.5 + 0.25 * Double(arm) + 0.01 * Double((row + seed) % 5)], "right", "found")
      }
      let verdict = try writeReport(run)
      #expect(
        verdict.contains("adapted has an nDCG@10 of 0.7700 on 25 test queries, direct 0.5200"), "\(verdict)")
      let content = ReportContent(try RunResults(run))
      #expect(try self.text(run, "report.html").contains(">nDCG@10 on the test queries<"))
      #expect(content.plots.map(\.name).filter { $0.hasSuffix("-at-k") } == ["recall-at-k", "ndcg-at-k"])
      let tables = content.blocks.compactMap { if case .table(let table) = $0 { table } else { nil } }
      let found = try #require(tables.first { $0.header.first == "k" })
      #expect(found.header == ["k", "Recall, direct", "nDCG, direct", "Recall, adapted", "nDCG, adapted"])
      #expect(found.rows[1] == ["10", "0.75", "0.5", "0.75", "0.5"])
    }
  }

  @Test("numbers in damaged files are no numbers of rows, and no scores", arguments: [false, true])
  func damaged(isRow: Bool) throws {
    try withRun { run in
      let points: JSON = [["k": .number("9223372036854775807"), "recall": 0.5, "ndcg": 0.5]]
      try rewrite(
        run, ["name": "cosine_ndcg@10", "rule": "mean", "unit": "query"], results: [("retrieval", points)]
      ) { _, _, _ in ([1e308], "right", "found") }
      if isRow {
        let file = try predictions(run)[0][0]
        try replace("\"row\":278,", with: "\"row\":9223372036854775807,", in: file)
        let error = #expect(throws: GraftError.self) { try writeReport(run) }
        #expect(error?.description == "\(file.path): line 1: not a prediction.")
      } else {
        // Each is a number, and their sum is none.
        #expect(try writeReport(run).contains("cannot be compared"))
      }
    }
  }

  @Test("pairs with scores are compared by rank correlation")
  func correlations() throws {
    try withRun { run in
      try rewrite(run, ["name": "spearman_cosine", "rule": "spearman", "unit": "pair"]) { arm, _, row in
        let score = Double(row % 6)
        // The first arm has half of the pairs in the wrong order.
        return ([arm == 0 && row % 2 == 0 ? -score : score, score], "\(score)", "")
      }
      let verdict = try writeReport(run)
      #expect(
        verdict.contains("adapted has a Spearman correlation of 1.0000 on 50 test pairs, direct "),
        "\(verdict)")
      #expect(!(try text(run, "report.md")).contains("Errors of"))
    }
  }

  @Test("folds together have the means of what was found in each")
  func folds() throws {
    func fold(
      _ seed: UInt64, _ kinds: [(String, Double, Int)], _ points: [(Int, Double)]
    ) -> RunResults.Seed {
      RunResults.Seed(
        seed: seed, test: nil, results: [:], seconds: 1,
        kinds: kinds.map { name, value, support in
          (name, .init(precision: value, recall: value / 2, f1: value / 4, support: support))
        },
        retrieval: points.map { .init(cutoff: $0.0, recall: $0.1, ndcg: $0.1 / 2) })
    }
    let joined = RunResults.Seed.joined([
      fold(1, [("LOC", 1, 3), ("PER", 0.5, 4)], [(1, 0.5), (10, 1)]),
      fold(2, [("LOC", 0.25, 1)], [(1, 0.25)]),
      fold(1, [("PER", 0.25, 2)], [(1, 0.25), (10, 0.5), (20, 1)]),
    ])
    #expect(joined.map(\.seed) == [1, 2] && joined.map(\.folds.count) == [2, 1])
    #expect(joined[0].kinds.map(\.name) == ["LOC", "PER"])
    #expect(joined[0].kinds.map(\.scores.support) == [3, 6])
    #expect(joined[0].kinds.map(\.scores.precision) == [1, 0.375])
    #expect(joined[0].kinds.map(\.scores.recall) == [0.5, 0.1875])
    #expect(joined[0].kinds.map(\.scores.f1) == [0.25, 0.09375])
    #expect(joined[0].retrieval.map(\.cutoff) == [1, 10])
    #expect(joined[0].retrieval.map(\.recall) == [0.375, 0.75])
    #expect(joined[0].retrieval.map(\.ndcg) == [0.1875, 0.375])
  }

  @Test(
    "curves are drawn whatever similarity the folder has",
    arguments: ["cosine", "dot", "euclidean", "manhattan"])
  func similarities(_ name: String) {
    let entry: JSON = .object(["epoch": 1, "eval_\(name)_ndcg@10": 0.5])
    #expect(CurveGroup.Quantity.ndcgOfSearch.value(in: entry) == 0.5)
    #expect(CurveGroup.Quantity.ndcgOfRanking.value(in: entry) == nil)
    #expect(CurveGroup.Quantity.ndcgOfSearch.value(in: ["eval_\(name)_map@100": 0.5]) == nil)
  }

  @Test("questions with choices are right or wrong, with the texts that were chosen, and have no classes")
  func choices() throws {
    try withRun { run in
      try rewrite(
        run, ["name": "accuracy", "rule": "mean", "unit": "question"], pair: "what it is asked about"
      ) { arm, seed, row in
        let isRight = arm == 1 || (row + seed) % 2 == 0
        return ([isRight ? 1 : 0], "the right end", isRight ? "the right end" : "a wrong end")
      }
      let verdict = try writeReport(run)
      #expect(
        verdict.hasPrefix(
          "Domain adaptation helps: adapted gets 100.0 % of 50 test questions right, direct 50.0 %"),
        "\(verdict)")
      let text = try text(run, "report.md")
      #expect(text.contains("A choice by chance is right in 25.0 % of them."))
      #expect(text.contains("50 of 50 questions are not answered right with every seed."))
      #expect(text.contains("in the data: the right end"))
      #expect(text.split(separator: "\n").count { $0.hasSuffix(" / what it is asked about") } == 50)
      #expect(text.contains("direct: a wrong end (1 of 2 seeds right)"))
      #expect(text.contains("McNemar’s test"))
      for absent in ["## Classes", "class 0", "Macro F1", "confusion"] {
        #expect(!text.contains(absent), "\(absent)")
      }
    }
  }

  @Test("a line without its row's score is an error")
  func missingScores() throws {
    try withRun { run in
      try rewrite(run, ["name": "f1", "rule": "f1", "unit": "sentence"]) { _, _, row in
        (row == 0 ? [1] : [1, 2], "a", "b")
      }
      let message = errorMessage { _ = try writeReport(run) }
      #expect(message?.contains("line 1: not the score of a row") == true, "\(message ?? "")")
    }
  }
}
