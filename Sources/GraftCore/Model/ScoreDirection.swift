/// Which of two values of a score is the better one.
public enum ScoreDirection: Sendable, Equatable {
  case higher, lower

  /// The direction of a score by its name, with or without `eval_` and the name of a data set in front: `eval_loss`,
  /// `test_accuracy`. Losses, errors and perplexities are better when they are lower; everything else when it is higher.
  public init(of score: String) {
    let name = score.hasPrefix("eval_") ? String(score.dropFirst("eval_".count)) : score
    self = Self.lowerNames.contains { name == $0 || name.hasSuffix("_\($0)") } ? .lower : .higher
  }

  /// What such names end with.
  private static let lowerNames = [
    "loss", "error", "mse", "mae", "rmse", "perplexity", "brier", "ece", "runtime", "broken_tags",
    "broken_tags_in_data",
  ]

  /// Whether one value is better than another; never so for what is not a number.
  public func isBetter(_ value: Double, than other: Double) -> Bool {
    switch self {
    case .higher: value > other
    case .lower: value < other
    }
  }
}
