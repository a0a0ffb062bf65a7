import GraftCompute
import GraftCore
import GraftTensors
import PostNormEncoder

/// The NomicBERT encoder: layers like BERT's with rotary positions and a gated feed-forward part, without biases but
/// those of LayerNorm. Nussbaum et al., arXiv:2402.01613.
///
/// Follows `NomicBertModel` of transformers:
/// https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/nomic_bert/modeling_nomic_bert.py
public struct NomicBERTBackbone: Backbone {
  private let configuration: EncoderConfiguration
  private let rotaryBase: Float

  public init(_ configuration: Configuration) throws {
    let known = try configuration.nomicBERT
    self.configuration = try EncoderConfiguration(known)
    rotaryBase = try known.nomicBERTRotaryBase
    guard headWidth.isMultiple(of: 2), try known.size("head_dim", default: headWidth) == headWidth else {
      throw known.unsupported(
        "head_dim", expected: "an even number, the width divided by the number of attention heads",
        found: "\(headWidth)")
    }
  }

  private var headWidth: Int { configuration.hiddenSize / configuration.headCount }

  public var hiddenSize: Int { configuration.hiddenSize }
  public var vocabularySize: Int { configuration.vocabularySize }
  public var maximumLength: Int { configuration.positionCount }
  public var layerCount: Int { configuration.layerCount }
  public var attentionHeadCount: Int { configuration.headCount }

  public var parameters: [ParameterSpec] {
    let (hidden, intermediate) = (configuration.hiddenSize, configuration.intermediateSize)
    let deviation = configuration.initializerRange
    func table(_ name: String, rows: Int, padding: Int? = nil) -> ParameterSpec {
      let initializer = Initializer.normal(deviation: deviation)
      return ParameterSpec(
        "embeddings.\(name).weight", [rows, hidden], padding.map(initializer.zeroingRow) ?? initializer)
    }
    func linear(_ name: String, _ inputs: Int, _ outputs: Int) -> [ParameterSpec] {
      ParameterSpec.linear(name, in: inputs, out: outputs, deviation: deviation, hasBias: false)
    }
    var specs = [
      table("word", rows: configuration.vocabularySize, padding: configuration.paddingID),
      table("token_type", rows: configuration.tokenTypeCount),
    ]
    specs += ParameterSpec.layerNorm("embeddings.norm", hidden)
    for layer in 0..<configuration.layerCount {
      let name = "layers.\(layer)"
      for projection in ["query", "key", "value", "output"] {
        specs += linear("\(name).attention.\(projection)", hidden, hidden)
      }
      specs += ParameterSpec.layerNorm("\(name).attention.norm", hidden)
      specs += linear("\(name).feed_forward.intermediate", hidden, intermediate)
      specs += linear("\(name).feed_forward.gate", hidden, intermediate)
      specs += linear("\(name).feed_forward.output", intermediate, hidden)
      specs += ParameterSpec.layerNorm("\(name).feed_forward.norm", hidden)
    }
    return specs
  }

