import GraftCompute
import GraftCore
import GraftTensors

/// Labels a whole text: dropout and a linear layer on the pooled first token. The configuration's
/// `problem_type` decides the loss: softmax over labels, a sigmoid for each, or squared error.
///
/// Follows `BertForSequenceClassification` of transformers:
/// https://github.com/huggingface/transformers/blob/v5.0.0/src/transformers/models/bert/modeling_bert.py
public struct SequenceClassificationHead: Head {
  public static let name = "sequence-classification"
  public static let architecture = "ForSequenceClassification"
  public static let needsPooler = true
  public static let hasLabels = true
  public static let pipelineTag: String? = "text-classification"

  /// What ``forward(_:_:_:_:)`` calls its logits: `[sequences, labels]`.
  public static let logits = "logits"

  public static let rows: [String: [Dialect.Row]] = [
    "bert/transformers": Dialect.Row.linear("sequence_classification", "classifier"),
    "bert/transformers-tf": Dialect.Row.pair(
      "sequence_classification", "classifier/{scope}/classifier", .denseOutputs),
    "bert/google": Dialect.Row.pair("sequence_classification", "output_", .init("weights", "bias")),
    "bert/keras-hub": Dialect.Row.pair("sequence_classification", "layers/dense", .denseVariables),
    "bert/gguf": Dialect.Row.linear("sequence_classification", "cls.output"),
  ]

  /// Names of the outputs, in their order.
  public let labels: [String]
  public let problemType: ProblemType
  private let hiddenSize: Int
  private let dropout: Float
  private let deviation: Double

  public init(_ configuration: Configuration, on backbone: any Backbone) throws {
    labels = try configuration.labels()
    problemType = try configuration.problemType()
    hiddenSize = backbone.hiddenSize
    let hiddenDropout = try configuration.number("hidden_dropout_prob", default: 0.1)
    dropout = Float(try configuration.number("classifier_dropout", default: hiddenDropout))
    deviation = try configuration.number("initializer_range", default: 0.02)
  }

  public var parameters: [ParameterSpec] {
    ParameterSpec.linear("sequence_classification", in: hiddenSize, out: labels.count, deviation: deviation)
  }

  public func prepare(_ batch: inout Batch, examples: [Example], sampler: Sampler) throws {
    switch problemType {
    case .singleLabel:
      batch.targets[Self.name] = .classes(
        try examples.map { example in
          guard case .index(let label)? = example.label, labels.indices.contains(Int(label)) else {
            throw mismatch(example.label, "a label's number below \(labels.count)")
          }
          return label
        }
      )
    case .multiLabel, .regression:
      batch.targets[Self.name] = .values(
        try examples.flatMap { example in
          guard case .values(let values)? = example.label, values.count == labels.count else {
            throw mismatch(example.label, "\(labels.count) numbers")
          }
          return values
        },
        width: labels.count
      )
    }
  }

  private func mismatch(_ label: Label?, _ expected: String) -> GraftError {
    GraftError(
      .mismatch,
      "a row's label does not fit \(problemType.rawValue)",
      expected: expected,
      found: label.map { "\($0)" } ?? "no label"
    )
  }

  public func forward(_ output: BackboneOutput, _ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Logits
  {
    let pooled = tape.dropout(try output.requirePooled(Self.name), probability: dropout)
    return [Self.logits: try tape.linear(pooled, scope["sequence_classification"])]
  }

  public func loss(_ logits: Logits, _ batch: Batch, _ tape: Tape) throws -> Variable {
    let (logits, targets) = try predictions(logits, batch)
    return switch (targets, problemType) {
    case (.classes(let classes), _): tape.crossEntropy(logits, classes: classes)
    case (.values(let values, _), .multiLabel): tape.binaryCrossEntropy(logits, targets: values)
    case (.values(let values, _), _): tape.meanSquaredError(logits, targets: values)
    }
  }

  /// Accuracy, precision, recall and F1 of single labels; accuracy over the decisions of several; mean squared
  /// error for regression.
  public func score(_ logits: Logits, _ batch: Batch, into metrics: inout Metrics) throws {
    let (logits, targets) = try predictions(logits, batch)
    switch (targets, problemType) {
    case (.classes(let classes), _):
      metrics.add(actual: classes, predicted: logits.value.largestColumns, classes: labels.count)
    case (.values(let values, _), .multiLabel):
      let hits = zip(logits.value.buffer, values).count { ($0 > 0) == ($1 > 0.5) }
      metrics.add("accuracy", total: Double(hits), weight: Double(values.count))
    case (.values(let values, _), _):
      let error = zip(logits.value.buffer, values).reduce(0.0) { sum, pair in
        sum + Double(pair.0 - pair.1) * Double(pair.0 - pair.1)
      }
      metrics.add("mse", total: error, weight: Double(values.count))
    }
  }

  private func predictions(_ logits: Logits, _ batch: Batch) throws -> (Variable, Targets) {
    guard let values = logits[Self.logits], let targets = batch.targets[Self.name] else {
      throw GraftError(
        .missing,
        "the batch has no labels",
        advice: "Call prepare(_:examples:sampler:) first."
      )
    }
    return (values, targets)
  }
}
