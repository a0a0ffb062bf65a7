import GraftCore
import GraftTensors

/// How answers are chosen. The names and the defaults are those of transformers' example script.
struct AnswerSettings: Sendable, Equatable {
  static let keys = ["n_best_size", "max_answer_length", nullThresholdKey]
  static let nullThresholdKey = "null_score_diff_threshold"

  /// How many beginnings, ends and answers are considered.
  var nBest = 20
  /// The most tokens of an answer.
  var longestAnswer = 30
  /// How much likelier than the best answer none has to be, in logits, to be what is said; `nil` says an answer always.
  var nullThreshold: Float?

  init() {}

  /// - Throws: `GraftError` naming the key.
  init(_ configuration: Configuration) throws {
    nBest = try configuration.size(Self.keys[0], default: nBest)
    longestAnswer = try configuration.size(Self.keys[1], default: longestAnswer)
    if let value = configuration[Self.keys[2]] {
      guard let number = value.double, number.isFinite else {
        throw GraftError(
          .malformed, "wrong value", file: "config.json", subject: "key '\(Self.keys[2])'",
          expected: "a number", found: value.kind)
      }
      nullThreshold = Float(number)
    }
  }
}
