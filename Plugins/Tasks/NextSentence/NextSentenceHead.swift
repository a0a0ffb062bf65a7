import GraftCompute
import GraftCore
import GraftTensors

/// Tells whether the second text of a pair follows the first (class 0) or not (class 1). Devlin et al.,
/// arXiv:1810.04805, 3.1.
public struct NextSentenceHead: Head {
  public static let name = "next-sentence"
  public static let architecture = "ForNextSentencePrediction"
  public static let needsPooler = true

  /// What ``forward(_:_:_:_:)`` calls its logits: `[sequences, 2]`.
  public static let logits = "seq_relationship_logits"

  public static let rows: [String: [Dialect.Row]] = [
    "bert/transformers": Dialect.Row.linear("next_sentence", "cls.seq_relationship"),
    "bert/transformers-tf": Dialect.Row.pair(
      "next_sentence", "nsp___cls/{scope}/nsp___cls/seq_relationship", .denseOutputs),
    "bert/google": Dialect.Row.pair(
      "next_sentence", "cls/seq_relationship", .init("/output_weights", "/output_bias")),
  ]

  private let hiddenSize: Int
  private let deviation: Double

  public init(_ configuration: Configuration, on backbone: any Backbone) throws {
    hiddenSize = backbone.hiddenSize
    deviation = try configuration.number("initializer_range", default: 0.02)
  }

  public var parameters: [ParameterSpec] {
    ParameterSpec.linear("next_sentence", in: hiddenSize, out: 2, deviation: deviation)
  }

  public func prepare(_ batch: inout Batch, examples: [Example], sampler: Sampler) throws {
    batch.targets[Self.name] = .classes(
      try examples.map { example in
        guard case .index(let label)? = example.label, label == 0 || label == 1 else {
          throw GraftError(
            .missing,
            "a row has no label for next-sentence prediction",
            expected: "0 (follows) or 1 (does not)",
            found: example.label.map { "\($0)" } ?? "none"
          )
        }
        return label
      }
    )
  }

  public func forward(_ output: BackboneOutput, _ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Logits
  {
    [Self.logits: try tape.linear(try output.requirePooled(Self.name), scope["next_sentence"])]
  }

  public func loss(_ logits: Logits, _ batch: Batch, _ tape: Tape) throws -> Variable {
    try ClassPredictions(logits, Self.logits, of: Self.self, batch).loss(tape)
  }

  public func score(_ logits: Logits, _ batch: Batch, into metrics: inout Metrics) throws {
    try ClassPredictions(logits, Self.logits, of: Self.self, batch).score(into: &metrics)
  }
}
