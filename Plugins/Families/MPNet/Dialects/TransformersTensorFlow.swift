import GraftCore
import PostNormEncoder

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
    initializesPooler: true,
    heads: tensorFlowRobertaHeads(base: "mpnet", hasTokenTypes: false)
  )
}
