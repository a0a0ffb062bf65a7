import Foundation
import GraftCore
import GraftKit
import GraftTensors
import OrderedCollections

/// What the arms of a run came to, read from the files of its stages.
package struct RunResults {
  let record: RunRecord
  /// The names of the classes, labels or values that the heads give.
  let labels: [String]
  let arms: [Arm]
  let comparisons: [Comparison]
  let curves: [CurveGroup]
  let languageModels: [LanguageModelScore]
  /// The head that the arms are compared by, where an arm tests several.
  let head: String?
  /// The same for each of the heads that are tested, in the order of their stages; empty where no arm tests several.
  private(set) var heads: [RunResults] = []
  /// Whether the experiment names the head.
  private(set) var isHeadChosen = false

  /// What one arm came to.
  struct Arm {
    let name: String
    let seeds: [Seed]
    /// The name of the metric that the experiment says.
    var chosen: String?

    /// What the arm is compared by; `nil` when it has no such score.
    var metric: TestMetric? {
      seeds.first.flatMap { seed in
        if let test = seed.test { return test.metric }
        var metric = TestMetric.of(seed.results, chosen: chosen)
        if seed.isLanguageModel { metric?.unit = TestMetric.hiddenToken }
        return metric
      }
    }
    /// Whether it is a model of masked tokens that is scored, and nothing that is said of texts.
    var isLanguageModel: Bool { seeds.allSatisfy { $0.isLanguageModel && $0.test == nil } }
    /// Of a language model, how many tokens it hesitates between.
    var perplexity: Summary? { isLanguageModel ? summary { $0.results["eval_perplexity"] } : nil }
    /// What tells most about the arm where the experiment does not say what it is compared by.
    var usualMetric: TestMetric? { seeds.first.flatMap { $0.test?.usual ?? TestMetric.of($0.results) } }
    /// That metric on the test rows; `nil` when a seed was not evaluated.
    var score: Summary? {
      metric.flatMap(score)
    }
    /// The metric on each fold, the mean over seeds; `nil` without folds, or where one has no score.
    var folds: Summary? {
      guard let metric, let count = seeds.first?.folds.count, count > 0 else { return nil }
      let all = (0..<count).map { fold in
        seeds.compactMap { $0.folds.indices.contains(fold) ? $0.folds[fold].score(metric) : nil }
      }
      guard all.allSatisfy({ $0.count == seeds.count }) else { return nil }
      return Summary(all.map { $0.reduce(0, +) / Double($0.count) })
    }
    /// The macro F1 on the test rows.
    var f1: Summary? { score(TestMetric(named: "f1_macro")) }
    /// The mean loss on the test rows.
    var loss: Summary? { summary { $0.results["eval_loss"] } }

    /// How well each class or label is told, by name, of the counts of all seeds together; none of a regression.
    var scores: [String: ConfusionMatrix.Scores] { TestPredictions.scores(of: seeds.compactMap(\.test)) }

    /// The counts of all seeds together.
    var confusion: ConfusionMatrix? {
      let matrices = seeds.compactMap { $0.test?.confusion }
      guard var sum = matrices.first else { return nil }
      for matrix in matrices.dropFirst() { sum.add(matrix) }
      return sum
    }

    /// A score on the test rows, of several folds of all rows together; `nil` when a seed has it not.
    func score(_ metric: TestMetric) -> Summary? { summary { $0.score(metric) } }

    private func summary(_ value: (Seed) -> Double?) -> Summary? {
      let values = seeds.compactMap(value)
      return values.count == seeds.count ? Summary(values) : nil
    }
  }

  /// What one seed of an arm came to.
  struct Seed {
    let seed: UInt64
    /// Of the last evaluation that kept its predictions.
    let test: TestPredictions?
    /// The numbers of that evaluation, or else of the last one.
    let results: [String: Double]
    /// Whether that evaluation is of a model of masked tokens.
    var isLanguageModel = false
    /// How long its stages took, those that were computed for another arm or run included.
    let seconds: Double
    /// Of that evaluation: how well each kind of thing was found, such as types of entities.
    var kinds: [(name: String, scores: ConfusionMatrix.Scores)] = []
    /// Of that evaluation: recall and nDCG among the first texts that were found.
    var retrieval: [RetrievalPoint] = []
    /// Where the data are in folds, what each came to. The seed then has the predictions of all, and mean numbers.
    var folds: [Seed] = []

    /// A metric on the test rows; `nil` when it was not evaluated, or is not defined.
    func score(_ metric: TestMetric) -> Double? {
      guard let own = test?.by(metric.key), own.scoring != nil else { return results[metric.resultKey] }
      return own.score
    }
  }

  /// What was found among the first texts for each query, the means over queries.
  struct RetrievalPoint {
    let cutoff: Int
    let recall: Double
    let ndcg: Double
  }

  /// How well a masked-language model did in an evaluation.
  struct LanguageModelScore {
    let arm: String
    /// Several when they share the stage.
    var seeds: [UInt64]
    let stage: String
    fileprivate let file: URL?
    let pseudoPerplexity: Double?
    let perplexity: Double?
    /// The share of the hidden tokens that are right.
    let accuracy: Double?
    let loss: Double?

    fileprivate func isShared(with other: LanguageModelScore) -> Bool {
      arm == other.arm && stage == other.stage && file != nil && file == other.file
    }
  }

  /// Reads the results of a run's directory.
  ///
  /// Where an arm tests several heads, the arms are compared by the one that the experiment's metric names, or else by the
  /// one that the first arm tests last.
  ///
  /// - Throws: `GraftError` naming the file that is missing or malformed.
  init(_ run: URL) throws {
    let record = try RunRecord(run)
    let (tested, metric) = (record.testedHeads, record.chosenMetric)
    guard !tested.isEmpty else {
      try self.init(record, nil, by: metric)
      return
    }
    let last = record.arms[0].seeds[0].stages.last { $0.predictions != nil }?.head ?? tested[0]
    let first = metric?.head.flatMap { tested.contains($0) ? $0 : nil } ?? last
    try self.init(record, first, by: metric)
    heads = try tested.map { $0 == first ? self : try RunResults(record, $0, by: $0 == last ? metric : nil) }
    isHeadChosen = metric?.head != nil
  }

  /// - Parameters:
  ///   - head: The head whose tests count, of the arms that have any; `nil` is any head, and all arms.
  ///   - metric: What the experiment says.
  private init(_ record: RunRecord, _ head: String?, by metric: ChosenMetric?) throws {
    // What the data call them, for results that do not name the head's labels.
    let known = record.data.map(\.labels).max { $0.count < $1.count } ?? []
    var languageModels: [LanguageModelScore] = []
    func isTested(_ stage: RunRecord.Stage) -> Bool {
      stage.kind == "evaluate" && (head == nil || stage.head == head)
    }
    func chosen(_ arm: RunRecord.Arm) -> String? {
      arm.seeds[0].stages.last { isTested($0) && $0.predictions != nil }.map { metric?.key(of: $0.head) }
        ?? metric?.key
    }
    var arms = try record.arms.map { arm in
      Arm(
        name: arm.name,
        seeds: try arm.seeds.map { seed, _, stages in
          var test: TestPredictions?
          var last: [String: Double] = [:]
          var described: JSON = .null
          var isLanguageModel = false
          for stage in stages where stage.kind == "evaluate" {
            let document = try stage.results.map { try JSON(file: $0) } ?? .null
            let results = RunResults.numbers(document)
            if isTested(stage) {
              let predictions = try stage.predictions.flatMap {
                try TestPredictions(reading: $0, document, known: known, by: metric?.key(of: stage.head))
              }
              if predictions != nil || test == nil {
                (last, described, isLanguageModel) = (results, document, stage.isLanguageModel)
              }
              test = predictions ?? test
            }
            if stage.isLanguageModel || results["eval_pseudo_perplexity"] != nil {
              let score = LanguageModelScore(
                arm: arm.name, seeds: [seed], stage: stage.name, file: stage.results,
                pseudoPerplexity: results["eval_pseudo_perplexity"], perplexity: results["eval_perplexity"],
                accuracy: results["eval_accuracy"], loss: results["eval_loss"])
              if let index = languageModels.firstIndex(where: { $0.isShared(with: score) }) {
                languageModels[index].seeds.append(seed)
              } else {
                languageModels.append(score)
              }
            }
          }
          let seconds = stages.compactMap(\.seconds).reduce(0, +)
          return Seed(
            seed: seed, test: test, results: last, isLanguageModel: isLanguageModel, seconds: seconds,
            kinds: RunResults.kinds(described), retrieval: RunResults.retrieval(described))
        }, chosen: chosen(arm))
    }
    arms = zip(arms, record.arms).filter { head == nil || $1.seeds[0].stages.contains(where: isTested) }
      .map { arm, record in
        record.seeds.contains { $0.fold != nil }
          ? Arm(name: arm.name, seeds: Seed.joined(arm.seeds), chosen: arm.chosen) : arm
      }
    // So that all matrices have one size, and a class one number.
    let named = OrderedSet(arms.flatMap(\.seeds).flatMap { $0.test?.names ?? [] })
    labels = named.isEmpty ? known : named.elements
    arms = arms.map { [labels] arm in
      Arm(
        name: arm.name,
        seeds: arm.seeds.map {
          Seed(
            seed: $0.seed, test: $0.test?.numbered(by: labels), results: $0.results,
            isLanguageModel: $0.isLanguageModel, seconds: $0.seconds, kinds: $0.kinds,
            retrieval: $0.retrieval, folds: $0.folds)
        }, chosen: arm.chosen)
    }
    (self.record, self.head) = (record, head)
    self.arms = arms
    self.languageModels = languageModels
    comparisons = arms.dropFirst().map { Comparison(arms[0], $0) }
    curves = try CurveGroup.all(of: record)
  }

  private static func kinds(_ document: JSON) -> [(name: String, scores: ConfusionMatrix.Scores)] {
    (document["kinds"]?.array ?? []).compactMap { kind in
      guard let name = kind["label"]?.string, let precision = kind["precision"]?.double,
        let recall = kind["recall"]?.double, let f1 = kind["f1"]?.double, let support = kind["support"]?.int,
        support >= 0
      else { return nil }
      return (
        name, ConfusionMatrix.Scores(precision: precision, recall: recall, f1: f1, support: support)
      )
    }
  }

  private static func retrieval(_ document: JSON) -> [RetrievalPoint] {
    (document["retrieval"]?.array ?? []).compactMap { point in
      guard let cutoff = point["k"]?.int, (1...(1 << 53)).contains(cutoff),
        let recall = point["recall"]?.double,
        let ndcg = point["ndcg"]?.double
      else { return nil }
      return RetrievalPoint(cutoff: cutoff, recall: recall, ndcg: ndcg)
    }
  }

  private static func numbers(_ document: JSON) -> [String: Double] {
    (document.object ?? [:]).compactMapValues { value in
      value.double.flatMap { $0.isFinite ? $0 : nil }
    }.reduce(into: [:]) { $0[$1.key] = $1.value }
  }
}

