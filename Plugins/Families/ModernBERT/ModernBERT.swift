import GraftCompute
import GraftCore
import GraftTensors

/// The ModernBERT encoder: norms in front of attention and of a gated feed-forward part, rotary positions, and
/// attention that sees the whole text in some layers and a window in the others. Warner et al., arXiv:2412.13663.
///
/// Follows `ModernBertModel` of transformers:
/// https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/modernbert/modeling_modernbert.py
public struct ModernBERTBackbone: Backbone {
  private let configuration: ModernBERTConfiguration

  public init(_ configuration: Configuration) throws {
    self.configuration = try ModernBERTConfiguration(configuration)
  }

  public var hiddenSize: Int { configuration.numbers.hiddenSize }
  public var vocabularySize: Int { configuration.numbers.vocabularySize }
  public var maximumLength: Int { configuration.numbers.positionCount }
  public var layerCount: Int { configuration.numbers.layerCount }
  public var attentionHeadCount: Int { configuration.numbers.headCount }

  public var parameters: [ParameterSpec] {
    let (numbers, biases) = (configuration.numbers, configuration.biases)
    let (hidden, intermediate) = (numbers.hiddenSize, numbers.intermediateSize)
    func norm(_ name: String) -> [ParameterSpec] {
      ParameterSpec.layerNorm(name, hidden, hasBias: biases.norms)
    }
    func linear(
      _ name: String, _ inputs: Int, _ outputs: Int, _ initializer: Initializer, _ hasBias: Bool
    ) -> [ParameterSpec] {
      let weight = ParameterSpec("\(name).weight", [outputs, inputs], initializer)
      return hasBias ? [weight, ParameterSpec("\(name).bias", [outputs], .zeros)] : [weight]
    }
    // What adds to the stream starts the smaller, the more layers there are.
    let (input, output) = (configuration.initializer(), configuration.initializer(ofOutputs: true))
    var specs = [
      // `ModernBertPreTrainedModel._init_weights` draws the padding token's row too.
      ParameterSpec(wordEmbedding, [numbers.vocabularySize, hidden], input)
    ]
    specs += norm("embeddings.norm")
    for layer in 0..<numbers.layerCount {
      let name = "layers.\(layer)"
      if layer > 0 { specs += norm("\(name).attention.norm") }
      for projection in ["query", "key", "value"] {
        specs += linear("\(name).attention.\(projection)", hidden, hidden, input, biases.attention)
      }
      specs += linear("\(name).attention.output", hidden, hidden, output, biases.attention)
      specs += norm("\(name).feed_forward.norm")
      specs += linear("\(name).feed_forward.intermediate", hidden, intermediate, input, biases.feedForward)
      specs += linear("\(name).feed_forward.gate", hidden, intermediate, input, biases.feedForward)
      specs += linear("\(name).feed_forward.output", intermediate, hidden, output, biases.feedForward)
    }
    return specs + norm("norm")
  }

