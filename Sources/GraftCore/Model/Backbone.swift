import GraftCompute

/// An encoder: token ids in, hidden states out.
///
/// A backbone plugin lists its parameters and writes the forward pass over the tape's ops; gradients,
/// loading, saving and training come with Graft. The sketch of one:
///
///     public struct MyBackbone: Backbone {
///       public static let name = "mine"                       // config.json's model_type
///       public static let architecture = "Mine"               // MineModel, MineForMaskedLM, …
///       public init(_ configuration: Configuration) throws { … }
///       public var parameters: [ParameterSpec] { … }
///       public func forward(_ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> BackboneOutput { … }
///     }
public protocol Backbone: Sendable {
  /// `model_type` in `config.json`.
  static var name: String { get }

  /// What class names begin with: `Bert` in `BertForMaskedLM`.
  static var architecture: String { get }

  /// - Throws: ``GraftError`` when the configuration asks for what this backbone does not do.
  init(_ configuration: Configuration) throws

  /// The width of hidden states.
  var hiddenSize: Int { get }

  /// The rows of the word embedding.
  var vocabularySize: Int { get }

  /// The longest sequence.
  var maximumLength: Int { get }

  /// The number of layers: what `{}` in a ``Dialect`` row runs over.
  var layerCount: Int { get }

  /// The number of attention heads, by which a ``Dialect/Layout`` may divide a weight.
  var attentionHeadCount: Int { get }

  /// Every parameter, in canonical names and a fixed order.
  var parameters: [ParameterSpec] { get }

  /// The canonical names that only heads reading ``BackboneOutput/pooled`` need, and checkpoints may lack.
  var poolerParameters: Set<String> { get }

  /// The canonical name of the word embedding, which heads tie to.
  var wordEmbedding: String { get }

  /// The forward pass.
  ///
  /// - Parameters:
  ///   - batch: Unpadded sequences.
  ///   - scope: The backbone's parameters.
  ///   - tape: The ops.
  func forward(_ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> BackboneOutput
}

extension Backbone {
  public var attentionHeadCount: Int { 1 }
}

/// What a backbone computes.
public struct BackboneOutput {
  /// `[tokens, hidden]`.
  public let hiddenStates: Variable
  /// `[sequences, hidden]`: the first token's state through the pooler; `nil` without one.
  public let pooled: Variable?
  /// `[vocabulary, hidden]`: what an MLM decoder ties to.
  public let wordEmbedding: Variable

  public init(hiddenStates: Variable, pooled: Variable?, wordEmbedding: Variable) {
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

  public init(_ name: String, _ shape: [Int], _ initializer: Initializer) {
    self.name = name
    self.shape = shape
    self.initializer = initializer
  }

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
