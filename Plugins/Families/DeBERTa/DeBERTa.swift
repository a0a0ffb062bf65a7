import GraftCompute
import GraftCore
import GraftTensors
import PostNormEncoder

/// The DeBERTa encoder of versions 2 and 3: BERT's layers, whose attention adds the products of queries and keys with
/// embeddings of the tokens' distance. He et al., arXiv:2006.03654 and arXiv:2111.09543.
///
/// Follows `DebertaV2Model` of transformers:
/// https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/deberta_v2/modeling_deberta_v2.py
public struct DeBERTaBackbone: Backbone {
  private let configuration: DeBERTaConfiguration
  private var numbers: EncoderConfiguration { configuration.numbers }

  public init(_ configuration: Configuration) throws {
    self.configuration = try DeBERTaConfiguration(configuration)
  }

  public var hiddenSize: Int { numbers.hiddenSize }
  public var embeddingSize: Int { configuration.embeddingSize }
  public var vocabularySize: Int { numbers.vocabularySize }
  public var maximumLength: Int { numbers.positionCount }
  public var layerCount: Int { numbers.layerCount }
  public var attentionHeadCount: Int { numbers.headCount }

  public var parameters: [ParameterSpec] {
    let (hidden, intermediate) = (numbers.hiddenSize, numbers.intermediateSize)
    let initializer = Initializer.normal(deviation: numbers.initializerRange)
    func linear(_ name: String, _ inputs: Int, _ outputs: Int) -> [ParameterSpec] {
      ParameterSpec.linear(name, in: inputs, out: outputs, deviation: numbers.initializerRange)
    }
    func table(_ name: String, rows: Int) -> ParameterSpec {
      ParameterSpec("embeddings.\(name).weight", [rows, embeddingSize], initializer)
    }
    var specs = [
      ParameterSpec(
        wordEmbedding, [vocabularySize, embeddingSize],
        numbers.paddingID.map(initializer.zeroingRow) ?? initializer)
    ]
    if configuration.hasPositions { specs.append(table("position", rows: numbers.positionCount)) }
    if configuration.tokenTypeCount > 0 {
      specs.append(table("token_type", rows: configuration.tokenTypeCount))
    }
    if embeddingSize != hidden {
      specs.append(ParameterSpec("embeddings.projection.weight", [hidden, embeddingSize], initializer))
    }
    specs += ParameterSpec.layerNorm("embeddings.norm", hidden)
    for layer in 0..<numbers.layerCount {
      let name = "layers.\(layer)"
      for projection in ["query", "key", "value"] + positionProjections + ["output"] {
        specs += linear("\(name).attention.\(projection)", hidden, hidden)
      }
      specs += ParameterSpec.layerNorm("\(name).attention.norm", hidden)
      specs += linear("\(name).feed_forward.intermediate", hidden, intermediate)
      specs += linear("\(name).feed_forward.output", intermediate, hidden)
      specs += ParameterSpec.layerNorm("\(name).feed_forward.norm", hidden)
    }
    if let relative = configuration.relative {
      var embeddings = [ParameterSpec("relative.weight", [2 * relative.distances.span, hidden], initializer)]
      if relative.isNormalized { embeddings += ParameterSpec.layerNorm("relative.norm", hidden) }
      let isUsed = relative.hasContentToPosition || relative.hasPositionToContent
      specs += isUsed ? embeddings : embeddings.map(\.unused)
    }
    if let convolution = configuration.convolution {
      specs += [
        ParameterSpec("convolution.weight", [hidden, hidden, convolution.width], initializer),
        ParameterSpec("convolution.bias", [hidden], .zeros),
      ]
      specs += ParameterSpec.layerNorm("convolution.norm", hidden)
    }
    return specs
  }

  /// The projections that relative embeddings have of their own.
  private var positionProjections: [String] {
    guard let relative = configuration.relative, !relative.sharesProjections else { return [] }
    return (relative.hasContentToPosition ? ["position_key"] : [])
      + (relative.hasPositionToContent ? ["position_query"] : [])
  }