  public func forward(_ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Variable {
    let rotation = Rotation(positions: batch.positions, width: headWidth, base: rotaryBase)
    var x = try embeddings(batch, scope["embeddings"], tape)
    for layer in 0..<configuration.layerCount {
      let scope = scope["layers"][layer]
      x = try attention(x, rotation, batch, scope["attention"], tape)
      x = try feedForward(x, scope["feed_forward"], tape)
    }
    return x
  }

  /// Word + token type, LayerNorm, dropout: `[tokens, hidden]`.
  private func embeddings(_ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Variable {
    let count = configuration.tokenTypeCount
    if let stray = batch.tokenTypes.first(where: { $0 < 0 || $0 >= count }) {
      throw GraftError(
        .mismatch, "a token type id is outside the model's table", expected: "0 ..< \(count)",
        found: "\(stray)")
    }
    return try tape.normalizedEmbeddingSum(
      [(scope["word"].weight, batch.ids), (scope["token_type"].weight, batch.tokenTypes)], scope["norm"],
      epsilon: configuration.layerNormEpsilon, dropout: configuration.hiddenDropout)
  }

  /// Self-attention on rotated queries and keys, projection, dropout, residual, LayerNorm: `[tokens, hidden]`.
  private func attention(
    _ x: Variable, _ rotation: Rotation, _ batch: Batch, _ scope: Scope, _ tape: Tape
  ) throws -> Variable {
    let projections = try tape.linear(x, scope, together: ["query", "key", "value"], hasBias: false)
    let context = tape.attention(
      query: tape.rotary(projections[0], rotation, heads: configuration.headCount),
      key: tape.rotary(projections[1], rotation, heads: configuration.headCount),
      value: projections[2],
      heads: configuration.headCount,
      offsets: batch.offsets,
      dropout: configuration.attentionDropout
    )
    return try addAndNormalize(tape.linear(context, scope["output"], hasBias: false), to: x, scope, tape)
  }

  /// `W₃(f(W₂ x) · W₁ x)`, dropout, residual, LayerNorm: `[tokens, hidden]`. Shazeer, arXiv:2002.05202.
  private func feedForward(_ x: Variable, _ scope: Scope, _ tape: Tape) throws -> Variable {
    let gate = try tape.linear(x, scope["gate"], hasBias: false, activation: configuration.activation)
    let gated = tape.multiply(gate, try tape.linear(x, scope["intermediate"], hasBias: false))
    return try addAndNormalize(tape.linear(gated, scope["output"], hasBias: false), to: x, scope, tape)
  }

  private func addAndNormalize(
    _ output: Variable, to x: Variable, _ scope: Scope, _ tape: Tape
  ) throws -> Variable {
    try tape.layerNorm(
      output, residual: x, dropout: configuration.hiddenDropout, scope["norm"],
      epsilon: configuration.layerNormEpsilon)
  }
}

extension Family {
  /// NomicBERT, with the heads of transformers' classes.
  public static let nomicBERT = Family(
    name: "nomic_bert",
    classPrefix: "NomicBert",
    classAliases: ["NomicBertForPreTraining": "NomicBertForMaskedLM"],
    backbone: NomicBERTBackbone.self,
    pooler: .firstTokenPooler,
    baseHasPooler: false,
    heads: [
      FamilyHead("masked-lm") { context in
        let configuration = try context.configuration.nomicBERT
        let activation = try configuration.activation("hidden_act", default: "silu")
        let bias = try configuration.hasBiasesInDecoder
        return try HeadLayers(
          .tokens,
          [
            .linear("transform", activation: .fixed(activation), bias: bias), .norm("norm"),
            .tiedDecoder(bias: bias),
          ]
        ).head(context)
      },
      FamilyHead(
        "sequence-classification",
        .linear(on: .pooled, dropout: ["classifier_dropout", "hidden_dropout_prob"], default: 0)),
      FamilyHead(
        "token-classification",
        .linear(on: .tokens, dropout: ["classifier_dropout", "hidden_dropout_prob"], default: 0)),
    ],
    // The keys of GPT-2, which the first configurations were derived from.
    legacyKeys: [
      "hidden_size": "n_embd", "num_hidden_layers": "n_layer", "num_attention_heads": "n_head",
      "intermediate_size": "n_inner", "max_position_embeddings": "n_positions",
      "layer_norm_eps": "layer_norm_epsilon", "hidden_dropout_prob": "resid_pdrop",
      "attention_probs_dropout_prob": "attn_pdrop",
    ],
    dropoutKeys: [
      "hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout", "resid_pdrop",
      "attn_pdrop",
    ],
    dialects: [.transformersNomicBERT, .modulesNomicBERT, .ggufNomicBERT],
    catalogue: PackageResources.Catalogue_json,
    scratch: PackageResources.Scratch_json
  )
}

/// Registers the NomicBERT family.
public enum NomicBERTPlugin: Plugin {
  public static func register(in registry: inout Registry) throws { try registry.add(Family.nomicBERT) }
}
