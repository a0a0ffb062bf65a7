import GraftCompute
import GraftCore
import GraftTensors

/// The numbers of a ``PostNormEncoder``, read from `config.json` with the defaults of `BertConfig` where the family
/// has no others.
public struct EncoderConfiguration: Sendable {
  public let vocabularySize: Int
  public let hiddenSize: Int
  /// The width of the embeddings.
  public let embeddingSize: Int
  public let layerCount: Int
  public let headCount: Int
  public let intermediateSize: Int
  /// The rows of the position table.
  public let positionCount: Int
  /// The rows of the token type table.
  public let tokenTypeCount: Int
  public let activation: Activation
  public let layerNormEpsilon: Float
  /// Dropout after embeddings and sublayers.
  public let hiddenDropout: Float
  /// Dropout of attention weights.
  public let attentionDropout: Float
  /// The padding token's id, whose row of the word embedding starts as 0; `nil` for none.
  public let paddingID: Int?
  /// The standard deviation of new weights.
  public let initializerRange: Double

  /// - Parameters:
  ///   - configuration: The checkpoint's.
  ///   - traits: What the family has where it says nothing.
  /// - Throws: `GraftError` naming the key that is missing, malformed, or asks for what the encoder does not have.
  public init(
    _ configuration: Configuration, _ traits: PostNormEncoder.Traits = PostNormEncoder.Traits()
  ) throws {
    vocabularySize = try configuration.size("vocab_size")
    hiddenSize = try configuration.size("hidden_size")
    embeddingSize =
      switch traits.embeddings {
      case .hidden: hiddenSize
      case .own(let size, _): try configuration.size("embedding_size", default: size)
      }
    layerCount = try configuration.size("num_hidden_layers")
    headCount = try configuration.size("num_attention_heads")
    intermediateSize = try configuration.size("intermediate_size")
    positionCount = try configuration.size("max_position_embeddings", default: 512)
    tokenTypeCount = try configuration.size("type_vocab_size", default: 2)
    activation = try configuration.activation("hidden_act", default: traits.defaultActivation)
    let epsilon = try configuration.number("layer_norm_eps", default: 1e-12)
    guard epsilon >= 0 else {
      throw GraftError(
        .malformed, "wrong value", file: "config.json",
        subject: "key '\(configuration.spelling(of: "layer_norm_eps"))'", expected: "a number, 0 or more",
        found: "\(epsilon)")
    }
    layerNormEpsilon = Float(epsilon)
    hiddenDropout = try configuration.probability("hidden_dropout_prob", default: traits.defaultDropout)
    attentionDropout = try configuration.probability(
      "attention_probs_dropout_prob", default: traits.defaultDropout)
    initializerRange = try configuration.number("initializer_range", default: 0.02)
    paddingID = try configuration.paddingID()

    guard hiddenSize % headCount == 0 else {
      throw GraftError(
        .mismatch,
        "the width does not divide among the attention heads",
        file: "config.json",
        subject: "key '\(configuration.spelling(of: "hidden_size"))'",
        expected: "a multiple of \(configuration.spelling(of: "num_attention_heads")) \(headCount)",
        found: "\(hiddenSize)"
      )
    }
    guard layerCount <= 1000 else {
      throw configuration.unsupported("num_hidden_layers", expected: "at most 1000", found: "\(layerCount)")
    }
    let positions = try configuration.string("position_embedding_type", default: "absolute")
    guard positions == "absolute" else {
      throw configuration.unsupported("position_embedding_type", expected: "absolute", found: positions)
    }
    for key in ["is_decoder", "add_cross_attention"] where try configuration.bool(key, default: false) {
      throw configuration.unsupported(key, expected: "false: an encoder", found: "true")
    }
  }
}
