import Foundation
import OrderedCollections

/// How well pairs of texts are scored, as sentence-transformers' evaluators of CrossEncoders have it: the correlation of
/// scores and labels; where labels are 0 and 1 how well scores tell these apart; and where queries have texts of both, how
/// texts are sorted for each query.
public struct PairScores: Sendable, Equatable {
  /// A pair that was scored.
  public struct Pair: Sendable, Equatable {
    /// The first text.
    public let query: String
    public let score: Float
    /// What the data say, 0 to 1.
    public let label: Float

    public init(query: String, score: Float, label: Float) {
      (self.query, self.score, self.label) = (query, score, label)
    }
  }

  private var pairs: [Pair] = []

  /// Scores of no pairs.
  public init() {}

  /// Adds pairs. Those of a query may come in several calls.
  public mutating func add(_ pairs: some Sequence<Pair>) { self.pairs += pairs }

  /// Whether every label is 0 or 1.
  private var isBinary: Bool { pairs.allSatisfy { $0.label == 0 || $0.label == 1 } }

  /// The texts of each query, in the order in which queries first occur; `nil` unless labels are 0 and 1 and a query has
  /// texts of both.
  public var rankings: OrderedDictionary<String, TextRanking>? {
    guard isBinary else { return nil }
    let queries = OrderedDictionary(grouping: pairs, by: \.query)
    let rankings = queries.mapValues { pairs in
      TextRanking(pairs.map { (score: $0.score, isRelevant: $0.label == 1) })
    }
    return rankings.values.contains { (1..<$0.count).contains($0.relevant) } ? rankings : nil
  }

  /// The scores that are defined, by name.
  public var means: [String: Double] {
    guard !pairs.isEmpty else { return [:] }
    let correlations = RegressionScores.Scores(
      predictions: pairs.map { Double($0.score) }, targets: pairs.map { Double($0.label) })
    var means: [String: Double] = [:]
    (means["pearson"], means["spearman"]) = (correlations.pearson, correlations.spearman)
    guard isBinary else { return means }
    means.merge(classification) { $1 }
    if let rankings {
      let count = Double(rankings.count)
      means["map"] = rankings.values.reduce(0) { $0 + $1.averagePrecision } / count
      means["mrr@\(TextRanking.cutoff)"] = rankings.values.reduce(0) { $0 + $1.reciprocalRank } / count
      means["ndcg@\(TextRanking.cutoff)"] = rankings.values.reduce(0) { $0 + $1.ndcg } / count
    }
    return means
  }

  /// The names of the scores that ``means`` may have. The thresholds in it are no scores: a higher one is not better.
  public static let names: Set<String> = [
    "pearson", "spearman", "accuracy", "f1", "precision", "recall", "average_precision", "map",
    "mrr@\(TextRanking.cutoff)", "ndcg@\(TextRanking.cutoff)",
  ]

  /// Accuracy and F1 at the threshold that is best for each, the precision and recall of that F1, and average precision.
  private var classification: [String: Double] {
    let ranked = RankedDecisions(pairs.map { ($0.score, $0.label == 1) })
    let (steps, negatives) = (ranked.steps, ranked.count - ranked.actual)
    /// Between a score and the next, of which rounding must not make the next itself.
    func threshold(after index: Int) -> Double {
      guard index + 1 < steps.count else { return Double(steps[index].score) }
      let middle = (steps[index].score + steps[index + 1].score) / 2
      return Double(middle == steps[index + 1].score ? steps[index].score : middle)
    }
    // At first nothing is above the threshold.
    var accuracy = Double(negatives) / Double(ranked.count)
    var accuracyThreshold = Double(steps[0].score.nextUp)
    var (f1, precision, recall, f1Threshold) = (0.0, 0.0, 0.0, 0.0)
    for (index, step) in steps.enumerated() {
      let right = step.hits + negatives - (step.predicted - step.hits)
      if Double(right) / Double(ranked.count) > accuracy {
        (accuracy, accuracyThreshold) = (Double(right) / Double(ranked.count), threshold(after: index))
      }
      guard step.hits > 0 else { continue }
      let own = (
        precision: Double(step.hits) / Double(step.predicted),
        recall: Double(step.hits) / Double(ranked.actual)
      )
      let ownF1 = 2 * own.precision * own.recall / (own.precision + own.recall)
      if ownF1 > f1 {
        (f1, precision, recall, f1Threshold) = (ownF1, own.precision, own.recall, threshold(after: index))
      }
    }
    return [
      "accuracy": accuracy, "accuracy_threshold": accuracyThreshold, "f1": f1, "f1_threshold": f1Threshold,
      "precision": precision, "recall": recall, "average_precision": ranked.averagePrecision,
    ]
  }
}