  public func forward(_ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Variable {
    let embedded = try embeddings(batch, scope["embeddings"], tape)
    let relative = try relativeEmbeddings(batch, scope["relative"], tape)
    var x = embedded
    for layer in 0..<numbers.layerCount {
      x = try attention(x, relative, batch, scope["layers"][layer]["attention"], tape)
      x = try feedForward(x, scope["layers"][layer]["feed_forward"], tape)
      if layer == 0, let convolution = configuration.convolution {
        x = try convolve(embedded, convolution, addingTo: x, batch, scope["convolution"], tape)
      }
    }
    return x
  }

  /// Word, and position and token type where there are such; projection, LayerNorm, dropout: `[tokens, hidden]`.
  private func embeddings(_ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Variable {
    var lookups: [(table: Variable, ids: RowIndices)] = [(try scope["word"].weight, batch.ids)]
    func add(_ name: String, _ ids: RowIndices, below count: Int, _ subject: String) throws {
      if let stray = ids.first(where: { $0 < 0 || $0 >= count }) {
        throw GraftError(
          .mismatch, "\(subject) is outside the model's table", expected: "0 ..< \(count)",
          found: "\(stray)")
      }
      lookups.append((try scope[name].weight, ids))
    }
    if configuration.hasPositions {
      try add("position", batch.positions, below: numbers.positionCount, "a token's position")
    }
    if configuration.tokenTypeCount > 0 {
      try add("token_type", batch.tokenTypes, below: configuration.tokenTypeCount, "a token type id")
    }
    let dropout = numbers.hiddenDropout
    guard embeddingSize != hiddenSize else {
      return try tape.normalizedEmbeddingSum(
        lookups, scope["norm"], epsilon: numbers.layerNormEpsilon, dropout: dropout)
    }
    let projected = try tape.linear(tape.embeddingSum(lookups), scope["projection"], hasBias: false)
    return tape.dropout(
      try tape.layerNorm(projected, scope["norm"], epsilon: numbers.layerNormEpsilon), probability: dropout)
  }

  /// The embeddings of the distances in a batch, and which rows of the table they are.
  private func relativeEmbeddings(
    _ batch: Batch, _ scope: Scope, _ tape: Tape
  ) throws -> (rows: Range<Int>, values: Variable)? {
    guard let relative = configuration.relative,
      relative.hasContentToPosition || relative.hasPositionToContent
    else { return nil }
    var values: Variable = try scope.weight
    var rows = 0..<2 * relative.distances.span
    // A graph is for sequences of any length.
    if tape.trace == nil {
      let positions = batch.positions.values
      let longest = zip(batch.offsets, batch.offsets.dropFirst()).reduce(0) { longest, ends in
        ends.0 < ends.1 ? max(longest, Int(positions[ends.1 - 1] - positions[ends.0])) : longest
      }
      rows = relative.distances.rows(upTo: longest)
      values = tape.gatherRows(values, RowIndices(rows.map(Int32.init)))
    }
    if relative.isNormalized {
      values = try tape.layerNorm(values, scope["norm"], epsilon: numbers.layerNormEpsilon)
    }
    return (rows, values)
  }

  /// Disentangled self-attention, projection, dropout, residual, LayerNorm: `[tokens, hidden]`.
  private func attention(
    _ x: Variable, _ embeddings: (rows: Range<Int>, values: Variable)?, _ batch: Batch, _ scope: Scope,
    _ tape: Tape
  ) throws -> Variable {
    let projections = try tape.linear(x, scope, together: ["query", "key", "value"])
    let (query, key) = (projections[0], projections[1])
    var scores: Variable?
    if let relative = configuration.relative, let embeddings {
      let values = tape.dropout(embeddings.values, probability: numbers.hiddenDropout)
      let isShared = relative.sharesProjections
      scores = tape.disentangledScores(
        query: query, key: key,
        positionKey: relative.hasContentToPosition
          ? try tape.linear(values, scope[isShared ? "key" : "position_key"]) : nil,
        positionQuery: relative.hasPositionToContent
          ? try tape.linear(values, scope[isShared ? "query" : "position_query"]) : nil,
        rows: embeddings.rows, relative.distances, heads: numbers.headCount, batch,
        scale: configuration.scale)
    }
    let context = tape.attention(
      query: query, key: key, value: projections[2], heads: numbers.headCount,
      offsets: batch.offsets, dropout: numbers.attentionDropout, scale: configuration.scale,
      addedScores: scores)
    return try addAndNormalize(tape.linear(context, scope["output"]), to: x, scope, tape)
  }

  /// Intermediate layer with its activation, output layer, dropout, residual, LayerNorm: `[tokens, hidden]`.
  private func feedForward(_ x: Variable, _ scope: Scope, _ tape: Tape) throws -> Variable {
    let intermediate = try tape.linear(x, scope["intermediate"], activation: numbers.activation)
    return try addAndNormalize(tape.linear(intermediate, scope["output"]), to: x, scope, tape)
  }

  private func addAndNormalize(
    _ output: Variable, to x: Variable, _ scope: Scope, _ tape: Tape
  ) throws -> Variable {
    try tape.layerNorm(
      output, residual: x, dropout: numbers.hiddenDropout, scope["norm"], epsilon: numbers.layerNormEpsilon)
  }

  /// A convolution over the embeddings, dropout, activation, added to `x`, LayerNorm: `[tokens, hidden]`.
  private func convolve(
    _ embedded: Variable, _ convolution: DeBERTaConfiguration.Convolution, addingTo x: Variable,
    _ batch: Batch, _ scope: Scope, _ tape: Tape
  ) throws -> Variable {
    let windows = tape.tokenWindows(embedded, width: convolution.width, batch)
    let convolved = tape.dropout(try tape.linear(windows, scope), probability: numbers.hiddenDropout)
    return try tape.layerNorm(
      tape.activate(convolved, convolution.activation), residual: x, scope["norm"],
      epsilon: numbers.layerNormEpsilon)
  }
}

/// Registers the DeBERTa-v2 family.
public enum DeBERTaPlugin: Plugin {
  public static func register(in registry: inout Registry) throws { try registry.add(Family.debertaV2) }
}
