import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing

@testable import GraftExperiments
@testable import GraftKit

/// Cross-validation, against scikit-learn: `Fixtures/evaluation/make_folds.py`.
@Suite struct FoldsTests {
  @Test func partsHaveAsManyRowsAsScikitLearns() throws {
    let golden = try JSON(file: fixtures.appending(path: "evaluation/folds.json"))
    let cases = try #require(golden["stratified"]?.array)
    #expect(cases.count == 40)
    for golden in cases {
      let labels = try #require(golden["labels"]?.string).map(String.init)
      let folds = Folds(labels, count: try #require(golden["folds"]?.int), seed: 5)
      #expect(folds.isStratified)
      var order: [String] = []
      for label in labels where !order.contains(label) { order.append(label) }
      let counts = (0..<folds.count).map { part in
        order.map { label in folds.rows(ofPart: part, isTest: true).count { labels[$0] == label } }
      }
      #expect(counts == golden["counts"]?.array?.map { $0.array?.compactMap(\.int) ?? [] })
    }
    for golden in try #require(golden["plain"]?.array) {
      let (rows, count) = (try #require(golden["rows"]?.int), try #require(golden["folds"]?.int))
      let folds = Folds([String?](repeating: nil, count: rows), count: count, seed: 5)
      #expect(!folds.isStratified)
      let sizes = (0..<count).map { folds.rows(ofPart: $0, isTest: true).count }
      #expect(sizes == golden["sizes"]?.array?.compactMap(\.int))
    }
  }

  @Test func everyRowIsTestedOnce() {
    let labels = (0..<50).map { "\($0 % 3)" }
    let folds = Folds(labels, count: 5, seed: 1)
    let tested = (0..<5).flatMap { folds.rows(ofPart: $0, isTest: true) }
    #expect(tested.sorted() == Array(0..<50) && tested != Array(0..<50))
    for part in 0..<5 {
      let both = folds.rows(ofPart: part, isTest: true) + folds.rows(ofPart: part, isTest: false)
      #expect(both.sorted() == Array(0..<50))
    }
    #expect(
      Folds(labels, count: 5, seed: 1) == folds && Folds(labels, count: 5, seed: 2).parts != folds.parts)
    // A label of a single row cannot be in every part.
    #expect(!Folds(labels + ["rare"], count: 5, seed: 1).isStratified)
  }

  // MARK: Experiments

  private static let rows =
    "text,label\n" + (0..<20).map { "a small text \($0),\(["a", "b"][$0 % 2])\n" }.joined()

  private static func yaml(
    data: String = "rows: {files: rows.csv, folds: 4}", tune: String = "train: rows, epochs: 1",
    test: String = "evaluate: rows", arm: String = "[head, tune, test]", more: String = ""
  ) -> String {
    """
    base: \(Support.fixture("masked-lm").path)
    seeds: [1, 2]
    data:
      other: {files: rows.csv}
      \(data)
    stages:
      head: {swap: sequence-classification, labels: [a, b]}
      tune: {\(tune)}
      fast: {train: rows, epochs: 1, learning-rate: 1e-2}
      test: {\(test)}
    arms:
      slow: \(arm)
      fast: [head, fast, test]
    \(more)
    """
  }

  private func plan(_ text: String, in directory: URL) throws -> ExperimentPlan {
    try Data(Self.rows.utf8).write(to: directory.appending(path: "rows.csv"))
    let registry = try Support.registry()
    let experiment = try Experiment(
      parsing: Array(text.utf8), relativeTo: directory, registry: registry)
    return try ExperimentPlan(experiment, on: SmallExperiment.machine(registry), registry: registry)
  }

  private func run(_ plan: ExperimentPlan, _ output: URL) throws -> ExperimentResults {
    let registry = try Support.registry()
    let outcome = try runExperiment(
      plan, output: output, on: SmallExperiment.machine(registry), registry: registry)
    guard case .finished(let results) = outcome else { throw GraftError(.refused, "not finished") }
    return results
  }

