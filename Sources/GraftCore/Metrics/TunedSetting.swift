/// A threshold among a task's settings, of which evaluations know the best value.
public struct TunedSetting: Sendable, Equatable {
  /// The configuration's key.
  public let key: String
  /// The score that is its best value, such as `best_f1_thresh`.
  public let bestValue: String
  /// What it is best for, such as `f1`.
  public let score: String

  public init(key: String, bestValue: String, score: String) {
    (self.key, self.bestValue, self.score) = (key, bestValue, score)
  }
}
