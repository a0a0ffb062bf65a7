import GraftCompute
import GraftCore
import GraftTensors
import PostNormEncoder

/// The numbers of a DeBERTa-v2 encoder, with the defaults of `DebertaV2Config` and of its modules.
struct DeBERTaConfiguration {
  let numbers: EncoderConfiguration
  /// The width of the embeddings.
  let embeddingSize: Int
  /// Whether embeddings have positions.
  let hasPositions: Bool
  /// The rows of the token type table; 0 for none.
  let tokenTypeCount: Int
  /// The terms of attention's scores by distance; `nil` for none.
  let relative: Relative?
  /// What scores are multiplied by.
  let scale: Float
  let convolution: Convolution?

  struct Relative {
    let distances: RelativeDistances
    let hasContentToPosition: Bool
    let hasPositionToContent: Bool
    /// Whether relative embeddings go through the projections of queries and keys, or have their own.
    let sharesProjections: Bool
    let isNormalized: Bool
  }

  /// The convolution over the embeddings that is added behind the first layer.
  struct Convolution {
    /// How many tokens it sees.
    let width: Int
    let activation: Activation
  }

  init(_ configuration: Configuration) throws {
    tokenTypeCount = try configuration.count("type_vocab_size")
    var known = configuration.filling(["layer_norm_eps": 1e-7])
    known["type_vocab_size"] = JSON(max(1, tokenTypeCount))
    numbers = try EncoderConfiguration(known)
    embeddingSize = try configuration.size("embedding_size", default: numbers.hiddenSize)
    hasPositions = try configuration.bool("position_biased_input", default: true)
    let pooler = try configuration.size("pooler_hidden_size", default: numbers.hiddenSize)
    guard pooler == numbers.hiddenSize else {
      throw configuration.unsupported(
        "pooler_hidden_size", expected: "\(numbers.hiddenSize), the hidden size", found: "\(pooler)")
    }

    let terms = try configuration.positionTerms
    let (toPosition, toContent) = (terms.contains("c2p"), terms.contains("p2c"))
    let factor = 1 + (toPosition ? 1 : 0) + (toContent ? 1 : 0)
    scale = 1 / Float(numbers.hiddenSize / numbers.headCount * factor).squareRoot()
    if try configuration.bool("relative_attention", default: false) {
      let most = try configuration.count("max_relative_positions")
      let furthest = most > 0 ? most : numbers.positionCount
      let buckets = try configuration.count("position_buckets")
      guard 2...1_000_000 ~= furthest else {
        throw configuration.unsupported(
          "max_relative_positions", expected: "from 2 to 1000000", found: "\(furthest)")
      }
      guard buckets == 0 || buckets >= 2 && buckets / 2 < furthest - 1 else {
        throw configuration.unsupported(
          "position_buckets", expected: "from 2 to less than twice \(furthest - 1)", found: "\(buckets)")
      }
      let norms = try configuration.string("norm_rel_ebd", default: "none").lowercased()
        .split(separator: "|").map { $0.filter { $0 != " " } }
      relative = Relative(
        distances: RelativeDistances(buckets: buckets > 0 ? buckets : nil, furthest: furthest),
        hasContentToPosition: toPosition, hasPositionToContent: toContent,
        sharesProjections: try configuration.bool("share_att_key", default: false),
        isNormalized: norms.contains("layer_norm"))
    } else {
      relative = nil
    }

    let width = try configuration.count("conv_kernel_size")
    guard width == 0 || !width.isMultiple(of: 2) else {
      throw configuration.unsupported("conv_kernel_size", expected: "an odd number", found: "\(width)")
    }
    let groups = try configuration.size("conv_groups", default: 1)
    guard groups == 1 else {
      throw configuration.unsupported("conv_groups", expected: "1", found: "\(groups)")
    }
    convolution =
      width > 0
      ? Convolution(width: width, activation: try configuration.activation("conv_act", default: "tanh")) : nil
  }
}

extension Configuration {
  /// `pos_att_type`, which is a list, or a text with bars between the terms.
  fileprivate var positionTerms: [String] {
    get throws {
      guard let value = self["pos_att_type"] else { return [] }
      if let list = value.array {
        return try list.map {
          guard let term = $0.string else { throw wrongValue("pos_att_type", "a list of strings", $0) }
          return term
        }
      }
      return try string("pos_att_type", default: "").lowercased().split(separator: "|")
        .map { $0.filter { $0 != " " } }
    }
  }
}
