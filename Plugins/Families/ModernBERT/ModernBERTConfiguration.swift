import GraftCompute
import GraftCore
import GraftTensors
import PostNormEncoder

/// The numbers of a ModernBERT encoder, with the defaults of `ModernBertConfig`, in the keys of transformers 5 and in
/// those of the files before it.
struct ModernBERTConfiguration {
  /// What a layer's tokens see.
  enum Layer: Hashable {
    /// Their whole sequence.
    case global
    /// The tokens around them.
    case local
  }

  let numbers: EncoderConfiguration
  let layers: [Layer]
  /// How far a token sees in both directions in a local layer.
  let window: Int
  /// The bases of rotary positions.
  let bases: [Layer: Float]
  /// Which layers have biases.
  let biases: (norms: Bool, attention: Bool, feedForward: Bool)
  let embeddingDropout: Float
  /// How many standard deviations new weights are at most away from 0.
  private let cutoff: Double

  init(_ configuration: Configuration) throws {
    numbers = try EncoderConfiguration(
      configuration.filling([
        "max_position_embeddings": 8192, "layer_norm_eps": 1e-5, "hidden_dropout_prob": 0,
        "attention_probs_dropout_prob": 0,
      ]))
    guard (numbers.hiddenSize / numbers.headCount).isMultiple(of: 2) else {
      throw configuration.unsupported(
        "num_attention_heads", expected: "heads of even width",
        found: "\(numbers.hiddenSize / numbers.headCount)")
    }
    layers = try configuration.modernBERTLayers(count: numbers.layerCount)
    window = try configuration.size("local_attention", default: 128) / 2
    bases = [
      .global: try configuration.rotaryBase(
        "full_attention", key: "global_rope_theta", default: 160_000),
      .local: try configuration.localRotaryBase,
    ]
    biases = (
      try configuration.bool("norm_bias", default: false),
      try configuration.bool("attention_bias", default: false),
      try configuration.bool("mlp_bias", default: false)
    )
    embeddingDropout = try configuration.probability("embedding_dropout", default: 0)
    cutoff = try configuration.number("initializer_cutoff_factor", default: 2)
    // What lies further out is drawn again, until something does not.
    guard cutoff >= 0.1 else {
      throw GraftError(
        .malformed, "wrong value", file: "config.json", subject: "key 'initializer_cutoff_factor'",
        expected: "at least 0.1", found: "\(cutoff)")
    }
  }

  /// How a matrix starts.
  ///
  /// - Parameter ofOutputs: Whether what it computes is added to the stream of all layers.
  func initializer(ofOutputs: Bool = false) -> Initializer {
    let share = ofOutputs ? 1 / (2 * Double(numbers.layerCount)).squareRoot() : 1
    return .truncatedNormal(deviation: share * numbers.initializerRange, cutoff: cutoff)
  }
}

extension Configuration {
  /// `layer_types`, or as older files say it, how many layers there are to a global one.
  fileprivate func modernBERTLayers(count: Int) throws -> [ModernBERTConfiguration.Layer] {
    guard let types = self["layer_types"] else {
      let pace = try size("global_attn_every_n_layers", default: 3)
      return (0..<count).map { $0.isMultiple(of: pace) ? .global : .local }
    }
    let names: KeyValuePairs<String, ModernBERTConfiguration.Layer> = [
      "full_attention": .global, "sliding_attention": .local,
    ]
    let layers = types.array?.compactMap { type in names.first { $0.key == type.string }?.value }
    guard let layers, layers.count == count, types.array?.count == count else {
      throw GraftError(
        .malformed, "wrong value", file: "config.json", subject: "key 'layer_types'",
        expected: "\(count) of \(names.map(\.key).joined(separator: ", "))", found: types.text())
    }
    return layers
  }

  /// Files before transformers 5 may have null, which means the base of global layers.
  fileprivate var localRotaryBase: Float {
    get throws {
      let isNull = values["local_rope_theta"] == .null && self["rope_parameters"] == nil
      return isNull
        ? try rotaryBase("full_attention", key: "global_rope_theta", default: 160_000)
        : try rotaryBase("sliding_attention", key: "local_rope_theta", default: 10_000)
    }
  }

  /// What classifiers read: the first token's state, or the mean of all.
  var modernBERTPooling: HeadLayers.Input {
    get throws {
      switch try string("classifier_pooling", default: "cls") {
      case "cls": return .firstToken
      case "mean": return .mean
      case let other:
        throw unsupported("classifier_pooling", expected: "cls or mean", found: other)
      }
    }
  }
}