extension RunResults.Seed {
  /// The folds of each seed as one: all predictions, and the means of numbers that every fold has.
  static func joined(_ folds: [RunResults.Seed]) -> [RunResults.Seed] {
    var seeds: [UInt64] = []
    for fold in folds where !seeds.contains(fold.seed) { seeds.append(fold.seed) }
    return seeds.map { seed in
      let own = folds.filter { $0.seed == seed }
      let tests = own.compactMap(\.test)
      let results = own[0].results.keys.reduce(into: [String: Double]()) { means, key in
        let values = own.compactMap { $0.results[key] }
        if values.count == own.count { means[key] = values.reduce(0, +) / Double(values.count) }
      }
      return RunResults.Seed(
        seed: seed, test: tests.count == own.count ? TestPredictions.joined(tests) : nil, results: results,
        isLanguageModel: own.allSatisfy(\.isLanguageModel), seconds: own.reduce(0) { $0 + $1.seconds },
        kinds: joinedKinds(own),
        retrieval: joinedRetrieval(own), folds: own)
    }
  }

  /// The means over the folds that have a kind, and how many there are in all.
  private static func joinedKinds(
    _ folds: [RunResults.Seed]
  ) -> [(name: String, scores: ConfusionMatrix.Scores)] {
    let all = OrderedDictionary(grouping: folds.flatMap(\.kinds), by: \.name)
    return all.map { name, kinds in
      func mean(_ path: KeyPath<ConfusionMatrix.Scores, Double>) -> Double {
        kinds.reduce(0) { $0 + $1.scores[keyPath: path] } / Double(kinds.count)
      }
      return (
        name,
        ConfusionMatrix.Scores(
          precision: mean(\.precision), recall: mean(\.recall), f1: mean(\.f1),
          support: kinds.reduce(0) { $0.addingClamped($1.scores.support) })
      )
    }
  }

  /// The means over folds, as far as all of them look.
  private static func joinedRetrieval(_ folds: [RunResults.Seed]) -> [RunResults.RetrievalPoint] {
    (folds.first?.retrieval ?? []).compactMap { point in
      let points = folds.compactMap { fold in fold.retrieval.first { $0.cutoff == point.cutoff } }
      guard points.count == folds.count else { return nil }
      let count = Double(points.count)
      return RunResults.RetrievalPoint(
        cutoff: point.cutoff, recall: points.reduce(0) { $0 + $1.recall } / count,
        ndcg: points.reduce(0) { $0 + $1.ndcg } / count)
    }
  }
}
