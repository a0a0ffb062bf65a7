import GraftCompute
import GraftCore
import GraftTensors
import PostNormEncoder

/// The MPNet encoder: RoBERTa's without token types, with a bias of attention by the distance of two tokens that all
/// layers share. Song et al., arXiv:2004.09297.
public struct MPNetBackbone: PostNormBackbone {
  public let encoder: PostNormEncoder

  public init(_ configuration: Configuration) throws {
    var traits = PostNormEncoder.Traits()
    traits.hasTokenTypes = false
    // The class has 1 whatever a configuration says.
    traits.paddingID = 1
    let buckets = RelativeBuckets.logarithmic()
    let rows = try configuration.size("relative_attention_num_buckets", default: buckets.count)
    guard rows >= buckets.count else {
      throw GraftError(
        .unsupported, "there are distances without a bias", file: "config.json",
        subject: "key 'relative_attention_num_buckets'", expected: "at least \(buckets.count)",
        found: "\(rows)")
    }
    traits.relativeBias = PostNormEncoder.RelativeBiasTable(rows: rows, buckets: buckets)
    encoder = try PostNormEncoder(configuration, traits)
  }
}

extension Family {
  /// MPNet, with the heads of transformers' classes:
  /// https://github.com/huggingface/transformers/blob/v5.0.0/src/transformers/models/mpnet/modeling_mpnet.py
  public static let mpnet = Family(
    name: "mpnet",
    classPrefix: "MPNet",
    backbone: MPNetBackbone.self,
    pooler: .firstTokenPooler,
    heads: .robertaHeads(dropout: ["hidden_dropout_prob"]),
    dropoutKeys: ["hidden_dropout_prob", "attention_probs_dropout_prob"],
    dialects: [.transformersMPNet, .transformersTensorFlowMPNet, .transformersTensorFlowMPNet.byVariables],
    catalogue: PackageResources.Catalogue_json,
    scratch: PackageResources.Scratch_json
  )
}

/// Registers the MPNet family.
public enum MPNetPlugin: Plugin {
  public static func register(in registry: inout Registry) throws { try registry.add(Family.mpnet) }
}
