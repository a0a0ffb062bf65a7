import GraftCompute
import GraftTensors

/// An encoder: token ids in, hidden states out.
///
/// A backbone lists its parameters and writes the forward pass over the tape's ops; gradients, loading, saving and
/// training come with Graft. The sketch of one:
///
///     struct MyBackbone: Backbone {
///       init(_ configuration: Configuration) throws { … }
///       var parameters: [ParameterSpec] { … }
///       func forward(_ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Variable { … }
///     }
public protocol Backbone: Sendable {
  /// - Throws: `GraftError` when the configuration asks for what this backbone does not do.
  init(_ configuration: Configuration) throws

  /// The width of hidden states.
  var hiddenSize: Int { get }

  /// The width of the word embedding; ``hiddenSize`` unless the encoder projects it.
  var embeddingSize: Int { get }

  /// The rows of the word embedding.
  var vocabularySize: Int { get }

  /// The most tokens in a sequence.
  var maximumLength: Int { get }

  /// How many layers a token passes through.
  var layerCount: Int { get }

  /// How many stored layers there are: what each `{}` in a ``Dialect`` row runs over. ``layerCount`` alone, unless
  /// layers share parameters or stand in groups.
  var storedLayers: [Int] { get }

  /// The number of attention heads, by which a ``Dialect/Layout`` may divide a weight.
  var attentionHeadCount: Int { get }

  /// Every parameter, in canonical names and a fixed order.
  var parameters: [ParameterSpec] { get }

  /// The canonical name of the word embedding, `[vocabulary, embedding]`, which heads tie to.
  var wordEmbedding: String { get }

  /// The forward pass.
  ///
  /// It may be called with some of a batch's sequences, by several threads at once: a token's state depends on nothing but
  /// its own sequence and the parameters, and the backbone keeps no state that calls change.
  ///
  /// - Parameters:
  ///   - batch: Unpadded sequences, all of a batch or some.
  ///   - scope: The backbone's parameters.
  ///   - tape: The ops.
  /// - Returns: The hidden states, `[tokens, hidden]`.
  func forward(_ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Variable

  /// The rows of ``forward(_:_:_:)`` for each sequence's first token, with the same parameters: what a classifier reads.
  ///
  /// Called where nothing is recorded. By default all tokens are computed; a backbone whose last layer can leave out the
  /// others, once it has attended to them, implements it.
  ///
  /// - Returns: `[sequences, hidden]`. With packed weights the numbers are those of ``forward(_:_:_:)``, bit for bit; a
  ///   backend's own products may round otherwise with fewer rows.
  func firstTokens(_ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Variable
}

extension Backbone {
  public var embeddingSize: Int { hiddenSize }
  public var storedLayers: [Int] { [layerCount] }
  public var attentionHeadCount: Int { 1 }
  public var wordEmbedding: String { "embeddings.word.weight" }

  public func firstTokens(_ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Variable {
    tape.gatherRows(try forward(batch, scope, tape), batch.firstTokens)
  }
}

/// What heads read.
public struct BackboneOutput {
  /// The sequences whose tokens have a state: the batch's, or those of its first tokens alone.
  public let batch: Batch
  /// `[tokens, hidden]`.
  public let hiddenStates: Variable
  /// `[sequences, hidden]`: what the pooler makes of the hidden states; `nil` without one.
  public let pooled: Variable?
  /// `[vocabulary, embedding]`: what a decoder ties to.
  public let wordEmbedding: Variable

  public init(of batch: Batch, hiddenStates: Variable, pooled: Variable?, wordEmbedding: Variable) {
    self.batch = batch
    self.hiddenStates = hiddenStates
    self.pooled = pooled
    self.wordEmbedding = wordEmbedding
  }
}

/// A parameter before it has a value.
public struct ParameterSpec: Sendable {
  /// The canonical name.
  public let name: String
  /// Extents; a linear weight is `[out, in]`.
  public let shape: [Int]
  /// How a new one starts.
  public let initializer: Initializer
  /// Whether the forward pass reads it. A file may lack one that it does not: exporters of graphs leave it out.
  public let isUsed: Bool

  public init(_ name: String, _ shape: [Int], _ initializer: Initializer, isUsed: Bool = true) {
    self.name = name
    self.shape = shape
    self.initializer = initializer
    self.isUsed = isUsed
  }

  /// The same parameter, which the forward pass does not read.
  public var unused: ParameterSpec { ParameterSpec(name, shape, initializer, isUsed: false) }

  /// The weight of a linear layer `in → out`, and its bias unless it has none.
  public static func linear(
    _ name: String, in inputs: Int, out outputs: Int, deviation: Double, hasBias: Bool = true
  ) -> [ParameterSpec] {
    let weight = ParameterSpec("\(name).weight", [outputs, inputs], .normal(deviation: deviation))
    return hasBias ? [weight, ParameterSpec("\(name).bias", [outputs], .zeros)] : [weight]
  }

  /// The weight of a LayerNorm, and its bias unless it has none.
  public static func layerNorm(_ name: String, _ width: Int, hasBias: Bool = true) -> [ParameterSpec] {
    let weight = ParameterSpec("\(name).weight", [width], .ones)
    return hasBias ? [weight, ParameterSpec("\(name).bias", [width], .zeros)] : [weight]
  }

  /// Whether weight decay applies: to matrices, not to biases and LayerNorm.
  public var decays: Bool { shape.count > 1 }
}
