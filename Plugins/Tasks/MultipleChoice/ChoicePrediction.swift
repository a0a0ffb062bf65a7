import Foundation
import GraftCore
import GraftTensors
import OrderedCollections

/// Which of several choices is the answer.
public struct ChoicePrediction: TaskPrediction, Equatable {
  public let choices: [String]
  /// What stands before each choice in the second text, where the row has it in a column of its own.
  public let question: String?
  /// The probability of each choice.
  public let scores: [Float]
  /// The number of the likeliest choice, counted from 0; of equal ones the first.
  public let choice: Int

  /// - Parameters:
  ///   - logits: One for each choice.
  ///   - choices: The texts.
  ///   - question: What stands before each, where results do not have it as the row's second text.
  init(_ logits: some Collection<Float>, choices: [String], question: String? = nil) {
    (self.choices, self.question) = (choices, question)
    let probabilities = logits.softmax()
    scores = probabilities
    choice = probabilities.indices.max { (probabilities[$0], $1) < (probabilities[$1], $0) } ?? 0
  }

  public var answer: JSON { JSON(choice) }
  public var columns: [String] {
    [
      String(choice), String(format: "%.4f", scores[choice]),
      choices[choice].split(whereSeparator: \.isWhitespace).joined(separator: " "),
    ] + [question].compactMap(\.self)
  }
  public var members: OrderedDictionary<String, JSON> {
    var members: OrderedDictionary<String, JSON> = [:]
    members["question"] = question.map { .string($0) }
    members["choices"] = .array(choices.map { .string($0) })
    members["prediction"] = JSON(choice)
    members["choice"] = .string(choices[choice])
    members["score"] = JSON(scores[choice])
    members["scores"] = .array(scores.map { JSON($0) })
    return members
  }
}
