import Foundation
import GraftCompute
import GraftCore
import GraftTensors

/// What it costs to round the linear layers of an encoder to int8, measured on texts.
public struct QuantizationCost: Sendable {
  /// A layer of the encoder, with all its linear layers.
  public struct Layer: Sendable {
    /// What it is called where the model is stored, without the names of its linear layers.
    public let name: String
    /// How far the hidden states move when this layer alone is rounded: the length of the difference over their own.
    public let error: Double
    /// What the layer adds to the sum of all squared errors.
    public let share: Double
    /// Whether that is more than twice as much as layers add on average.
    public var isWorthKeeping: Bool { share > 2 * averageShare }
    let averageShare: Double
  }

  /// How near vectors are to those of float32.
  public struct Vectors: Sendable {
    /// The mean and the smallest cosine of a text's two vectors.
    public let meanCosine: Double
    public let worstCosine: Double
    /// Spearman's correlation of the similarities of texts; `nil` where they are constant.
    public let spearman: Double?
  }

  /// A score of labelled rows.
  public struct Score: Sendable {
    /// As ``Evaluation/metrics`` calls it.
    public let name: String
    public let float32: Double
    public let int8: Double
  }

  public let rows: Int
  /// How many rows have no label where others have; they are not scored.
  public let unlabelled: Int
  /// What became of the rows that are scored or compared: how many are cut.
  public let facts: DatasetFacts
  /// What the checkpoint is called that was quantized; `nil` where that is not known.
  public let source: String?
  /// Which layers were rounded, and how large the weights are.
  public let quantization: Quantization
  /// The scores of labelled rows, the one that tells most first; empty where there are no labels.
  public internal(set) var scores: [Score]
  /// The share of rows that are answered alike; `nil` where answers are numbers, or there is no head.
  public let agreement: Double?
  /// The largest difference of a score or value.
  public let largestDifference: Double?
  /// Of an encoder without a head, or with one that learns from vectors.
  public let vectors: Vectors?
  /// How far the hidden states move when all layers are rounded.
  public let error: Double
  /// How many rows the hidden states are of.
  public let sample: Int
  /// In the order of computing; those that are kept in float32 are left out.
  public let layers: [Layer]
}

/// How ``quantizationCost(of:_:on:_:_:progress:)`` measures.
public struct QuantizationCostOptions: Sendable {
  /// The most tokens of a text; `nil` is the model's limit.
  public var maximumLength: Int?
  /// How many tokens the windows of a long text share; `nil` is as the head was trained.
  public var stride: Int?
  /// How labels are counted, and what their column is called.
  public var labels: LabelReading
  /// Of how many rows hidden states are compared, once for each layer.
  public var sample = 64

  public init(maximumLength: Int? = nil, labels: LabelReading = LabelReading()) {
    (self.maximumLength, self.labels) = (maximumLength, labels)
  }
}

/// Measures what rounding costs: the answers of a session in int8 against those of one in float32.
///
/// With labels the scores of both are told, of the rows that have one; without, how many answers are the same. A head that
/// predicts tokens has the perplexity of both, with the same tokens hidden. Each layer of the encoder is also
/// rounded alone.
///
/// - Parameters:
///   - checkpoint: Before it is quantized.
///   - quantization: Which layers are rounded.
///   - rows: Texts, with labels or without.
///   - backend: The compute kernels.
///   - options: How long texts are cut.
///   - progress: Called with what is measured next.
/// - Throws: `GraftError` when there are no rows, a label cannot be read, or the backend has no int8.
public func quantizationCost(
  of checkpoint: Checkpoint, _ quantization: Quantization, on rows: [TextRow], _ backend: any ComputeBackend,
  _ options: QuantizationCostOptions = QuantizationCostOptions(), progress: (String) -> Void = { _ in }
) throws -> QuantizationCost {
  guard !rows.isEmpty else {
    throw GraftError(.missing, "there are no texts to compare on", expected: "a row at least")
  }
  var options = options
  options.stride = options.stride ?? checkpoint.trainedInputs?.stride
  let model = try checkpoint.makeModel()
  let kept = Set(quantization.kept.flatMap(\.parameters))
  let measurement = QuantizationMeasurement(
    model: model, exact: InferenceSession(model, backend: backend, precision: .float32),
    rounded: InferenceSession(model, backend: backend, precision: .int8, keeping: kept), rows: rows,
    options: options)
  guard measurement.rounded.precision == .int8 else {
    throw GraftError(.unsupported, "the backend has no products in int8")
  }
  return try measurement.cost(checkpoint, quantization, progress)
}

