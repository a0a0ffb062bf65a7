import Foundation
import GraftCore
import GraftTensors
import OrderedCollections

/// Which of several choices is the answer.
public struct ChoicePrediction: TaskPrediction, Equatable {
  public let choices: [String]
  /// The probability of each choice.
  public let scores: [Float]
  /// The number of the likeliest choice, counted from 0; of equal ones the first.
  public let choice: Int

  /// - Parameters:
  ///   - logits: One for each choice.
  ///   - choices: The texts.
  init(_ logits: some Collection<Float>, choices: [String]) {
    self.choices = choices
    let probabilities = logits.softmax()
    scores = probabilities
    choice = probabilities.indices.max { (probabilities[$0], $1) < (probabilities[$1], $0) } ?? 0
  }

  public var answer: JSON { JSON(choice) }
  public var columns: [String] {
    [
      String(choice), String(format: "%.4f", scores[choice]),
      choices[choice].split(whereSeparator: \.isWhitespace).joined(separator: " "),
    ]
  }
  public var members: OrderedDictionary<String, JSON> {
    [
      "choices": .array(choices.map { .string($0) }), "prediction": JSON(choice),
      "choice": .string(choices[choice]), "score": JSON(scores[choice]),
      "scores": .array(scores.map { JSON($0) }),
    ]
  }
}