  public func forward(_ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Variable {
    let numbers = configuration.numbers
    let rotations = configuration.bases.mapValues {
      Rotation(positions: batch.positions, width: numbers.hiddenSize / numbers.headCount, base: $0)
    }
    var x = try tape.normalizedEmbeddingSum(
      [(scope[wordEmbedding].parameter, batch.ids)], scope["embeddings"]["norm"],
      epsilon: numbers.layerNormEpsilon, dropout: configuration.embeddingDropout,
      hasBias: configuration.biases.norms)
    for (layer, kind) in configuration.layers.enumerated() {
      guard let rotation = rotations[kind] else { continue }
      let scope = scope["layers"][layer]
      let normalized = layer > 0 ? try norm(x, scope["attention"]["norm"], tape) : x
      x = tape.add(x, try attention(normalized, kind, rotation, batch, scope["attention"], tape))
      x = tape.add(x, try feedForward(x, scope["feed_forward"], tape))
    }
    return try norm(x, scope["norm"], tape)
  }

  private func norm(_ x: Variable, _ scope: Scope, _ tape: Tape) throws -> Variable {
    try tape.layerNorm(
      x, scope, epsilon: configuration.numbers.layerNormEpsilon, hasBias: configuration.biases.norms)
  }

  /// Self-attention on rotated queries and keys, projection, dropout: `[tokens, hidden]`.
  private func attention(
    _ x: Variable, _ kind: ModernBERTConfiguration.Layer, _ rotation: Rotation, _ batch: Batch,
    _ scope: Scope, _ tape: Tape
  ) throws -> Variable {
    let (heads, hasBias) = (configuration.numbers.headCount, configuration.biases.attention)
    let projections = try tape.linear(x, scope, together: ["query", "key", "value"], hasBias: hasBias)
    let context = tape.attention(
      query: tape.rotary(projections[0], rotation, heads: heads),
      key: tape.rotary(projections[1], rotation, heads: heads),
      value: projections[2],
      heads: heads,
      offsets: batch.offsets,
      dropout: configuration.numbers.attentionDropout,
      window: kind == .local ? configuration.window : nil,
      columns: batch.positions
    )
    return tape.dropout(
      try tape.linear(context, scope["output"], hasBias: hasBias),
      probability: configuration.numbers.attentionDropout)
  }

  /// `W₃(f(W₁ x) · W₂ x)` of the normalized `x`, with dropout in front of `W₃`: `[tokens, hidden]`. Shazeer,
  /// arXiv:2002.05202.
  private func feedForward(_ x: Variable, _ scope: Scope, _ tape: Tape) throws -> Variable {
    let (x, hasBias) = (try norm(x, scope["norm"], tape), configuration.biases.feedForward)
    let intermediate = try tape.linear(
      x, scope["intermediate"], hasBias: hasBias, activation: configuration.numbers.activation)
    let gated = tape.multiply(intermediate, try tape.linear(x, scope["gate"], hasBias: hasBias))
    return try tape.linear(
      tape.dropout(gated, probability: configuration.numbers.hiddenDropout), scope["output"],
      hasBias: hasBias)
  }
}

extension Family {
  /// ModernBERT, with the heads of transformers' classes.
  public static let modernBERT = Family(
    name: "modernbert",
    classPrefix: "ModernBert",
    backbone: ModernBERTBackbone.self,
    heads: [
      FamilyHead("masked-lm") { context in
        let hasBias = try context.configuration.bool("decoder_bias", default: true)
        return try HeadLayers(
          .tokens,
          transform("transform", context.configuration) + [.tiedDecoder(tiesBias: false, bias: hasBias)]
        ).head(context)
      },
      perText("sequence-classification"),
      perToken("token-classification"),
      perToken("question-answering"),
      perText("multiple-choice"),
    ],
    configurationKeys: [
      "hidden_act": "hidden_activation", "layer_norm_eps": "norm_eps", "hidden_dropout_prob": "mlp_dropout",
      "attention_probs_dropout_prob": "attention_dropout",
    ],
    dropoutKeys: ["attention_dropout", "embedding_dropout", "mlp_dropout", "classifier_dropout"],
    dialects: [.transformersModernBERT, .ggufModernBERT],
    catalogue: PackageResources.Catalogue_json,
    scratch: PackageResources.Scratch_json
  )

  /// A head with a number for each output and text.
  private static func perText(_ task: String) -> FamilyHead {
    FamilyHead(task) { context in
      try HeadLayers(
        context.configuration.modernBERTPooling,
        transform("dense", context.configuration) + [
          .dropout(["classifier_dropout"], default: 0), .linear("output", width: .outputs),
        ]
      ).head(context)
    }
  }

  /// A head with a number for each output and token.
  private static func perToken(_ task: String) -> FamilyHead {
    FamilyHead(task) { context in
      try HeadLayers(
        .tokens,
        transform("dense", context.configuration) + [
          .dropout(["classifier_dropout"], default: 0), .linear("output", width: .outputs),
        ]
      ).head(context)
    }
  }

  /// `ModernBertPredictionHead`, which all of its classes have: dense, activation, LayerNorm.
  private static func transform(_ name: String, _ configuration: Configuration) throws -> [HeadLayers.Layer] {
    [
      .linear(
        name, activation: .configured(["classifier_activation"]),
        bias: try configuration.bool("classifier_bias", default: false)),
      .norm("norm", default: 1e-5, bias: try configuration.bool("norm_bias", default: false)),
    ]
  }
}

/// Registers the ModernBERT family.
public enum ModernBERTPlugin: Plugin {
  public static func register(in registry: inout Registry) throws { try registry.add(Family.modernBERT) }
}