private struct QuantizationMeasurement {
  let model: Model
  let exact: InferenceSession
  let rounded: InferenceSession
  let rows: [TextRow]
  let options: QuantizationCostOptions

  /// The rows that have labels; `nil` where none has. Of several labels a text may have none.
  private func labelled() throws -> [TextRow]? {
    let areSeveral = try model.configuration.problemType() == .multiLabel
    let given = rows.filter { $0.label != nil && (areSeveral || $0.label != .text("")) }
    if given.contains(where: { $0.label != .text("") }) { return given }
    return rows.allSatisfy { !$0.fields.isEmpty } ? rows : nil
  }

  func cost(
    _ checkpoint: Checkpoint, _ quantization: Quantization, _ progress: (String) -> Void
  ) throws -> QuantizationCost {
    let task = model.heads.first.map { type(of: $0.task) }
    progress("answers")
    let found: Answers =
      if let task, !task.readsSentenceVectors {
        try answers(task)
      } else {
        try self.vectors(checkpoint.sentences ?? SentencePipeline(pooling: .mean))
      }
    let batches = try sample()
    let states = try self.states(exact, batches)
    var errors: [(name: String, error: Double)] = []
    let linear = Set(quantization.layers.flatMap(\.parameters))
    for block in Self.blocks(quantization.rounded) {
      progress(block.name)
      let alone = InferenceSession(
        model, backend: exact.backend, precision: .int8, keeping: linear.subtracting(block.parameters))
      errors.append((block.name, Self.error(try self.states(alone, batches), states)))
    }
    let all = errors.reduce(0) { $0 + $1.error * $1.error }
    let average = 1 / Double(max(1, errors.count))
    return QuantizationCost(
      rows: rows.count, unlabelled: found.unlabelled, facts: found.facts,
      source: checkpoint.repository ?? checkpoint.source, quantization: quantization,
      scores: found.scores, agreement: found.agreement, largestDifference: found.difference,
      vectors: found.vectors, error: Self.error(try self.states(rounded, batches), states),
      sample: min(rows.count, options.sample),
      layers: errors.map {
        QuantizationCost.Layer(
          name: $0.name, error: $0.error, share: all > 0 ? $0.error * $0.error / all : 0,
          averageShare: errors.count > 2 ? average : 1)
      })
  }

  // MARK: Answers

  private struct Answers {
    let facts: DatasetFacts
    var unlabelled = 0
    var scores: [QuantizationCost.Score] = []
    var agreement: Double?
    var difference: Double?
    var vectors: QuantizationCost.Vectors?
  }

  private func answers(_ task: any GraftCore.Task.Type) throws -> Answers {
    let labelled = task.predictsTokens ? rows : try labelled()
    let data = try Dataset(
      labelled ?? rows, for: model, labels: options.labels,
      maxLength: options.maximumLength,
      stride: options.stride, requiringLabels: labelled != nil, isLengthGiven: false)
    var answers = Answers(facts: data.facts)
    let both: [[any TaskPrediction]]
    if let labelled {
      answers.unlabelled = rows.count - labelled.count
      var settings = EvaluationOptions()
      settings.keepsPredictions = task.predictsRows
      let (first, second) = (
        try evaluate(exact, on: data, options: settings), try evaluate(rounded, on: data, options: settings)
      )
      answers.scores = first.metrics.compactMap { name, value in
        second.metrics[name].map { QuantizationCost.Score(name: name, float32: value, int8: $0) }
      }.sorted { Self.rank($0.name, first) < Self.rank($1.name, first) }
      both = [first.predictions, second.predictions]
    } else {
      both = [try predict(exact, on: data), try predict(rounded, on: data)]
    }
    let pairs = Array(zip(both[0], both[1]))
    let same = pairs.count { $0.0.answer == $0.1.answer }
    answers.difference =
      pairs.flatMap { first, second in
        zip(first.scores, second.scores).map { Double(abs($0 - $1)) }
      }.max()
    // Values are hardly ever the same.
    let areValues = both[0].contains { prediction in
      prediction.answer.array?.contains { $0.double.map { $0 != 0 && $0 != 1 } == true } == true
    }
    answers.agreement = areValues || pairs.isEmpty ? nil : Double(same) / Double(pairs.count)
    return answers
  }

