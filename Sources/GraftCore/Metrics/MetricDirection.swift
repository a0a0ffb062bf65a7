/// Whether a model is better when a metric is higher, or when it is lower.
public enum MetricDirection: Sendable {
  case higherIsBetter
  case lowerIsBetter
}

extension Metrics {
  /// The direction of every metric that a task of Graft reports. Longer names with one of these at their end, such as
  /// `eval_loss`, `top_3_accuracy` or `HasAns_f1`, have the same direction.
  static let directions: [String: MetricDirection] = [
    "accuracy": .higherIsBetter, "balanced_accuracy": .higherIsBetter, "subset_accuracy": .higherIsBetter,
    "precision": .higherIsBetter, "recall": .higherIsBetter, "f1": .higherIsBetter,
    "precision_micro": .higherIsBetter, "recall_micro": .higherIsBetter, "f1_micro": .higherIsBetter,
    "precision_macro": .higherIsBetter, "recall_macro": .higherIsBetter, "f1_macro": .higherIsBetter,
    "precision_weighted": .higherIsBetter, "recall_weighted": .higherIsBetter, "f1_weighted": .higherIsBetter,
    "precision_samples": .higherIsBetter, "recall_samples": .higherIsBetter, "f1_samples": .higherIsBetter,
    "average_precision_micro": .higherIsBetter, "average_precision_macro": .higherIsBetter,
    "matthews_correlation": .higherIsBetter, "pearson": .higherIsBetter, "spearman": .higherIsBetter,
    "r2": .higherIsBetter, "exact": .higherIsBetter, "exact_match": .higherIsBetter,
    "loss": .lowerIsBetter, "log_loss": .lowerIsBetter, "hamming_loss": .lowerIsBetter,
    "expected_calibration_error": .lowerIsBetter, "perplexity": .lowerIsBetter, "mse": .lowerIsBetter,
    "mae": .lowerIsBetter, "broken_tags": .lowerIsBetter,
  ]

  /// Whether a model is better when a metric is higher or lower.
  ///
  /// - Parameter name: As ``means`` has it, or as results have it: `f1_macro`, `eval_f1_macro`.
  /// - Returns: `nil` for a number that says nothing about how good a model is, such as `eval_runtime`, and for names
  ///   that no task reports.
  public static func direction(of name: String) -> MetricDirection? {
    var rest = name[...]
    while true {
      if let direction = directions[String(rest)] { return direction }
      guard let next = rest.firstIndex(of: "_") else { return nil }
      rest = rest[rest.index(after: next)...]
    }
  }
}
