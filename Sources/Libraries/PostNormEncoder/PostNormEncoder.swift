import GraftCompute
import GraftCore
import GraftTensors

/// The encoder that BERT and many families after it have: embeddings, then layers of attention and feed-forward, each
/// with dropout, a residual and a LayerNorm behind it. Vaswani et al., arXiv:1706.03762; Devlin et al.,
/// arXiv:1810.04805.
///
/// Follows `BertModel` of transformers:
/// https://github.com/huggingface/transformers/blob/v5.0.0/src/transformers/models/bert/modeling_bert.py
public struct PostNormEncoder: Sendable {
  public let configuration: EncoderConfiguration
  private let traits: Traits
  private let epsilon: Float

  /// Where families differ.
  public struct Traits: Sendable {
    /// Whether tokens have types.
    public var hasTokenTypes = true
    /// Whether there is dropout behind the attention's output layer.
    public var dropsAttentionOutput = true
    /// The id of the padding token, in a family whose positions count the tokens that are no padding, from the row
    /// behind that id on; `nil` counts columns from 0 on.
    public var paddingID: Int32?
    /// The epsilon of every LayerNorm, in a family whose classes fix it; `nil` is the configuration's.
    public var layerNormEpsilon: Float?

    /// Those of BERT.
    public init() {}
  }

  /// - Throws: `GraftError` when the configuration is not usable.
  public init(_ configuration: Configuration, _ traits: Traits = Traits()) throws {
    self.configuration = try EncoderConfiguration(configuration)
    self.traits = traits
    epsilon = traits.layerNormEpsilon ?? self.configuration.layerNormEpsilon
    if let padding = traits.paddingID, Int(padding) + 1 >= self.configuration.positionCount {
      throw GraftError(
        .mismatch, "there are no positions behind the padding token's", file: "config.json",
        subject: "key 'max_position_embeddings'", expected: "more than \(padding + 1)",
        found: "\(self.configuration.positionCount)")
    }
  }

  /// The most tokens in a sequence.
  public var maximumLength: Int {
    configuration.positionCount - (traits.paddingID.map { Int($0) + 1 } ?? 0)
  }

  public var parameters: [ParameterSpec] {
    let (hidden, intermediate) = (configuration.hiddenSize, configuration.intermediateSize)
    let deviation = configuration.initializerRange
    func table(_ name: String, rows: Int) -> ParameterSpec {
      let initializer = Initializer.normal(deviation: deviation)
      let padding = traits.paddingID.map { Int($0) }
      return ParameterSpec(
        "embeddings.\(name).weight", [rows, hidden], padding.map(initializer.zeroingRow) ?? initializer)
    }
    func linear(_ name: String, _ inputs: Int, _ outputs: Int) -> [ParameterSpec] {
      ParameterSpec.linear(name, in: inputs, out: outputs, deviation: deviation)
    }
    var specs = [
      table("word", rows: configuration.vocabularySize), table("position", rows: configuration.positionCount),
    ]
    if traits.hasTokenTypes {
      specs.append(
        ParameterSpec(
          "embeddings.token_type.weight", [configuration.tokenTypeCount, hidden],
          .normal(deviation: deviation)))
    }
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
    return specs
  }

  /// The hidden states of a batch, `[tokens, hidden]`.
  ///
  /// - Throws: `GraftError` when a token type or a position is beyond its table.
  public func forward(_ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Variable {
    var x = try embeddings(batch, scope["embeddings"], tape)
    for layer in 0..<configuration.layerCount {
      x = try attention(x, batch, scope["layers"][layer]["attention"], tape)
      x = try feedForward(x, scope["layers"][layer]["feed_forward"], tape)
    }
    return x
  }

  /// Word + position + token type, LayerNorm, dropout: `[tokens, hidden]`.
  private func embeddings(_ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Variable {
    let positions = traits.paddingID.map(batch.positions(after:)) ?? batch.positions
    try check(positions, below: configuration.positionCount, "a token's position")
    var lookups: [(table: Variable, ids: RowIndices)] = [
      (try scope["word"].weight, batch.ids), (try scope["position"].weight, positions),
    ]
    if traits.hasTokenTypes {
      try check(batch.tokenTypes, below: configuration.tokenTypeCount, "a token type id")
      lookups.append((try scope["token_type"].weight, batch.tokenTypes))
    }
    return try tape.normalizedEmbeddingSum(
      lookups, scope["norm"], epsilon: epsilon, dropout: configuration.hiddenDropout)
  }

  private func check(_ indices: RowIndices, below count: Int, _ subject: String) throws {
    guard let stray = indices.first(where: { $0 < 0 || $0 >= count }) else { return }
    throw GraftError(
      .mismatch, "\(subject) is outside the model's table", expected: "0 ..< \(count)", found: "\(stray)")
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
    let dropout = traits.dropsAttentionOutput ? configuration.hiddenDropout : 0
    return try addAndNormalize(tape.linear(context, scope["output"]), to: x, dropout: dropout, scope, tape)
  }

  /// Intermediate layer with its activation, output layer, dropout, residual, LayerNorm: `[tokens, hidden]`.
  private func feedForward(_ x: Variable, _ scope: Scope, _ tape: Tape) throws -> Variable {
    let intermediate = try tape.linear(x, scope["intermediate"], activation: configuration.activation)
    return try addAndNormalize(
      tape.linear(intermediate, scope["output"]), to: x, dropout: configuration.hiddenDropout, scope, tape)
  }

  /// Dropout, residual, LayerNorm: `[tokens, hidden]`.
  private func addAndNormalize(
    _ output: Variable, to x: Variable, dropout: Float, _ scope: Scope, _ tape: Tape
  ) throws -> Variable {
    try tape.layerNorm(
      output, residual: x, dropout: dropout, scope["norm"], epsilon: epsilon)
  }
}

/// A backbone that is a ``PostNormEncoder``.
public protocol PostNormBackbone: Backbone {
  var encoder: PostNormEncoder { get }
}

extension PostNormBackbone {
  public var hiddenSize: Int { encoder.configuration.hiddenSize }
  public var vocabularySize: Int { encoder.configuration.vocabularySize }
  public var maximumLength: Int { encoder.maximumLength }
  public var layerCount: Int { encoder.configuration.layerCount }
  public var attentionHeadCount: Int { encoder.configuration.headCount }
  public var parameters: [ParameterSpec] { encoder.parameters }

  public func forward(_ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Variable {
    try encoder.forward(batch, scope, tape)
  }
}

extension HeadLayers {
  /// The pooler of BERT: the first token's state through a dense layer and tanh.
  public static let firstTokenPooler = HeadLayers(.firstToken, [.linear("", activation: .fixed(.tanh))])
}
