import Foundation
import GraftCompute
import GraftCore
import GraftTensors
import TestSupport
import Testing
import Zlib

/// Scores of 1,000 random predictions of each kind against scikit-learn's and SciPy's:
/// `Fixtures/evaluation/make_scores.py`, which draws the same predictions.
@Suite struct MetricScoresTests {
  private static let cases = 1000

  /// What happens to the predictions of a case.
  private enum Kind {
    case any, oneClass, constant, ties, nothing, everything

    init(_ index: Int) {
      self =
        switch index % 10 {
        case 0: .oneClass
        case 1: .constant
        case 2: .ties
        case 3: .nothing
        case 4: .everything
        default: .any
        }
    }
  }

  /// SplitMix64, https://prng.di.unimi.it/splitmix64.c
  private struct Draw {
    var state: UInt64

    init(_ seed: Int) { state = UInt64(seed) }

    mutating func word() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(((word() >> 32) &* UInt64(bound)) >> 32) }

    mutating func share(_ steps: Int) -> Float {
      steps == 0 ? Float(word() >> 40) / 0x1p24 : (Float(below(steps)) + 0.5) / Float(steps)
    }
  }

  /// The scores of a file, each with a number for each case; `nil` where it is not defined.
  private func golden(_ name: String) throws -> [String: [Double?]] {
    let file = fixtures.appendingPathComponent("evaluation/scores_\(name).json.gz")
    let json = try JSON(parsing: Gzip.decompress(file: file, limit: 4 << 20))
    return try #require(json.object).reduce(into: [:]) { all, member in
      all[member.key] = try #require(member.value.array).map(\.double)
    }
  }

  /// Compares all scores of all cases.
  private func check(_ name: String, _ scores: (Int) -> [String: Double]) throws {
    let golden = try golden(name)
    for index in 0..<Self.cases {
      let found = scores(index)
      let expected = golden.compactMapValues { $0[index] }
      #expect(Set(found.keys) == Set(expected.keys), "\(name) \(index)")
      for (key, value) in expected {
        let own = found[key] ?? .nan
        #expect(abs(own - value) < 1e-12 * max(1, abs(value)), "\(key) of \(name) \(index): \(own), \(value)")
      }
    }
  }

  @Test("of single labels") func single() throws {
    try check("single") { index in
      var draw = Draw(index)
      let kind = Kind(index)
      let (classes, rows) = (2 + draw.below(7), 1 + draw.below(40))
      let only = draw.below(classes)
      let actual = (0..<rows).map { _ in Int32(kind == .oneClass ? only : draw.below(classes)) }
      let row = (0..<classes).map { _ in draw.share(0) * 16 - 8 }
      let logits = (0..<rows).flatMap { _ in
        kind == .constant ? row : (0..<classes).map { _ in draw.share(kind == .ties ? 8 : 0) * 16 - 8 }
      }
      var metrics = Metrics()
      // As in an evaluation, batch by batch.
      let half = rows / 2
      for part in [0..<half, half..<rows] where !part.isEmpty {
        metrics.add(
          actual: Array(actual[part]),
          logits: Tensor(
            Array(logits[(part.lowerBound * classes)..<(part.upperBound * classes)]),
            shape: [part.count, classes]))
      }
      return metrics.means
    }
  }

  @Test("of several labels, with tuned thresholds") func several() throws {
    try check("several") { index in
      var draw = Draw(index)
      let kind = Kind(index)
      let (labels, rows) = (2 + draw.below(5), 2 + draw.below(30))
      let only = draw.below(labels)
      let threshold = draw.share(0)
      let actual = (0..<rows).flatMap { _ in
        (0..<labels).map { label -> Float in
          switch kind {
          case .nothing: 0
          case .everything: 1
          case .oneClass: label == only ? 1 : 0
          case .any, .constant, .ties: draw.below(3) == 0 ? 1 : 0
          }
        }
      }
      let constant = draw.share(0)
      let shares = (0..<rows * labels).map { _ in
        kind == .constant ? constant : draw.share(kind == .ties ? 8 : 0)
      }
      var metrics = Metrics()
      let thresholds = [Float](repeating: threshold, count: labels)
      metrics.add(probabilities: shares[..<labels], targets: actual[..<labels], thresholds: thresholds)
      metrics.add(probabilities: shares[labels...], targets: actual[labels...], thresholds: thresholds)
      guard var scores = metrics.multiLabel else { return [:] }
      var found = metrics.means
      func sum(_ values: [Double]) -> Double {
        values.enumerated().reduce(0) { $0 + Double($1.offset + 1) * $1.element }
      }
      found["labels_precision"] = sum(scores.scores.map(\.precision))
      found["labels_recall"] = sum(scores.scores.map(\.recall))
      found["labels_f1"] = sum(scores.scores.map(\.f1))
      found["labels_support"] = sum(scores.scores.map { Double($0.support) })
      found["labels_average_precision"] = sum(scores.averagePrecisions)
      scores.thresholds = scores.tuned(.global)
      found["tuned_global"] = scores.micro.f1
      scores.thresholds = scores.tuned(.label)
      found["tuned_label"] = scores.macro.f1
      return found
    }
  }

  @Test("of regressions") func regression() throws {
    try check("regression") { index in
      var draw = Draw(index)
      let kind = Kind(index)
      let (outputs, rows) = (1 + draw.below(3), 1 + draw.below(40))
      let steps = kind == .ties ? 8 : 0
      let constants = (0..<outputs).map { _ in draw.share(0) * 4 - 2 }
      var metrics = Metrics()
      for _ in 0..<rows {
        let values = (0..<outputs).map { _ in draw.share(steps) * 4 - 2 }
        let actual = kind == .oneClass || kind == .nothing ? constants : values
        let predicted =
          switch kind {
          case .constant, .nothing: constants
          case .everything: values
          default: (0..<outputs).map { _ in draw.share(steps) * 4 - 2 }
          }
        metrics.add(values: predicted, targets: actual, outputs: outputs)
      }
      return metrics.means
    }
  }

  @Test("errors and losses are better when they are lower, every other score when it is higher")
  func directions() throws {
    for name in ["single", "several", "regression"] {
      for key in try golden(name).keys where !key.hasPrefix("labels_") && !key.hasPrefix("tuned_") {
        let isError = ["loss", "error", "mse", "mae"].contains { key.hasSuffix($0) }
        #expect(ScoreDirection(of: "eval_\(key)") == (isError ? .lower : .higher), "\(key)")
      }
    }
  }

  @Test("scores of broken numbers are broken numbers") func broken() {
    var metrics = Metrics()
    metrics.add(actual: [0], logits: Tensor([.nan, 1], shape: [1, 2]))
    #expect(metrics.means["log_loss"]?.isNaN == true)
  }
}
