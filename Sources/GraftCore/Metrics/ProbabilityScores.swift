import Foundation

/// How good the probabilities of a classifier of single labels are: running sums of their log loss, calibration and
/// top-k hits.
///
/// The log loss and the top-k accuracy are scikit-learn's `log_loss` and `top_k_accuracy_score`. The expected
/// calibration error is that of Guo et al., arXiv:1706.04599: the confidences of the predicted classes fall into 15
/// bins of equal width, and the distances between each bin's mean confidence and accuracy are averaged over examples.
public struct ProbabilityScores: Sendable, Equatable {
  private struct Bin: Equatable {
    var hits = 0
    var confidence = 0.0
  }

  package static let binCount = 15
  /// The numbers of classes of which the right one may be any, unless others are given; each needs more classes than that.
  public static let usualRanks = [3, 5]

  private let classes: Int
  private let ranks: [Int]
  private var count = 0
  private var logLoss = 0.0
  private var bins = [Bin](repeating: Bin(), count: binCount)
  private var hitsOfRanks: [Int]

  /// Sums of nothing.
  init(classes: Int, ranks: [Int]) {
    self.classes = classes
    self.ranks = ranks
    hitsOfRanks = ranks.map { _ in 0 }
  }

  /// Adds an example.
  ///
  /// - Parameters:
  ///   - logits: `[classes]`.
  ///   - actual: The class of the example.
  ///   - predicted: The class that it was given.
  mutating func add(_ logits: some Collection<Float>, actual: Int, predicted: Int) {
    let logits = logits.map(Double.init)
    let largest = logits.max() ?? 0
    let sum = logits.reduce(0) { $0 + exp($1 - largest) }
    let confidence = exp(logits[predicted] - largest) / sum
    logLoss += Self.logLoss(exp(logits[actual] - largest) / sum)
    let bin = Self.bin(of: confidence)
    bins[bin].confidence += confidence
    if actual == predicted { bins[bin].hits += 1 }
    let rank = Self.rank(of: actual, in: logits)
    for (index, limit) in ranks.enumerated() where rank < limit { hitsOfRanks[index] += 1 }
    count += 1
  }

  /// The log loss of the probability of the right class, which scikit-learn keeps finite by the epsilon of the numbers' type.
  package static func logLoss(_ probability: Double) -> Double {
    -log(min(max(probability, .ulpOfOne), 1 - .ulpOfOne))
  }

  /// The bin of the calibration error that a confidence falls into.
  package static func bin(of confidence: Double) -> Int {
    let width = 1 / Double(binCount)
    return (1..<binCount).count { Double($0) * width < confidence }
  }

  /// How many classes are before one by their scores. Of equal scores scikit-learn ranks the last class first.
  package static func rank(of actual: Int, in scores: [Double]) -> Int {
    scores.indices.count { index in
      scores[index] > scores[actual] || scores[index] == scores[actual] && index > actual
    }
  }

  /// `log_loss`, `expected_calibration_error`, and, as `top_3_accuracy`, those of the ranks that are below the number of
  /// classes.
  var means: [String: Double] {
    guard count > 0 else { return [:] }
    let error = bins.reduce(0) { $0 + abs(Double($1.hits) - $1.confidence) }
    var means = ["log_loss": logLoss / Double(count), "expected_calibration_error": error / Double(count)]
    for (limit, hits) in zip(ranks, hitsOfRanks) where classes > limit {
      means["top_\(limit)_accuracy"] = Double(hits) / Double(count)
    }
    return means
  }

  /// What ``means`` may have.
  static func names(classes: Int, ranks: [Int]) -> Set<String> {
    Set(
      ["log_loss", "expected_calibration_error"] + ranks.filter { $0 < classes }.map { "top_\($0)_accuracy" })
  }
}
