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
    heads: .firstTokenHeads(dropout: ["hidden_dropout_prob"]),
    dropoutKeys: ["hidden_dropout_prob", "attention_probs_dropout_prob"],
    dialects: [.transformersMPNet, .transformersTensorFlowMPNet],
    catalogue: PackageResources.Catalogue_json,
    scratch: PackageResources.Scratch_json
  )
}

extension Dialect {
  /// MPNet as `transformers` names it, in safetensors, PyTorch and ONNX files.
  static let transformersMPNet = Dialect(
    name: "transformers",
    backbonePrefixes: ["mpnet.", ""],
    wrappers: ["module."],
    synonyms: transformersSynonyms,
    dropped: transformersBuffers,
    backbone: [
      [
        Row("embeddings.word.weight", "embeddings.word_embeddings.weight"),
        Row("embeddings.position.weight", "embeddings.position_embeddings.weight"),
      ],
      Row.linear("embeddings.norm", "embeddings.LayerNorm"),
      Row.linear("layers.{}.attention.query", "encoder.layer.{}.attention.attn.q"),
      Row.linear("layers.{}.attention.key", "encoder.layer.{}.attention.attn.k"),
      Row.linear("layers.{}.attention.value", "encoder.layer.{}.attention.attn.v"),
      Row.linear("layers.{}.attention.output", "encoder.layer.{}.attention.attn.o"),
      Row.linear("layers.{}.attention.norm", "encoder.layer.{}.attention.LayerNorm"),
      Row.linear("layers.{}.feed_forward.intermediate", "encoder.layer.{}.intermediate.dense"),
      Row.linear("layers.{}.feed_forward.output", "encoder.layer.{}.output.dense"),
      Row.linear("layers.{}.feed_forward.norm", "encoder.layer.{}.output.LayerNorm"),
      [Row("relative_bias.weight", "encoder.relative_attention_bias.weight")],
    ],
    pooler: transformersPooler,
    heads: transformersFirstTokenHeads
  )
}

extension Dialect {
  /// MPNet as transformers' TensorFlow classes stored it until version 4, in `tf_model.h5`. All of them have a pooler.
  ///
  /// https://github.com/huggingface/transformers/blob/v4.49.0/src/transformers/models/mpnet/modeling_tf_mpnet.py
  static let transformersTensorFlowMPNet = transformersTensorFlow(
    base: "mpnet",
    backbone: [
      tensorFlowEmbeddings(hasTokenTypes: false),
      Row.pair("layers.{}.attention.query", "encoder/layer_._{}/attention/attn/q", .denseOutputs),
      Row.pair("layers.{}.attention.key", "encoder/layer_._{}/attention/attn/k", .denseOutputs),
      Row.pair("layers.{}.attention.value", "encoder/layer_._{}/attention/attn/v", .denseOutputs),
      Row.pair("layers.{}.attention.output", "encoder/layer_._{}/attention/attn/o", .denseOutputs),
      Row.pair("layers.{}.attention.norm", "encoder/layer_._{}/attention/LayerNorm", .normOutputs),
      Row.pair("layers.{}.feed_forward.intermediate", "encoder/layer_._{}/intermediate/dense", .denseOutputs),
      Row.pair("layers.{}.feed_forward.output", "encoder/layer_._{}/output/dense", .denseOutputs),
      Row.pair("layers.{}.feed_forward.norm", "encoder/layer_._{}/output/LayerNorm", .normOutputs),
      [Row("relative_bias.weight", "encoder/relative_attention_bias/embeddings:0")],
    ],
    pooler: Row.pair("pooler", "pooler/dense", .denseOutputs),
    heads: tensorFlowFirstTokenHeads(base: "mpnet", hasTokenTypes: false)
  )
}

/// Registers the MPNet family.
public enum MPNetPlugin: Plugin {
  public static func register(in registry: inout Registry) throws { try registry.add(Family.mpnet) }
}