  @Test func armsAreTestedOnEachFold() throws {
    try withTemporaryDirectory { directory in
      let plan = try plan(Self.yaml(), in: directory)
      // Two seeds: a head each; four folds: two arms with a training run and an evaluation.
      #expect(plan.stages.count == 2 + 2 * 4 * 2 * 2)
      #expect(plan.arms[0].runs.map(\.seed) == [1, 1, 1, 1, 2, 2, 2, 2])
      #expect(plan.arms[0].runs.map(\.fold) == [0, 1, 2, 3, 0, 1, 2, 3])
      let output = directory.appending(path: "out")
      let results = try run(plan, output)
      let record = try JSON(file: output.appending(path: "experiment.json"))
      let report = try JSON(file: output.appending(path: "report.json"))
      for (index, arm) in try #require(record["arms"]?.array).enumerated() {
        let runs = try #require(arm["seeds"]?.array)
        #expect(runs.map { $0["fold"]?.int } == [1, 2, 3, 4, 1, 2, 3, 4])
        var (right, accuracies): ([Double], [[Double]]) = ([], [])
        for seed in 0..<2 {
          var (tested, hits, own): ([Int], Int, [Double]) = ([], 0, [])
          for run in runs[(4 * seed)..<(4 * seed + 4)] {
            let file = try #require(run["stages"]?.array?.last?["predictions"]?.string)
            let lines = try String(contentsOf: output.appending(path: file), encoding: .utf8)
              .split(separator: "\n").map { try JSON(parsing: Array($0.utf8)) }
            // Five rows, two or three of each label.
            #expect(lines.count == 5 && 2...3 ~= lines.count { $0["label"]?.int == 0 })
            tested += lines.compactMap { $0["row"]?.int }
            let ownHits = lines.count { $0["label"] == $0["prediction"] }
            hits += ownHits
            own.append(Double(ownHits) / 5)
          }
          #expect(tested.sorted() == Array(0..<20))
          right.append(Double(hits) / 20)
          accuracies.append(own)
        }
        let reported = try #require(report["arms"]?.array?[index])
        #expect(reported["score"]?["values"]?.array?.compactMap(\.double) == right)
        for (seed, own) in zip(reported["seeds"]?.array ?? [], accuracies) {
          #expect(seed["results"] == nil)
          let reportedMean = seed["fold_means"]?["eval_accuracy"]?.double ?? 9
          #expect(abs(reportedMean - own.reduce(0, +) / 4) < 1e-12)
        }
        // numpy.mean over seeds, then numpy.std(ddof=1) over folds.
        let means = (0..<4).map { (accuracies[0][$0] + accuracies[1][$0]) / 2 }
        let mean = means.reduce(0, +) / 4
        let deviation = (means.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 3).squareRoot()
        #expect(abs((reported["folds"]?["mean"]?.double ?? 9) - mean) < 1e-12)
        #expect(abs((reported["folds"]?["standard_deviation"]?.double ?? 9) - deviation) < 1e-12)
      }
      #expect(report["comparisons"]?.array?.first?["rows"]?.int == 20)
      #expect(!results.verdict.contains("cannot be compared"))
      let markdown = try String(contentsOf: output.appending(path: "report.md"), encoding: .utf8)
      #expect(markdown.contains("| Arm | Fold 1 | Fold 2 | Fold 3 | Fold 4 | Mean | Std. dev. |"))
      let models = try directoryContents(output.appending(path: "models"))
      #expect(models.count == 16 && models.contains("slow-2-fold-4"))
      // Another division is other stages.
      let other = try self.plan(
        Self.yaml(data: "rows: {files: rows.csv, folds: 4, fold-seed: 7}"), in: directory)
      #expect(Set(other.stages.map(\.key)).intersection(plan.stages.map(\.key)).count == 2)
    }
  }

  @Test("scores of a regression are of all folds together, by the same name in every table")
  func valuesOfAllFolds() throws {
    try withTemporaryDirectory { directory in
      let text = """
        base: \(Support.fixture("masked-lm").path)
        seeds: [1, 2]
        data:
          rows: {files: values.csv, folds: 3}
        stages:
          head: {swap: sequence-classification, num-labels: 1, problem-type: regression}
          tune: {train: rows, epochs: 1, learning-rate: 1e-2}
          test: {evaluate: rows}
        arms:
          only: [head, tune, test]
        """
      let rows = "text,label\n" + (0..<18).map { "a small text \($0),\(Double($0 * $0 % 7) / 2)\n" }.joined()
      try Data(rows.utf8).write(to: directory.appending(path: "values.csv"))
      let output = directory.appending(path: "out")
      _ = try run(plan(text, in: directory), output)
      let record = try JSON(file: output.appending(path: "experiment.json"))
      let runs = try #require(record["arms"]?.array?.first?["seeds"]?.array)
      let scores = try (0..<2).map { seed in
        let lines = try runs[(3 * seed)..<(3 * seed + 3)].flatMap { run in
          let file = try #require(run["stages"]?.array?.last?["predictions"]?.string)
          return try String(contentsOf: output.appending(path: file), encoding: .utf8).split(separator: "\n")
            .map { try JSON(parsing: Array($0.utf8)) }
        }
        #expect(lines.count == 18)
        func values(_ key: String) -> [Double] {
          lines.compactMap { ($0[key]?.array?.first ?? $0[key])?.double }
        }
        return RegressionScores.Scores(predictions: values("prediction"), targets: values("label"))
      }
      let results = try RunResults(output)
      for (key, path) in [
        ("mse", \RegressionScores.Scores.mse), ("mae", \.mae),
      ] {
        let found = try #require(results.arms[0].score(TestMetric(named: key)))
        for (one, other) in zip(found.values, scores) { #expect(abs(one - other[keyPath: path]) < 1e-6) }
      }
      let tables = ReportContent(results).blocks.compactMap {
        if case .table(let table) = $0 { table } else { nil }
      }
      let values = try #require(tables.first { $0.header.contains("Mean squared error") })
      let place = try #require(values.header.firstIndex(of: "R²"))
      #expect(tables[0].header[3] == "Mean" && tables[0].rows[0][3] == values.rows[0][place])
      let mean = scores.compactMap(\.r2).reduce(0, +) / 2
      #expect(values.rows[0][place] == TestMetric.r2.text(mean))
    }
  }

  @Test func aSearchGoesByAllFolds() throws {
    try withTemporaryDirectory { directory in
      let search =
        "search: {arm: fast, seeds: [1], metric: loss, options: {fast: {learning-rate: [1e-5, 1e-3]}}}"
      let results = try run(
        try plan(Self.yaml(more: search), in: directory), directory.appending(path: "out"))
      let found = try #require(results.search)
      #expect(found.trials.map(\.scores.count) == [4, 4] && found.decidedByTest)
      let page = try String(contentsOf: directory.appending(path: "out/report.md"), encoding: .utf8)
      #expect(
        page.contains(" (the mean over 4 folds, 1 seed). Other tables have the score of all folds together,"))
    }
  }

  struct Mistake: Sendable, CustomTestStringConvertible {
    let yaml: String
    let message: String
    var testDescription: String { message }
  }

  static let mistakes = [
    Mistake(
      yaml: yaml(data: "rows: {files: rows.csv, folds: 1}"),
      message: "5:34: 'folds' has to be between 2 and 1000."),
    Mistake(
      yaml: yaml(data: "rows: {files: rows.csv, fold-seed: 1}"),
      message: "'fold-seed' has to be left out where there are no 'folds'."),
    Mistake(
      yaml: yaml(data: "rows: {files: rows.csv, folds: 21}"),
      message: "the data set 'rows' has fewer rows than folds; expected at most 20 folds, found 21."),
    Mistake(
      yaml: yaml(data: "rows: {files: rows.csv, folds: 12}"),
      message:
        "the data set 'rows' has fewer rows of the label 'a' than folds; expected at most 10 folds, found 12."
    ),
    Mistake(
      yaml: yaml(test: "evaluate: other"),
      message: "the folds of 'rows' are test sets; the stage 'test' has another, 'other'."),
    Mistake(
      yaml: yaml(tune: "train: rows, eval-data: rows"),
      message:
        "the folds of 'rows' are test sets; the stage 'tune' evaluates with 'eval-split' instead of 'eval-data'."
    ),
    Mistake(
      yaml: yaml(arm: "[head, test]"),
      message: "'rows' has folds; the arm 'slow' has to train and to evaluate on it."),
    Mistake(
      yaml: yaml(data: "rows: {files: rows.csv, folds: 2}\n  more: {files: rows.csv, folds: 2}"),
      message: "only one data set may have folds, and 'rows' has."),
  ]

  @Test(arguments: mistakes) func mistakesAreSaidBeforeAnythingRuns(_ mistake: Mistake) throws {
    try withTemporaryDirectory { directory in
      let error = try #require(throws: GraftError.self) {
        try plan(mistake.yaml, in: directory)
      }
      #expect(error.description.contains(mistake.message), "\(error)")
    }
  }
}