  /// The scores that tell most come first, others by name. Of a regression that is R², which falls when all values move
  /// alike; correlations do not.
  private static func rank(_ name: String, _ evaluation: Evaluation) -> (Int, String) {
    let leading =
      ["perplexity"] + (evaluation.kinds == nil ? ["accuracy"] : [])
      + (evaluation.regression == nil ? [] : ["r2", "mse"])
      + ["f1_micro", "f1", "exact_match", "exact", "spearman", "pearson", "loss"]
    return (leading.firstIndex(of: name) ?? leading.count, name)
  }

  // MARK: Vectors

  private static let mostCompared = 200

  private func vectors(_ pipeline: SentencePipeline) throws -> Answers {
    let settings = EmbeddingOptions(
      pipeline, maximumLength: options.maximumLength ?? pipeline.maximumLength, normalizes: true)
    let (first, second) = (
      try embed(rows, with: exact, settings), try embed(rows, with: rounded, settings)
    )
    let width = first.columns
    func cosine(_ a: Tensor, _ i: Int, _ b: Tensor, _ j: Int) -> Double {
      (0..<width).reduce(0) { $0 + Double(a.pointer[i * width + $1]) * Double(b.pointer[j * width + $1]) }
    }
    let own = rows.indices.map { cosine(first, $0, second, $0) }
    var similarities = RegressionScores(outputs: 1)
    let count = min(rows.count, Self.mostCompared)
    for i in 0..<count {
      for j in 0..<i {
        similarities.add([Float(cosine(second, i, second, j))], targets: [Float(cosine(first, i, first, j))])
      }
    }
    let data = try Dataset(
      rows, for: model, maxLength: settings.limit(of: model), requiringLabels: false, isLengthGiven: false)
    return Answers(
      facts: data.facts,
      vectors: QuantizationCost.Vectors(
        meanCosine: own.reduce(0, +) / Double(own.count), worstCosine: own.min() ?? 1,
        spearman: count > 2 ? similarities.scores.first?.spearman : nil))
  }

  // MARK: Hidden states

  /// Batches of the first rows.
  private func sample() throws -> [Batch] {
    let rows = Array(rows.prefix(options.sample))
    let data = try Dataset(
      rows, for: model, maxLength: options.maximumLength, stride: options.stride, requiringLabels: false)
    return try stride(from: 0, to: data.count, by: 16).map { start in
      Batch(of: try (start..<min(start + 16, data.count)).map { try data.example($0) })
    }
  }

  private func states(_ session: InferenceSession, _ batches: [Batch]) throws -> [Float] {
    try batches.flatMap { batch in
      try session.run { tape in try session.model.encode(batch, tape).hiddenStates.value.values }
    }
  }

  private static func error(_ found: [Float], _ exact: [Float]) -> Double {
    let size = exact.reduce(0.0) { $0 + Double($1) * Double($1) }
    let difference = zip(found, exact).reduce(0.0) {
      $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1))
    }
    return size > 0 ? (difference / size).squareRoot() : 0
  }

  /// The linear layers by the layer of the encoder that they stand in: what has the same name up to its first number.
  private static func blocks(
    _ layers: [Quantization.Layer]
  ) -> [(name: String, parameters: Set<String>)] {
    var blocks: [(name: String, parameters: Set<String>)] = []
    for layer in layers {
      let words = layer.name.split(separator: ".")
      let end = words.firstIndex { $0.allSatisfy(\.isNumber) }.map { $0 + 1 } ?? words.count
      let name = words[..<end].joined(separator: ".")
      if let index = blocks.firstIndex(where: { $0.name == name }) {
        blocks[index].parameters.formUnion(layer.parameters)
      } else {
        blocks.append((name, Set(layer.parameters)))
      }
    }
    return blocks
  }
}
