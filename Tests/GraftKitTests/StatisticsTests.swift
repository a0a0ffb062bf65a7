import Foundation
import GraftTensors
import TestSupport
import Testing

@testable import GraftExperiments

/// Against SciPy, statsmodels and NumPy: `Fixtures/evaluation/make_statistics.py`.
@Suite struct StatisticsTests {
  private let golden: JSON

  init() throws {
    golden = try JSON(file: fixtures.appending(path: "evaluation/statistics.json"))
  }

  private func list(_ json: JSON?) throws -> [Double] { try #require(json?.array).map { $0.double ?? .nan } }

  @Test func probabilitiesAreStatsmodels() throws {
    let cases = try #require(golden["mcnemar"]?.array)
    #expect(cases.count == 11)
    for golden in cases {
      let pair = try list(golden["pair"]).map { Int($0) }
      let test = McNemar(onlyFirst: pair[0], onlySecond: pair[1])
      let expected = try #require(golden["p"]?.double)
      #expect(test.isExact == golden["exact"]?.bool)
      #expect(abs(test.p / expected - 1) < 1e-10, "\(pair): \(test.p), not \(expected)")
      #expect(McNemar(onlyFirst: pair[1], onlySecond: pair[0]).p == test.p)
    }
    let test = McNemar([true, true, false, false, true], [true, false, true, true, true])
    #expect((test.onlyFirst, test.onlySecond) == (1, 2))
  }

  @Test func summariesAreNumPys() throws {
    for golden in try #require(golden["summaries"]?.array) {
      let summary = Summary(try list(golden["values"]))
      #expect(abs(summary.mean - (golden["mean"]?.double ?? .nan)) < 1e-15)
      let deviation = golden["deviation"]?.double
      #expect(
        deviation == nil ? summary.deviation == nil : abs(deviation! - (summary.deviation ?? 0)) < 1e-15)
      #expect([summary.range.lowerBound, summary.range.upperBound] == (try list(golden["range"])))
    }
  }

  /// The ends are within five standard errors of a bootstrap of as many resamples; ends are multiples of one
  /// row's share, so that one row is allowed for as well.
  @Test(arguments: ["rows", "seeds"]) func intervalsAreThoseOfManyMoreResamples(_ key: String) throws {
    for golden in try #require(golden[key]?.array) {
      func hits(_ json: JSON?) throws -> [[Bool]] {
        try #require(json?.array).map { ($0.string ?? "").map { $0 == "1" } }
      }
      let (first, second) = (try hits(golden["first"]), try hits(golden["second"]))
      let bootstrap = PairedBootstrap(first, second, paired: golden["paired"]?.bool ?? true)
      let (interval, error) = (try list(golden["interval"]), try list(golden["error"]))
      let row = 1.0 / Double(first[0].count * first.count)
      #expect(abs(bootstrap.interval.lowerBound - interval[0]) < 5 * error[0] + row, "\(bootstrap)")
      #expect(abs(bootstrap.interval.upperBound - interval[1]) < 5 * error[1] + row, "\(bootstrap)")
      func mean(_ hits: [[Bool]]) -> Double {
        Double(hits.joined().count { $0 }) / Double(hits.count * hits[0].count)
      }
      #expect(abs(bootstrap.difference - (mean(second) - mean(first))) < 1e-15)
      #expect(bootstrap == PairedBootstrap(first, second, paired: golden["paired"]?.bool ?? true))
    }
  }

  @Test func seedsWidenTheInterval() {
    // Within each seed no row differs from another, so that all that varies is the seed.
    let first = [[Bool]](repeating: [Bool](repeating: false, count: 50), count: 4)
    var second = first
    second[0] = second[0].map { _ in true }
    let bootstrap = PairedBootstrap(first, second, paired: true)
    #expect(bootstrap.difference == 0.25)
    #expect(bootstrap.interval == 0...0.75)
    #expect(!bootstrap.isClear)
    #expect(PairedBootstrap([second[0]], [second[0]], paired: true).interval == 0...0)
  }
}

/// The metrics by which arms are compared against scikit-learn, and their intervals against NumPy:
/// `Fixtures/evaluation/make_bootstraps.py`.
@Suite struct TestMetricTests {
  private let golden: JSON

  init() throws {
    golden = try JSON(file: fixtures.appending(path: "evaluation/bootstraps.json"))
  }

  private func numbers(_ json: JSON) throws -> [Double] {
    try #require(json.array).map { try #require($0.double) }
  }

  /// Rows of what the data say, `[rows, outputs]`, and what a model said.
  private func rows(_ kind: String?, _ label: JSON?, _ prediction: JSON?) throws -> [TestPredictions.Row] {
    let (labels, predictions) = (try #require(label?.array), try #require(prediction?.array))
    return try zip(labels, predictions).enumerated().map { index, pair in
      let (label, prediction) = (try numbers(pair.0), try numbers(pair.1))
      return TestPredictions.Row(
        place: .init(row: index), text: "",
        answer: kind == "r2"
          ? .values(label: label, prediction: prediction)
          : .labels(label: label.map { $0 == 1 }, prediction: prediction.map { $0 == 1 }))
    }
  }

  private func predictions(_ kind: String?, _ label: JSON?, _ prediction: JSON?) throws -> TestPredictions {
    let rows = try rows(kind, label, prediction)
    return TestPredictions(rows, names: (label?.array?.first?.array ?? []).indices.map { "output \($0)" })
  }

  @Test func scoresAreScikitLearns() throws {
    let cases = try #require(golden["scores"]?.array)
    #expect(cases.count == 60)
    for golden in cases {
      let kind = golden["kind"]?.string
      let test = try predictions(kind, golden["label"], golden["prediction"])
      #expect(test.metric.key == kind)
      let expected = try #require(golden["score"]?.double)
      let score = try #require(test.score)
      #expect(
        abs(score - expected) <= 1e-12 * max(1, abs(expected)), "\(kind ?? ""): \(score), not \(expected)")
    }
  }

  /// The ends are within five standard errors of a bootstrap of four times as many resamples.
  @Test func intervalsAreNumPys() throws {
    let cases = try #require(golden["intervals"]?.array)
    #expect(cases.count == 4)
    for golden in cases {
      let kind = golden["kind"]?.string
      let arms = try ["first", "second"].map { arm in
        try #require(golden[arm]?.array).map { try predictions(kind, golden["label"], $0) }
      }
      let bootstrap = PairedBootstrap(
        arms[0].compactMap(\.scoring), arms[1].compactMap(\.scoring), rows: arms[0][0].rows.count,
        paired: golden["paired"]?.bool == true)
      #expect(abs(bootstrap.difference - (try #require(golden["difference"]?.double))) < 1e-12)
      let (interval, error) = (
        try numbers(golden["interval"] ?? .null), try numbers(golden["error"] ?? .null)
      )
      #expect(abs(bootstrap.interval.lowerBound - interval[0]) < 5 * error[0], "\(bootstrap)")
      #expect(abs(bootstrap.interval.upperBound - interval[1]) < 5 * error[1], "\(bootstrap)")
      for (arm, scores) in zip(arms, golden["scores"]?.array ?? []) {
        for (test, score) in zip(arm, try numbers(scores)) { #expect(abs((test.score ?? 0) - score) < 1e-12) }
      }
    }
  }
}
