import GraftCore
import GraftTensors
import OrderedCollections

/// Which share of a run's steps each of several heads has, up to a factor.
package struct HeadWeights: OptionValue, Equatable {
  /// By the names of heads.
  package let values: [String: Double]

  package init(_ values: [String: Double]) { self.values = values }

  package init?(text: String) {
    guard let numbers = NamedNumbers(text: text)?.numbers, numbers.values.allSatisfy({ $0 > 0 }) else {
      return nil
    }
    values = Dictionary(uniqueKeysWithValues: numbers.map { ($0.key, $0.value) })
  }

  package static var expectation: String {
    "positive numbers by head, as in HEAD=2,OTHER=1"
  }

  package var json: JSON {
    .object(
      OrderedDictionary(uniqueKeysWithValues: values.sorted { $0.key < $1.key }.map { ($0, JSON($1)) }))
  }
}

extension TrainingOptions {
  /// How a run cuts the data of its heads into steps.
  ///
  /// - Throws: `GraftError` when there are weights for other heads than these.
  func plan(of heads: [RunHead]) throws -> TrainingPlan {
    try plan(of: heads.map { ($0.name, $0.data.count) })
  }

  /// The same of heads by name, of which one alone may have none, and the number of their examples.
  ///
  /// - Throws: `GraftError` when there are weights for other heads than these.
  package func plan(of heads: [(name: String?, examples: Int)]) throws -> TrainingPlan {
    TrainingPlan(
      examples: heads.map(\.examples), weights: try weights(of: heads.compactMap(\.name)), options: self)
  }

  /// The weights of heads in their order; `nil` where none are given.
  private func weights(of heads: [String]) throws -> [Double]? {
    guard let headWeights else { return nil }
    guard heads.count > 1 else {
      throw GraftError(
        .refused, "only several heads share the steps of a run", option: "head-weights",
        advice: "Leave the option out, or give each head data of its own with \(option: "data").")
    }
    for name in headWeights.keys.sorted() where !heads.contains(name) {
      let nearest = NearestName.find(name, among: heads).map { " Did you mean '\($0)'?" } ?? ""
      throw GraftError(
        .unknownName, "the head '\(name)' is not trained", option: "head-weights",
        expected: "heads with data: \(heads.joined(separator: ", "))",
        advice: "Weights go by the names of heads.\(nearest)")
    }
    if let (name, weight) = headWeights.first(where: { !($0.value > 0 && $0.value.isFinite) }) {
      throw GraftError(
        .malformed, "wrong weight of the head '\(name)'", option: "head-weights",
        expected: "a positive number", found: "\(weight)")
    }
    return heads.map { headWeights[$0] ?? 1 }
  }

  /// Makes sure that no setting is about one head alone, of a run with several, and that where one step is chosen, it is
  /// by a score that was named: heads have none in common.
  func checkSeveralHeads() throws {
    if metricForBestModel == nil, loadsBestModelAtEnd || earlyStoppingPatience != nil {
      throw GraftError(
        .missing, "several heads have no score in common by which a step is the best",
        option: "metric-for-best-model", expected: "a head with a score, such as HEAD_loss")
    }
    let single = [
      (
        "train-generator", trainsGenerator,
        "Leave the option out, and train the head with its generator alone."
      ),
      ("tune-threshold", thresholdTuning != nil, "Leave the option out, and tune the head after the run."),
    ]
    guard let (name, _, advice) = single.first(where: \.1) else { return }
    throw GraftError(
      .refused, "makes no sense with several heads", option: name, advice: Advice(advice))
  }
}
