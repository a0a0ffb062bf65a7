import Foundation
import GraftCompute
import GraftTensors
import TestSupport
import Testing

@testable import GraftCore
@testable import GraftExperiments
@testable import GraftKit

/// Scores that follow from the terms of rows, against SciPy and NumPy: `Fixtures/evaluation/make_row_scores.py`.
@Suite struct RowScoresTests {
  private let golden: JSON

  init() throws {
    golden = try JSON(file: fixtures.appending(path: "evaluation/row_scores.json"))
  }

  private func numbers(_ json: JSON?) throws -> [Double] {
    try #require(json?.array).map { try #require($0.double) }
  }

  @Test("ranks of a resample are those that SciPy gives it")
  func resamples() throws {
    let cases = try #require(golden["resamples"]?.array)
    #expect(cases.count > 15)
    for golden in cases {
      let pairs = try #require(golden["pairs"]?.array).map(numbers).map { (prediction: $0[0], target: $0[1]) }
      let counts = try numbers(golden["counts"]).map { Int($0) }
      let (found, expected) = (
        ResampledRanks(pairs).correlation(counts), try #require(golden["score"]?.double)
      )
      #expect(abs(found - expected) < 1e-12, "\(found), not \(expected)")
    }
    #expect(ResampledRanks([(1, 2), (1, 3)]).correlation([1, 1]) == 0)
  }

