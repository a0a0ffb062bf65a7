/// The probabilities of the labels of examples that may have any number of them, with the labels that they have.
///
/// Scores are those of scikit-learn for indicator matrices: `precision_recall_fscore_support` with a quotient without a
/// denominator as 0, `accuracy_score`, which is the share of examples with all labels right, `hamming_loss` and
/// `average_precision_score`, which is 0 for a label that no example has.
///
/// https://scikit-learn.org/stable/modules/model_evaluation.html
public struct MultiLabelScores: Sendable, Equatable {
  /// An example is given the labels whose probabilities are above these, one for each label.
  public var thresholds: [Float]
  /// `[examples, labels]`.
  private var probabilities: [Float] = []
  private var targets: [Bool] = []

  /// Scores of no examples.
  ///
  /// - Parameter thresholds: One for each label.
  public init(thresholds: [Float]) { self.thresholds = thresholds }

  /// How many labels there are.
  public var labels: Int { thresholds.count }
  /// How many examples there are.
  public var count: Int { labels > 0 ? targets.count / labels : 0 }

  /// Adds examples.
  ///
  /// - Parameters:
  ///   - probabilities: `[examples, labels]`.
  ///   - targets: Likewise; a label is there when its number is above 0.5.
  /// - Precondition: there are as many of both, a multiple of the labels.
  public mutating func add(_ probabilities: some Collection<Float>, targets: some Collection<Float>) {
    precondition(probabilities.count == targets.count && probabilities.count % max(1, labels) == 0)
    self.probabilities += probabilities
    self.targets += targets.map { $0 > 0.5 }
  }

  /// How many there are of something, were predicted, and are both.
  private struct Counts {
    var (hits, predicted, actual) = (0, 0, 0)

    mutating func add(actual isActual: Bool, predicted isPredicted: Bool) {
      actual += isActual ? 1 : 0
      predicted += isPredicted ? 1 : 0
      hits += isActual && isPredicted ? 1 : 0
    }

    var scores: ConfusionMatrix.Scores {
      ConfusionMatrix.Scores(hits: hits, predicted: predicted, actual: actual)
    }
  }

  private func isPredicted(_ index: Int) -> Bool { probabilities[index] > thresholds[index % labels] }

  /// The scores of each label.
  public var scores: [ConfusionMatrix.Scores] {
    var counts = [Counts](repeating: Counts(), count: labels)
    for index in targets.indices {
      counts[index % labels].add(actual: targets[index], predicted: isPredicted(index))
    }
    return counts.map(\.scores)
  }

  /// The average precision of each label.
  public var averagePrecisions: [Double] { (0..<labels).map { ranking(of: $0).averagePrecision } }

  /// Over all decisions.
  public var micro: ConfusionMatrix.Scores {
    var counts = Counts()
    for index in targets.indices { counts.add(actual: targets[index], predicted: isPredicted(index)) }
    return counts.scores
  }

  /// The mean over labels, those that no example has included.
  public var macro: ConfusionMatrix.Scores { mean(scores) }

  /// The mean over examples.
  public var samples: ConfusionMatrix.Scores {
    mean(
      (0..<count).map { row in
        var counts = Counts()
        for index in (row * labels)..<((row + 1) * labels) {
          counts.add(actual: targets[index], predicted: isPredicted(index))
        }
        return counts.scores
      })
  }

  private func mean(_ all: [ConfusionMatrix.Scores]) -> ConfusionMatrix.Scores {
    let count = Double(max(1, all.count))
    var mean = ConfusionMatrix.Scores(hits: 0, predicted: 0, actual: targets.count { $0 })
    mean.precision = all.reduce(0) { $0 + $1.precision } / count
    mean.recall = all.reduce(0) { $0 + $1.recall } / count
    mean.f1 = all.reduce(0) { $0 + $1.f1 } / count
    return mean
  }

  /// The averages with what is added to the names of their scores.
  public var averages: [(suffix: String, scores: ConfusionMatrix.Scores)] {
    [("_micro", micro), ("_macro", macro), ("_samples", samples)]
  }

  /// `subset_accuracy`, `hamming_loss`, precision, recall and F1 by every average, `average_precision_macro` and
  /// `average_precision_micro`.
  public var means: [String: Double] {
    guard count > 0 else { return [:] }
    var (right, hits) = (0, 0)
    for row in 0..<count {
      let indices = (row * labels)..<((row + 1) * labels)
      let own = indices.count { targets[$0] == isPredicted($0) }
      hits += own
      right += own == labels ? 1 : 0
    }
    var means = [
      "subset_accuracy": Double(right) / Double(count),
      "hamming_loss": Double(targets.count - hits) / Double(targets.count),
      "average_precision_macro": averagePrecisions.reduce(0, +) / Double(labels),
      "average_precision_micro": ranking(of: nil).averagePrecision,
    ]
    for (suffix, scores) in averages {
      means["precision\(suffix)"] = scores.precision
      means["recall\(suffix)"] = scores.recall
      means["f1\(suffix)"] = scores.f1
    }
    return means
  }

  // MARK: Thresholds

  /// What a threshold is chosen for.
  public enum Tuning: String, Sendable, CaseIterable {
    /// One for all labels, with the best micro-averaged F1.
    case global
    /// One for each label, with that label's best F1.
    case label
  }

  /// The thresholds with the best F1 on these examples; of equally good ones the nearest to a half. A label that no
  /// example has keeps its threshold.
  public func tuned(_ tuning: Tuning) -> [Float] {
    switch tuning {
    case .global:
      let best = ranking(of: nil).bestThreshold
      return thresholds.map { best ?? $0 }
    case .label: return (0..<labels).map { ranking(of: $0).bestThreshold ?? thresholds[$0] }
    }
  }

  /// The decisions of one label, or of all, by their probability.
  private func ranking(of label: Int?) -> RankedDecisions {
    let indices =
      label.map { Array(stride(from: $0, to: targets.count, by: labels)) } ?? Array(targets.indices)
    return RankedDecisions(indices.map { (probabilities[$0], targets[$0]) })
  }
}
