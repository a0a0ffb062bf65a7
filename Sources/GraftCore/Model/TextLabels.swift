import Foundation
import GraftTensors
import OrderedCollections

/// What a classifier says about a text.
public struct TextLabels: TaskPrediction, Equatable {
  /// The answer in the form of the data's labels: the class of a single label, 0 or 1 for each of several labels,
  /// the values of a regression.
  public let answer: JSON
  /// The most likely label; of several labels, all whose probability is above their threshold; of a regression, none.
  public let labels: [String]
  /// One number for each output: probabilities, or a regression's values.
  public let scores: [Float]
  /// The highest score; a regression's value, of several the first.
  public let score: Float
  /// Whether it is a regression's.
  private let areNumbers: Bool
  /// The names of the outputs.
  private let names: [String]

  /// - Parameters:
  ///   - logits: The scores of one text, `[labels]`.
  ///   - names: The labels, in the order of the outputs.
  ///   - problemType: What the labels mean.
  ///   - thresholds: Of several labels: above which probability each is given; `nil` is a half.
  ///   - isProbability: Whether the number of a regression is shown as the probability of its label.
  public init(
    _ logits: some Collection<Float>, names: [String], problemType: ProblemType, thresholds: [Float]? = nil,
    isProbability: Bool = false
  ) {
    self.names = names
    switch problemType {
    case .singleLabel:
      let probabilities = logits.softmax()
      let best = probabilities.indices.max { (probabilities[$0], $1) < (probabilities[$1], $0) }
      scores = probabilities
      labels = best.map { [names[$0]] } ?? []
      answer = JSON(best ?? 0)
    case .multiLabel:
      let probabilities = logits.map(Self.probability)
      let thresholds = thresholds ?? names.map { _ in 0.5 }
      let isGiven = zip(probabilities, thresholds).map { $0 > $1 }
      scores = probabilities
      labels = zip(names, isGiven).filter(\.1).map(\.0)
      answer = .array(isGiven.map { JSON($0 ? 1 as Float : 0) })
    case .regression:
      scores = isProbability ? logits.map(Self.probability) : Array(logits)
      labels = isProbability ? names : []
      answer = .array(logits.map { JSON($0) })
    }
    areNumbers = problemType == .regression
    score = areNumbers ? scores.first ?? 0 : scores.max() ?? 0
  }

  /// Of one of several labels.
  package static func probability(_ logit: Float) -> Float { 1 / (1 + exp(-logit)) }

  /// Several labels are joined with `|`; none is `-`. Of several numbers, so are their names and they themselves.
  public var columns: [String] {
    func text(_ number: Float) -> String { String(format: "%.4f", number) }
    guard areNumbers, names.count > 1 else {
      return [labels.isEmpty ? "-" : labels.joined(separator: "|"), text(score)]
    }
    return [names.joined(separator: "|"), scores.map(text).joined(separator: "|")]
  }

  /// Of several numbers none is the score: they are there by their names.
  public var members: OrderedDictionary<String, JSON> {
    var members: OrderedDictionary<String, JSON> = ["labels": .array(labels.map { .string($0) })]
    if !areNumbers || names.count == 1 { members["score"] = JSON(score) }
    members["scores"] = .object(
      OrderedDictionary(zip(names, scores).map { ($0, JSON($1)) }) { first, _ in first })
    return members
  }
}