  /// The ends are within five standard errors of a bootstrap of twice as many resamples.
  @Test("scores and intervals of the mean, of F1 and of rank correlations")
  func intervals() throws {
    let cases = try #require(golden["intervals"]?.array)
    #expect(Set(cases.compactMap { $0["rule"]?.string }) == Set(RowScores.Rule.allCases.map(\.rawValue)))
    for golden in cases {
      let rule = try #require(golden["rule"]?.string)
      let metric = try #require(TestMetric(["name": "f1", "rule": .string(rule), "unit": "row"]))
      func tests(_ key: String) throws -> [TestPredictions] {
        try #require(golden[key]?.array).map { seed in
          let rows = try #require(seed.array).enumerated().map { index, terms in
            TestPredictions.Row(
              place: .init(row: index), text: "",
              answer: .scored(try numbers(terms), label: "", prediction: ""))
          }
          return TestPredictions(rows, names: [], metric: metric)
        }
      }
      let (first, second) = (try tests("first"), try tests("second"))
      for (arm, scores) in zip([first, second], golden["scores"]?.array ?? []) {
        for (test, score) in zip(arm, try numbers(scores)) { #expect(abs((test.score ?? 0) - score) < 1e-12) }
      }
      func arm(_ name: String, _ tests: [TestPredictions], from seed: UInt64) -> RunResults.Arm {
        RunResults.Arm(
          name: name,
          seeds: tests.enumerated().map {
            RunResults.Seed(seed: seed + UInt64($0), test: $1, results: [:], seconds: 0)
          })
      }
      let isPaired = golden["paired"]?.bool == true
      let comparison = Comparison(arm("a", first, from: 1), arm("b", second, from: isPaired ? 1 : 7))
      let bootstrap = try #require(comparison.result).bootstrap
      #expect(abs(bootstrap.difference - (try #require(golden["difference"]?.double))) < 1e-12)
      let (interval, error) = (try numbers(golden["interval"]), try numbers(golden["error"]))
      #expect(abs(bootstrap.interval.lowerBound - interval[0]) < 5 * error[0], "\(rule) \(bootstrap)")
      #expect(abs(bootstrap.interval.upperBound - interval[1]) < 5 * error[1], "\(rule) \(bootstrap)")
    }
  }

  // MARK: Tasks

  private static func row(
    _ text: String, _ pair: String? = nil, label: WrittenLabel? = nil, _ fields: [(String, JSON)] = []
  ) -> TextRow {
    var row = TextRow(text, pair: pair, label: label)
    for (key, value) in fields { row.fields[key] = value }
    return row
  }

  private static func question(_ text: String, _ context: String, _ answer: String, at start: Int) -> TextRow
  {
    row(text, context, [("answers", ["text": [.string(answer)], "answer_start": [JSON(start)]])])
  }

  /// A checkpoint, a task, rows, and the score that they add up to.
  private static let cases: [(folder: String, isPair: Bool, rows: [TextRow], name: String)] = [
    (
      "bert-tiny/question-answering", false,
      [
        question("where", "the world of sports", "sports", at: 13),
        question("a film", "oil prices fall", "oil", at: 0),
      ], "f1"
    ),
    (
      "sentences/current", false,
      [("he do", "once more"), ("oil prices", "world"), ("he do", "film"), ("season", "no room")].map {
        row("", nil, [("anchor", .string($0)), ("positive", .string($1))])
      }, "dot_ndcg@10"
    ),
    (
      "sentences/current", false,
      [("he do", "once more", 0.3), ("oil prices", "world", 0.9), ("season", "no room", 0.1)].map {
        row("", nil, [("sentence1", .string($0)), ("sentence2", .string($1)), ("score", JSON($2))])
      }, "spearman_dot"
    ),
    (
      "bert-tiny/regression", true,
      [("he do", "once", "1"), ("he do", "oil", "0"), ("film", "oil", "0"), ("film", "once", "1")].map {
        row($0, $1, label: .text($2))
      }, "ndcg@10"
    ),
    (
      "bert-tiny/regression", true,
      [("he do", "once", "0.5"), ("he", "oil", "0"), ("film", "oil", "0.25")].map {
        row($0, $1, label: .text($2))
      }, "spearman"
    ),
    (
      "bert-tiny/multiple-choice", false,
      [("0", ["once", "oil"]), ("1", ["film", "no room"]), ("1", ["oil", "world", "once"])].map {
        row("he do", label: .text($0), [("choices", .array($1.map { .string($0) }))])
      }, "accuracy"
    ),
  ]

  @Test("a record has words with their labels' names, and where an answer stands with its score")
  func records() throws {
    func lines(_ folder: String, _ rows: [TextRow]) throws -> [JSON] {
      let model = try Support.registry().open(fixtures.appending(path: folder)).checkpoint.makeModel()
      let data = try Dataset(rows, for: model)
      let evaluation = try evaluate(
        model, on: data, options: EvaluationOptions(keepsPredictions: true),
        backend: ReferenceBackend(threads: 1))
      return try withTemporaryDirectory { directory in
        let file = directory.appending(path: "predictions.jsonl")
        try PredictionFile.write(
          evaluation.predictions, of: data, labels: evaluation.rowLabels, scores: evaluation.rowScores,
          to: file)
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map {
          try JSON(parsing: Array($0.utf8))
        }
      }
    }
    let names = try Support.registry().open(Support.fixture("token-classification")).checkpoint
      .configuration.labels()
    // As many words as the head has labels are no list of labels that are given.
    let tokens = names.map { _ in "he" }
    let words = try #require(
      lines(
        "bert-tiny/token-classification",
        [
          Self.row(
            "", nil,
            [("tokens", .array(tokens.map { .string($0) })), ("tags", .array(names.map { .string($0) }))])
        ]
      ).first)
    #expect(words["words"] == .array(tokens.map { .string($0) }))
    #expect(words["offsets"]?.array?.prefix(2) == [[0, 2], [3, 5]])
    #expect(words["label_names"] == .array(names.map { .string($0) }))
    let predicted = try #require(words["prediction"]?.array).compactMap(\.int)
    #expect(words["prediction_names"] == .array(predicted.map { .string(names[$0]) }))

    var asked = Self.question("where", "the world of sports", "sports", at: 13)
    asked.fields["id"] = "q1"
    let answer = try #require(lines("bert-tiny/question-answering", [asked]).first)
    #expect(answer["id"] == "q1" && answer["label"] == ["sports"])
    #expect(answer["pair"]?.string == "the world of sports")
    let (start, end) = (try #require(answer["start"]?.int), try #require(answer["end"]?.int))
    let context = Array("the world of sports".unicodeScalars)
    #expect(answer["prediction"]?.string == String(String.UnicodeScalarView(context[start..<end])))
    #expect(answer["score"]?.double != nil && answer["null_score_difference"]?.double != nil)
    #expect(answer["candidates"] == nil)
  }

  @Test("what rows add is the score that the evaluation has", arguments: cases.indices)
  func rowsAddUp(_ index: Int) throws {
    let (folder, isPair, rows, name) = Self.cases[index]
    let registry = try Support.registry()
    var checkpoint = try registry.open(fixtures.appending(path: folder)).checkpoint
    try checkpoint.selectTask(registry: registry)
    if isPair { checkpoint.scorePairs(maximumLength: 64) }
    let model = try checkpoint.makeModel()
    let evaluation = try evaluate(
      model, on: Dataset(rows, for: model), options: EvaluationOptions(keepsPredictions: true),
      backend: ReferenceBackend(threads: 1))
    let scores = try #require(evaluation.rowScores)
    #expect(scores.name == name && scores.rows.count == rows.count)
    let metric = try #require(TestMetric(scores.json))
    let test = TestPredictions(
      scores.rows.enumerated().compactMap { index, row in
        row.terms.isEmpty
          ? nil
          : TestPredictions.Row(
            place: .init(row: index), text: "",
            answer: .scored(row.terms, label: row.label, prediction: row.prediction))
      }, names: [], metric: metric)
    let (sum, expected) = (try #require(test.score), try #require(evaluation.metrics[name]))
    #expect(abs(sum - expected) < 1e-9, "\(sum), not \(expected)")
    #expect(
      test.rows.allSatisfy { row in
        if case .scored(_, let label, let prediction) = row.answer {
          !label.isEmpty && !prediction.isEmpty
        } else {
          false
        }
      })
    // As files have it.
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: "predictions.jsonl")
      let data = try Dataset(rows, for: model)
      try PredictionFile.write(evaluation.predictions, of: data, scores: scores, to: file)
      let read = try TestPredictions(reading: file, evaluation.document, known: [])
      #expect(read?.metric == metric && read?.rows.count == test.rows.count)
      #expect(abs((read?.score ?? 0) - expected) < 1e-6)
      #expect((evaluation.document["retrieval"] != nil) == name.hasSuffix("_ndcg@10"))
    }
  }
}
