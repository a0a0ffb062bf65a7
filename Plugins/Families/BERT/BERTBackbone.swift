import GraftCompute
import GraftCore
import GraftTensors

/// The BERT encoder. Devlin et al., arXiv:1810.04805.
///
/// Follows `BertModel` of transformers:
/// https://github.com/huggingface/transformers/blob/v5.0.0/src/transformers/models/bert/modeling_bert.py
public struct BERTBackbone: Backbone {
  public static let name = "bert"
  public static let architecture = "Bert"

  private let configuration: BERTConfiguration

  public init(_ configuration: Configuration) throws {
    self.configuration = try BERTConfiguration(configuration)
  }

  public var hiddenSize: Int { configuration.hiddenSize }
  public var vocabularySize: Int { configuration.vocabularySize }
  public var maximumLength: Int { configuration.maximumLength }
  public var layerCount: Int { configuration.layerCount }
  public var attentionHeadCount: Int { configuration.headCount }
  public var wordEmbedding: String { "embeddings.word.weight" }
  public var poolerParameters: Set<String> { ["pooler.weight", "pooler.bias"] }

  public var parameters: [ParameterSpec] {
    let (hidden, intermediate) = (configuration.hiddenSize, configuration.intermediateSize)
    let deviation = configuration.initializerRange
    func linear(_ name: String, _ inputs: Int, _ outputs: Int) -> [ParameterSpec] {
      ParameterSpec.linear(name, in: inputs, out: outputs, deviation: deviation)
    }
    var specs = [
      ParameterSpec(
        "embeddings.word.weight",
        [configuration.vocabularySize, hidden],
        .normal(deviation: deviation)
      ),
      ParameterSpec(
        "embeddings.position.weight",
        [configuration.maximumLength, hidden],
        .normal(deviation: deviation)
      ),
      ParameterSpec(
        "embeddings.token_type.weight",
        [configuration.tokenTypeCount, hidden],
        .normal(deviation: deviation)
      ),
    ]
    specs += ParameterSpec.layerNorm("embeddings.norm", hidden)
    for layer in 0..<configuration.layerCount {
      let name = "layers.\(layer)"
      for projection in ["query", "key", "value", "output"] {
        specs += linear("\(name).attention.\(projection)", hidden, hidden)
      }
      specs += ParameterSpec.layerNorm("\(name).attention.norm", hidden)
      specs += linear("\(name).feed_forward.intermediate", hidden, intermediate)
      specs += linear("\(name).feed_forward.output", intermediate, hidden)
      specs += ParameterSpec.layerNorm("\(name).feed_forward.norm", hidden)
    }
    return specs + linear("pooler", hidden, hidden)
  }

  public func forward(_ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> BackboneOutput {
    if let stray = batch.tokenTypes.first(where: { $0 < 0 || $0 >= configuration.tokenTypeCount }) {
      throw GraftError(
        .mismatch,
        "a token type id is outside the model's table",
        expected: "0 ..< \(configuration.tokenTypeCount)",
        found: "\(stray)"
      )
    }
    var x = try embeddings(batch, scope["embeddings"], tape)
    for layer in 0..<configuration.layerCount {
      x = try attention(x, batch, scope["layers"][layer]["attention"], tape)
      x = try feedForward(x, scope["layers"][layer]["feed_forward"], tape)
    }
    let pooler = scope["pooler"]
    let pooled =
      pooler.exists
      ? try tape.linear(tape.gatherRows(x, batch.firstTokens), pooler, activation: .tanh) : nil
    return BackboneOutput(
      hiddenStates: x,
      pooled: pooled,
      wordEmbedding: try scope["embeddings.word"].weight
    )
  }

  /// Word + position + token type, LayerNorm, dropout: `[tokens, hidden]`.
  private func embeddings(_ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Variable {
    try tape.normalizedEmbeddingSum(
      [
        (try scope["word"].weight, batch.ids),
        (try scope["position"].weight, batch.positions),
        (try scope["token_type"].weight, batch.tokenTypes),
      ],
      scope["norm"],
      epsilon: configuration.layerNormEpsilon,
      dropout: configuration.hiddenDropout
    )
  }

  /// Self-attention, projection, dropout, residual, LayerNorm: `[tokens, hidden]`.
  private func attention(_ x: Variable, _ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Variable {
    let context = tape.attention(
      query: try tape.linear(x, scope["query"]),
      key: try tape.linear(x, scope["key"]),
      value: try tape.linear(x, scope["value"]),
      heads: configuration.headCount,
      offsets: batch.offsets,
      dropout: configuration.attentionDropout
    )
    return try addAndNormalize(tape.linear(context, scope["output"]), to: x, scope, tape)
  }

  /// Intermediate layer with its activation, output layer, dropout, residual, LayerNorm: `[tokens, hidden]`.
  private func feedForward(_ x: Variable, _ scope: Scope, _ tape: Tape) throws -> Variable {
    let intermediate = try tape.linear(x, scope["intermediate"], activation: configuration.activation)
    return try addAndNormalize(tape.linear(intermediate, scope["output"]), to: x, scope, tape)
  }

  /// Dropout, residual, LayerNorm: `[tokens, hidden]`.
  private func addAndNormalize(_ output: Variable, to x: Variable, _ scope: Scope, _ tape: Tape) throws
    -> Variable
  {
    try tape.layerNorm(
      output,
      residual: x,
      dropout: configuration.hiddenDropout,
      scope["norm"],
      epsilon: configuration.layerNormEpsilon
    )
  }
}
