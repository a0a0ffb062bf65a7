import GraftCompute
import GraftCore
import GraftTensors

/// Predicts masked tokens: transform, LayerNorm, and a decoder tied to the word embedding unless it has a
/// weight of its own. Computes on the selected tokens only. Devlin et al., arXiv:1810.04805, 3.1.
///
/// Follows `BertLMPredictionHead` of transformers:
/// https://github.com/huggingface/transformers/blob/v5.0.0/src/transformers/models/bert/modeling_bert.py
public struct MaskedLMHead: Head {
  public static let name = "masked-lm"
  public static let architecture = "ForMaskedLM"
  public static let pipelineTag: String? = "fill-mask"
  public static let settingKeys = ["tie_word_embeddings", "mlm_hidden_act", "mlm_layer_norm_eps"]

  /// What ``forward(_:_:_:_:)`` calls its logits: `[selected tokens, vocabulary]`.
  public static let logits = "prediction_logits"

  public static let rows: [String: [Dialect.Row]] = [
    "bert/transformers": Dialect.Row.linear("masked_lm.transform", "cls.predictions.transform.dense")
      + Dialect.Row.linear("masked_lm.norm", "cls.predictions.transform.LayerNorm")
      + [
        Dialect.Row("masked_lm.bias", "cls.predictions.bias"),
        Dialect.Row(
          decoderWeight, "cls.predictions.decoder.weight", .same, .tied(to: "embeddings.word.weight")),
        Dialect.Row(decoderBias, "cls.predictions.decoder.bias", .same, .tied(to: "masked_lm.bias")),
      ],
    "bert/transformers-tf": Dialect.Row.pair(
      "masked_lm.transform", "\(tensorFlow)/mlm___cls/predictions/transform/dense", .denseOutputs)
      + Dialect.Row.pair(
        "masked_lm.norm", "\(tensorFlow)/mlm___cls/predictions/transform/LayerNorm", .normOutputs)
      + [Dialect.Row("masked_lm.bias", "\(tensorFlow)/mlm___cls/predictions/bias:0")]
      + [
        ("word.weight", "word_embeddings/weight:0"),
        ("position.weight", "position_embeddings/embeddings:0"),
        ("token_type.weight", "token_type_embeddings/embeddings:0"),
        ("norm.weight", "LayerNorm/gamma:0"), ("norm.bias", "LayerNorm/beta:0"),
      ].map { Dialect.Row("embeddings.\($0)", "\(tensorFlow)/bert/embeddings/\($1)", .same, .copy) },
    "bert/google": Dialect.Row.pair("masked_lm.transform", "cls/predictions/transform/dense", .dense)
      + Dialect.Row.pair("masked_lm.norm", "cls/predictions/transform/LayerNorm", .norm)
      + [Dialect.Row("masked_lm.bias", "cls/predictions/output_bias")],
    "bert/keras-hub": Dialect.Row.pair(
      "masked_lm.transform", "layers/masked_lm_head/_intermediate_dense", .denseVariables)
      + Dialect.Row.pair("masked_lm.norm", "layers/masked_lm_head/_intermediate_layer_norm", .normVariables)
      + [Dialect.Row("masked_lm.bias", "layers/masked_lm_head/vars/0")],
  ]

  private static let tensorFlow = "mlm___cls/{scope}"
  private static let decoderWeight = "masked_lm.decoder.weight"
  private static let decoderBias = "masked_lm.decoder.bias"

  private let hiddenSize: Int
  private let vocabularySize: Int
  private let activation: Activation
  private let epsilon: Float
  private let deviation: Double
  private let isTied: Bool

  public init(_ configuration: Configuration, on backbone: any Backbone) throws {
    hiddenSize = backbone.hiddenSize
    vocabularySize = backbone.vocabularySize
    // KerasHub's transform is not computed as its encoder is; everyone else has one setting for both.
    activation = try configuration.activation(
      "mlm_hidden_act", default: configuration.string("hidden_act", default: "gelu"))
    epsilon = Float(
      try configuration.number(
        "mlm_layer_norm_eps", default: configuration.number("layer_norm_eps", default: 1e-12)))
    deviation = try configuration.number("initializer_range", default: 0.02)
    isTied = try configuration.bool("tie_word_embeddings", default: true)
  }

  public var parameters: [ParameterSpec] {
    let tied =
      ParameterSpec.linear("masked_lm.transform", in: hiddenSize, out: hiddenSize, deviation: deviation)
      + ParameterSpec.layerNorm("masked_lm.norm", hiddenSize)
      + [ParameterSpec("masked_lm.bias", [vocabularySize], .zeros)]
    return isTied
      ? tied
      : tied
        + ParameterSpec.linear("masked_lm.decoder", in: hiddenSize, out: vocabularySize, deviation: deviation)
  }

  /// Chooses the tokens to predict and hides them: of every 100 chosen, 80 become `[MASK]`, 10 a random
  /// token, 10 stay. Special tokens are never chosen; at least one other is, when there is any.
  public func prepare(_ batch: inout Batch, examples: [Example], sampler: Sampler) throws {
    guard let mask = sampler.specialTokens.mask else {
      throw GraftError(
        .missing,
        "the tokenizer has no [MASK] token, which masked-language modelling needs"
      )
    }
    let isSpecial = examples.flatMap(\.encoding.isSpecial)
    let candidates = batch.ids.indices.filter { !isSpecial[$0] }
    guard !candidates.isEmpty else {
      throw GraftError(
        .mismatch,
        "a batch has no token that could be masked",
        advice: "Remove empty texts from the data."
      )
    }
    // Every token draws three numbers from its own place, so that one choice does not shift the others.
    func draw(_ token: Int) -> SIMD4<UInt32> { sampler.key.words(UInt32(token)) }
    func fraction(_ word: UInt32) -> Float { Float(word >> 8) * 0x1p-24 }

    var chosen = candidates.filter { fraction(draw($0).x) < sampler.maskingProbability }
    if chosen.isEmpty {
      chosen = [candidates[Int(sampler.key.words(UInt32(batch.tokenCount)).x) % candidates.count]]
    }
    batch.targets[Self.name] = .classes(chosen.map { batch.ids[$0] })
    batch.selectedTokens = chosen.map(Int32.init)
    for token in chosen {
      let words = draw(token)
      switch fraction(words.y) {
      case ..<0.8: batch.ids[token] = mask
      case ..<0.9: batch.ids[token] = Int32((UInt64(words.z) * UInt64(sampler.vocabularySize)) >> 32)
      default: break
      }
    }
  }

  public func forward(_ output: BackboneOutput, _ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Logits
  {
    let scope = scope["masked_lm"]
    let hidden =
      batch.selectedTokens.map { tape.gatherRows(output.hiddenStates, RowIndices($0)) }
      ?? output.hiddenStates
    let transformed = try tape.linear(hidden, scope["transform"], activation: activation)
    let normalized = try tape.layerNorm(transformed, scope["norm"], epsilon: epsilon)
    let decoder = scope["decoder"]
    return [
      Self.logits: tape.linear(
        normalized,
        weight: decoder.exists ? try decoder.weight : output.wordEmbedding,
        bias: decoder.exists ? try decoder.bias : try scope.bias
      )
    ]
  }

  public func loss(_ logits: Logits, _ batch: Batch, _ tape: Tape) throws -> Variable {
    try ClassPredictions(logits, Self.logits, of: Self.self, batch).loss(tape)
  }

  public func score(_ logits: Logits, _ batch: Batch, into metrics: inout Metrics) throws {
    try ClassPredictions(logits, Self.logits, of: Self.self, batch).score(into: &metrics)
  }
}
