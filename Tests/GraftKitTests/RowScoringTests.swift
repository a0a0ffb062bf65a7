import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing

@testable import GraftExperiments
@testable import GraftKit

/// The scores that an experiment can be compared by, against scikit-learn, SciPy and NumPy:
/// `Fixtures/evaluation/make_metrics_of_rows.py`.
@Suite struct RowScoringTests {
  private let golden: JSON

  init() throws {
    golden = try JSON(file: fixtures.appending(path: "evaluation/metrics_of_rows.json"))
  }

  private func numbers(_ json: JSON?) throws -> [Double] {
    try #require(json?.array).map { try #require($0.double) }
  }

  /// What a model said about rows; the probabilities of classes and labels, the values of a regression.
  private func predictions(
    _ kind: String, _ label: JSON?, _ prediction: JSON?, by key: String, rows chosen: [Int]? = nil
  ) throws -> TestPredictions {
    let (labels, given) = (try #require(label?.array), try #require(prediction?.array))
    let width = try #require(given.first?.array).count
    let rows = try (chosen ?? Array(labels.indices)).map { index -> TestPredictions.Row in
      let scores = try numbers(given[index])
      let answer: TestPredictions.Row.Answer
      switch kind {
      case "classes":
        let best = scores.indices.max { (scores[$0], $1) < (scores[$1], $0) } ?? 0
        answer = .classes(label: try #require(labels[index].int), prediction: best)
      case "labels":
        answer = .labels(
          label: try numbers(labels[index]).map { $0 == 1 }, prediction: scores.map { $0 > 0.5 })
      default: answer = .values(label: try numbers(labels[index]), prediction: scores)
      }
      return TestPredictions.Row(
        place: .init(row: index), text: "", answer: answer, scores: kind == "values" ? [] : scores)
    }
    return TestPredictions(rows, names: (0..<width).map { "output \($0)" }, by: key)
  }

  /// What an evaluation of the kind of head may have.
  private func names(_ kind: String) -> Set<String> {
    switch kind {
    case "classes": Metrics.namesOfClasses(scored: 5, topRanks: [3])
    case "labels": Metrics.namesOfSeveralLabels
    default: Metrics.namesOfValues
    }
  }

  private func expectEqual(_ found: Double?, _ expected: Double?, _ what: String) throws {
    let (found, expected) = (try #require(found, "\(what)"), try #require(expected))
    #expect(abs(found - expected) <= 1e-12 * max(1, abs(expected)), "\(what): \(found), not \(expected)")
  }

  @Test("every score of rows is that of scikit-learn, also of few rows and of constants")
  func scores() throws {
    let few = try #require(golden["small"]?.array)
    #expect(few.count == 60)
    for one in few {
      let kind = try #require(one["kind"]?.string)
      let expected = try #require(one["scores"]?.object)
      for key in names(kind) where key != "loss" {
        let test = try predictions(kind, one["label"], one["prediction"], by: key)
        #expect(TestMetric.followsFromRows(key, among: names(kind)))
        if let score = expected[key]?.double {
          try expectEqual(test.score, score, "\(kind) \(key)")
        } else {
          #expect(test.score == nil, "\(kind) \(key)")
        }
      }
    }
  }

  @Test("scores of resamples are those that scikit-learn gives the rows that were drawn")
  func resamples() throws {
    for one in try #require(golden["cases"]?.array) {
      let kind = try #require(one["kind"]?.string)
      let draws = try #require(one["resamples"]?.array).map { try numbers($0).map { Int($0) } }
      for (arm, known) in zip(one["arms"]?.array ?? [], one["resampled"]?.array ?? []) {
        for (own, each) in zip(arm.array ?? [], known.array ?? []) {
          for key in names(kind) {
            let scoring = try #require(try predictions(kind, one["label"], own, by: key).scoring)
            for (drawn, expected) in zip(draws, each.array ?? []) {
              let found: Double
              switch scoring {
              case .sums(let terms, let value):
                let sums = (terms.first ?? []).indices.map { term in
                  drawn.reduce(0) { $0 + terms[$1][term] }
                }
                found = value(sums, drawn.count)
              case .counts(let value):
                found = value(terms(drawn, of: one["label"]?.array?.count ?? 0))
              }
              try expectEqual(found, expected[key]?.double, "\(kind) \(key)")
            }
          }
        }
      }
    }
  }

  private func terms(_ drawn: [Int], of rows: Int) -> [Int] {
    drawn.reduce(into: [Int](repeating: 0, count: rows)) { $0[$1] += 1 }
  }

  /// The ends are within five standard errors of a bootstrap of four times as many resamples; one row changes a score by
  /// steps, so that one is allowed for as well.
  @Test("differences and their intervals are NumPy's")
  func intervals() throws {
    var seen: Set<String> = []
    for one in try #require(golden["cases"]?.array) {
      let kind = try #require(one["kind"]?.string)
      for (key, golden) in try #require(one["intervals"]?.object) {
        seen.insert(key)
        let arms = try #require(one["arms"]?.array).map { arm in
          try #require(arm.array).map { try predictions(kind, one["label"], $0, by: key) }
        }
        let scores = try #require(one["scores"]?.array).map { arm in
          try #require(arm.array).map { try #require($0[key]?.double) }
        }
        func arm(_ index: Int) -> RunResults.Arm {
          RunResults.Arm(
            name: "\(index)",
            seeds: arms[index].enumerated().map {
              RunResults.Seed(seed: UInt64($0), test: $1, results: [:], seconds: 0)
            }, chosen: key)
        }
        let result = try #require(Comparison(arm(0), arm(1)).result)
        let difference = (scores[1].reduce(0, +) - scores[0].reduce(0, +)) / 2
        try expectEqual(result.bootstrap.difference, difference, key)
        #expect(result.metric.key == key)
        let (interval, error) = (try numbers(golden["interval"]), try numbers(golden["error"]))
        let isStepped = ["accuracy", "subset_accuracy", "hamming_loss"].contains(key)
        let step = isStepped ? 1 / Double(result.rows * 2) : 0
        #expect(abs(result.bootstrap.interval.lowerBound - interval[0]) < 5 * error[0] + step, "\(key)")
        #expect(abs(result.bootstrap.interval.upperBound - interval[1]) < 5 * error[1] + step, "\(key)")
      }
    }
    #expect(
      seen.isSuperset(of: [
        "accuracy", "balanced_accuracy", "f1_macro", "matthews_correlation", "log_loss", "f1_micro",
        "f1_samples",
        "subset_accuracy", "mse", "mae", "r2", "pearson", "spearman",
      ]))
  }
}
