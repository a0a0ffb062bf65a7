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
  /// The layers that are stored, and their order.
  let layers: LayerOrder
  private let traits: Traits
  private let epsilon: Float

  /// - Throws: `GraftError` when the configuration is not usable.
  public init(_ configuration: Configuration, _ traits: Traits = Traits()) throws {
    self.configuration = try EncoderConfiguration(configuration, traits)
    self.traits = traits
    epsilon = traits.layerNormEpsilon ?? self.configuration.layerNormEpsilon
    layers = traits.layers ?? .each(self.configuration.layerCount)
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

  /// Whether embeddings pass through a linear layer to the width of hidden states.
  private var projectsEmbeddings: Bool {
    switch traits.embeddings {
    case .hidden: false
    case .own(_, let isAlwaysProjected):
      isAlwaysProjected || configuration.embeddingSize != configuration.hiddenSize
    }
  }

  public var parameters: [ParameterSpec] {
    let (hidden, intermediate) = (configuration.hiddenSize, configuration.intermediateSize)
    let embedding = configuration.embeddingSize
    let deviation = configuration.initializerRange
    func table(_ name: String, rows: Int, padding: Int?) -> ParameterSpec {
      let initializer = Initializer.normal(deviation: deviation)
      return ParameterSpec(
        "embeddings.\(name).weight", [rows, embedding], padding.map(initializer.zeroingRow) ?? initializer)
    }
    let counted = traits.paddingID.map { Int($0) }
    func linear(_ name: String, _ inputs: Int, _ outputs: Int) -> [ParameterSpec] {
      ParameterSpec.linear(name, in: inputs, out: outputs, deviation: deviation)
    }
    var specs = [
      table("word", rows: configuration.vocabularySize, padding: counted ?? configuration.paddingID),
      table("position", rows: configuration.positionCount, padding: counted),
    ]
    if traits.hasTokenTypes {
      specs.append(
        ParameterSpec(
          "embeddings.token_type.weight", [configuration.tokenTypeCount, embedding],
          .normal(deviation: deviation)))
    }
    specs += ParameterSpec.layerNorm("embeddings.norm", embedding)
    if projectsEmbeddings { specs += linear("embeddings.projection", embedding, hidden) }
    if let bias = traits.relativeBias {
      specs.append(
        ParameterSpec(
          "relative_bias.weight", [bias.rows, configuration.headCount], .normal(deviation: deviation)))
    }
    for name in layers.names {
      var layer: [ParameterSpec] = []
      for projection in ["query", "key", "value", "output"] {
        layer += linear("\(name).attention.\(projection)", hidden, hidden)
      }
      layer += ParameterSpec.layerNorm("\(name).attention.norm", hidden)
      layer += linear("\(name).feed_forward.intermediate", hidden, intermediate)
      layer += linear("\(name).feed_forward.output", intermediate, hidden)
      layer += ParameterSpec.layerNorm("\(name).feed_forward.norm", hidden)
      // Of more groups than layers, some come in no token's way.
      specs += layers.order.contains(name) ? layer : layer.map(\.unused)
    }
    return specs
  }

  /// The hidden states of a batch, `[tokens, hidden]`.
  ///
  /// - Throws: `GraftError` when a token type or a position is beyond its table.
  public func forward(_ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Variable {
    try forward(batch, wanting: nil, scope, tape)
  }

  /// The hidden states of each sequence's first token, `[sequences, hidden]`.
  ///
  /// - Throws: as ``forward(_:_:_:)``.
  public func firstTokens(_ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Variable {
    try forward(batch, wanting: batch.firstTokens, scope, tape)
  }

  /// - Parameter wanted: The rows that the last layer makes; `nil` for all.
  private func forward(_ batch: Batch, wanting wanted: RowIndices?, _ scope: Scope, _ tape: Tape) throws
    -> Variable
  {
    var x = try embeddings(batch, scope["embeddings"], tape)
    let bias = try traits.relativeBias.map {
      RelativeBias(table: try scope["relative_bias"].weight, buckets: $0.buckets)
    }
    for (place, name) in layers.order.enumerated() {
      let wanted = place == layers.order.count - 1 ? wanted : nil
      x = try attention(x, batch, bias, wanting: wanted, scope[name]["attention"], tape)
      x = try feedForward(x, scope[name]["feed_forward"], tape)
    }
    return x
  }

  /// Word + position + token type, LayerNorm, dropout, projection where there is one: `[tokens, hidden]`.
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
    let sum = try tape.normalizedEmbeddingSum(
      lookups, scope["norm"], epsilon: epsilon, dropout: configuration.hiddenDropout)
    return projectsEmbeddings ? try tape.linear(sum, scope["projection"]) : sum
  }

  private func check(_ indices: RowIndices, below count: Int, _ subject: String) throws {
    guard let stray = indices.first(where: { $0 < 0 || $0 >= count }) else { return }
    throw GraftError(
      .mismatch, "\(subject) is outside the model's table", expected: "0 ..< \(count)", found: "\(stray)")
  }

  /// Self-attention, projection, dropout, residual, LayerNorm: `[tokens, hidden]`, or the wanted rows of it.
  private func attention(
    _ x: Variable, _ batch: Batch, _ bias: RelativeBias?, wanting wanted: RowIndices?, _ scope: Scope,
    _ tape: Tape
  ) throws -> Variable {
    let projections = try tape.linear(x, scope, together: ["query", "key", "value"])
    func rows(_ y: Variable) -> Variable { wanted.map { tape.gatherRows(y, $0) } ?? y }
    let context = tape.attention(
      query: projections[0],
      key: projections[1],
      value: projections[2],
      heads: configuration.headCount,
      offsets: batch.offsets,
      dropout: configuration.attentionDropout,
      bias: bias,
      columns: batch.positions
    )
    let dropout = traits.dropsAttentionOutput ? configuration.hiddenDropout : 0
    return try addAndNormalize(
      tape.linear(rows(context), scope["output"]), to: rows(x), dropout: dropout, scope, tape)
  }

  /// Intermediate layer with its activation, output layer, dropout, residual, LayerNorm: `[tokens, hidden]`.
  private func feedForward(_ x: Variable, _ scope: Scope, _ tape: Tape) throws -> Variable {
    let intermediate = try tape.linear(x, scope["intermediate"], activation: configuration.activation)
    let dropout = traits.dropsFeedForwardOutput ? configuration.hiddenDropout : 0
    return try addAndNormalize(
      tape.linear(intermediate, scope["output"]), to: x, dropout: dropout, scope, tape)
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
  public var embeddingSize: Int { encoder.configuration.embeddingSize }
  public var vocabularySize: Int { encoder.configuration.vocabularySize }
  public var maximumLength: Int { encoder.maximumLength }
  public var layerCount: Int { encoder.layers.order.count }
  public var storedLayers: [Int] { encoder.layers.stored }
  public var attentionHeadCount: Int { encoder.configuration.headCount }
  public var parameters: [ParameterSpec] { encoder.parameters }

  public func forward(_ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Variable {
    try encoder.forward(batch, scope, tape)
  }

  public func firstTokens(_ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Variable {
    try encoder.firstTokens(batch, scope, tape)
  }
}

extension HeadLayers {
  /// The pooler of BERT: the first token's state through a dense layer and tanh.
  public static let firstTokenPooler = HeadLayers(.firstToken, [.linear("", activation: .fixed(.tanh))])
}
