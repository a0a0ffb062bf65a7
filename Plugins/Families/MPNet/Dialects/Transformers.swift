import GraftCore
import PostNormEncoder

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
    heads: transformersRobertaHeads
  )
}
