import Foundation
import GraftCompute
import GraftCore
import GraftKit
import GraftPlugins
import GraftTensors
import TestSupport
import Testing

@testable import MultipleChoice

/// What is computed of questions whose numbers of choices differ.
@Suite("Questions with different numbers of choices")
struct ChoiceTests {
  private static let counts = [3, 2, 4]
  private static let answers: [Int32] = [2, 0, 1]
  private static let logits: [Float] = [0.3, -1.2, 2, 0.5, 0.4, 3, 3, -2, 0]

  private var questions: [ArraySlice<Float>] {
    [Self.logits[0..<3], Self.logits[3..<5], Self.logits[5..<9]]
  }

  private func probabilities(_ logits: ArraySlice<Float>) -> [Double] {
    let powers = logits.map { exp(Double($0)) }
    return powers.map { $0 / powers.reduce(0, +) }
  }

  @Test(
    "the loss is the mean of each question's cross-entropy, and its slope what finite differences say",
    arguments: [ClassLoss(), ClassLoss(smoothing: 0.1), ClassLoss(smoothing: 0.2, focalGamma: 1.5)])
  func loss(_ classLoss: ClassLoss) throws {
    let backend = try ReferenceBackend(threads: 1)
    func value(_ logits: [Float]) -> (Double, Tensor?) {
      let scores = Parameter("scores", Tensor(logits, shape: [9, 1]), decays: false)
      let tape = Tape(backend)
      let loss = tape.crossEntropy(scores, groups: Self.counts, classes: Self.answers, classLoss)
      tape.backward(from: loss)
      return (Double(loss.value.item), scores.gradient)
    }
    let (loss, gradient) = value(Self.logits)
    var expected = 0.0
    for (logits, answer) in zip(questions, Self.answers) {
      let p = probabilities(logits)
      for (index, p) in p.enumerated() {
        let target =
          classLoss.smoothing / Double(logits.count)
          + (index == Int(answer) ? 1 - classLoss.smoothing : 0)
        expected -= target * pow(1 - p, classLoss.focalGamma) * log(p) / 3
      }
    }
    #expect(abs(loss - expected) < 1e-6)
    let slopes = try #require(gradient)
    for index in Self.logits.indices {
      var (up, down) = (Self.logits, Self.logits)
      up[index] += 0.01
      down[index] -= 0.01
      let difference = (value(up).0 - value(down).0) / 0.02
      #expect(abs(difference - Double(slopes.buffer[index])) < 1e-4, "\(index)")
    }
  }

  @Test("accuracy, log loss and calibration error, of equal scores the first choice")
  func scores() throws {
    var metrics = Metrics()
    for (logits, answer) in zip(questions, Self.answers) { metrics.add(choice: Int(answer), logits: logits) }
    // The third question's first two choices are equal, and the second would be right.
    #expect(metrics.means["accuracy"] == 2.0 / 3)
    let expected = zip(questions, Self.answers).map { -log(probabilities($0)[Int($1)]) }.reduce(0, +) / 3
    #expect(abs(try #require(metrics.means["log_loss"]) - expected) < 1e-9)
    // 0.82 in one bin, 0.52 and 0.48 in another, of which one is right.
    let confidences = questions.map { probabilities($0).max() ?? 0 }
    let error = (abs(confidences[0] - 1) + abs(confidences[1] + confidences[2] - 1)) / 3
    #expect(abs(try #require(metrics.means["expected_calibration_error"]) - error) < 1e-9)
    #expect(Set(metrics.means.keys) == Metrics.namesOfChoices)
  }

  @Test("a batch of several questions says of each what it says alone")
  func batches() throws {
    let registry = try Registry.builtIn()
    let model = try registry.open(fixtures.appending(path: "bert-tiny/multiple-choice")).checkpoint
      .makeModel()
    let rows = [["a win", "oil prices", "water"], ["the game", "a bank"], ["a", "b", "c", "d"]].map {
      choices in
      var row = TextRow("the world of sports")
      row.fields["choices"] = .array(choices.map { .string($0) })
      return row
    }
    func found(_ rows: [TextRow], batchSize: Int) throws -> [ChoicePrediction] {
      try predict(
        InferenceSession(model, backend: ReferenceBackend(threads: 1)),
        on: Dataset(rows, for: model, requiringLabels: false), batchSize: batchSize
      ).compactMap { $0 as? ChoicePrediction }
    }
    let together = try found(rows, batchSize: 3)
    #expect(together.map(\.scores.count) == [3, 2, 4])
    for (row, prediction) in zip(rows, together) {
      let alone = try found([row], batchSize: 1)[0]
      #expect(alone.choice == prediction.choice && alone.choices == prediction.choices)
      #expect(zip(alone.scores, prediction.scores).allSatisfy { abs($0 - $1) < 1e-6 })
      #expect(abs(prediction.scores.reduce(0, +) - 1) < 1e-6)
    }
  }
}
