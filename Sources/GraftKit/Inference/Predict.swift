import Foundation
import GraftCompute
import GraftCore
import GraftTensors

/// What a classifier says about a text.
public struct Prediction: Sendable, Equatable {
  /// What it says, in the form in which data have it: of one label the class, of several 0 or 1 for each, of a
  /// regression the values.
  public let answer: Label
  /// The most likely label; of several labels, all that are more likely than not; of a regression, none.
  public let labels: [String]
  /// One number for each output: probabilities, or a regression's values.
  public let scores: [Float]

  /// The highest score; a regression's first value.
  public var score: Float { problemTypeHasLabels ? scores.max() ?? 0 : scores.first ?? 0 }

  private let problemTypeHasLabels: Bool

  init(_ logits: some Collection<Float>, labels: [String], problemType: ProblemType) {
    problemTypeHasLabels = problemType != .regression
    switch problemType {
    case .singleLabel:
      let largest = logits.max() ?? 0
      let powers = logits.map { exp($0 - largest) }
      let sum = powers.reduce(0, +)
      let probabilities = powers.map { $0 / sum }
      let best = probabilities.indices.max { (probabilities[$0], $1) < (probabilities[$1], $0) }
      scores = probabilities
      self.labels = best.map { [labels[$0]] } ?? []
      answer = .index(Int32(best ?? 0))
    case .multiLabel:
      scores = logits.map { 1 / (1 + exp(-$0)) }
      self.labels = zip(labels, scores).filter { $0.1 > 0.5 }.map(\.0)
      answer = .values(scores.map { $0 > 0.5 ? 1 : 0 })
    case .regression:
      scores = Array(logits)
      self.labels = []
      answer = .values(scores)
    }
  }
}

/// Labels texts with a classifier.
///
/// Texts run longest first, batch by batch; the predictions are in the order of the data.
///
/// - Parameters:
///   - model: A model with a sequence-classification head.
///   - data: Examples; their labels are not looked at.
///   - batchSize: How many texts run together.
///   - backend: The compute kernels.
///   - progress: Called after each batch with the number of examples done.
/// - Throws: `GraftError` when the head does not label whole texts.
public func predict(
  _ model: Model,
  on data: Dataset,
  batchSize: Int = 32,
  backend: any ComputeBackend,
  progress: (Int) throws -> Void = { _ in }
) throws -> [Prediction] {
  let reader = try PredictionReader(model)
  let batching = Batching(model: model, data: data, maskingProbability: 0)
  let pool = MemoryPool()
  var predictions = [Prediction?](repeating: nil, count: data.count)
  var done = 0
  for indices in Batching.sortedByLength(data, batchSize: max(1, batchSize)) {
    let tape = Tape(backend, recording: false, pool: pool)
    let logits = try model.logits(batching.inputs(indices), tape)
    for (index, prediction) in zip(indices, try reader.predictions(logits, count: indices.count)) {
      predictions[index] = prediction
    }
    done += indices.count
    try progress(done)
  }
  return predictions.compactMap { $0 }
}

/// Reads the logits of a head that labels whole texts.
struct PredictionReader {
  private let labels: [String]
  private let problemType: ProblemType

  /// - Throws: `GraftError` when the labels of the model's configuration are broken.
  init(_ model: Model) throws {
    (labels, problemType) = (try model.configuration.labels(), try model.configuration.problemType())
  }

  /// What the head says about each text of a batch.
  ///
  /// - Throws: `GraftError` when the head does not label whole texts.
  func predictions(_ logits: Logits, count: Int) throws -> [Prediction] {
    guard let logits = logits["logits"]?.value, logits.rows == count, logits.columns == labels.count else {
      throw GraftError(
        .mismatch,
        "the active head does not label texts",
        advice: "Swap it: 'graft head swap CKPT --to sequence-classification --labels A,B --output DIR'.")
    }
    return (0..<count).map { row in
      let values = logits.buffer[(row * labels.count)..<((row + 1) * labels.count)]
      return Prediction(values, labels: labels, problemType: problemType)
    }
  }
}
