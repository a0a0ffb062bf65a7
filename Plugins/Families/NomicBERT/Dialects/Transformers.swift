import GraftCore
import PostNormEncoder

extension Dialect {
  /// NomicBERT in files: the names of the model's own code, which transformers writes as well, under `nomic_bert.`
  /// instead of `bert.`.
  static let transformersNomicBERT = Dialect(
    name: "transformers",
    backbonePrefixes: ["nomic_bert.", "bert.", ""],
    wrappers: ["module."],
    dropped: transformersBuffers + rotaryBuffers,
    backbone: [
      [
        Row("embeddings.word.weight", "embeddings.word_embeddings.weight"),
        Row("embeddings.token_type.weight", "embeddings.token_type_embeddings.weight"),
      ],
      Row.linear("embeddings.norm", "emb_ln"),
      [
        Row.stacked(
          ["query", "key", "value"].map { "layers.{}.attention.\($0).weight" },
          "encoder.layers.{}.attn.Wqkv.weight"),
        Row("layers.{}.attention.output.weight", "encoder.layers.{}.attn.out_proj.weight"),
      ],
      Row.linear("layers.{}.attention.norm", "encoder.layers.{}.norm1"),
      [
        Row("layers.{}.feed_forward.intermediate.weight", "encoder.layers.{}.mlp.fc11.weight"),
        Row("layers.{}.feed_forward.gate.weight", "encoder.layers.{}.mlp.fc12.weight"),
        Row("layers.{}.feed_forward.output.weight", "encoder.layers.{}.mlp.fc2.weight"),
      ],
      Row.linear("layers.{}.feed_forward.norm", "encoder.layers.{}.norm2"),
    ],
    pooler: transformersPooler,
    heads: headNames
  )

  /// NomicBERT as transformers' modules are called, whose `state_dict()` and whose traced graphs have these names.
  static let modulesNomicBERT = Dialect(
    name: "transformers-modules",
    backbonePrefixes: ["nomic_bert.", ""],
    wrappers: ["module."],
    dropped: transformersBuffers + rotaryBuffers
      + ["q_proj", "k_proj", "v_proj", "gate_proj", "up_proj"].map {
        Dropped(.ending(".\($0).bias"), "zeros, which PyTorch's exporter adds to layers without a bias")
      },
    backbone: [
      [
        Row("embeddings.word.weight", "embeddings.word_embeddings.weight"),
        Row("embeddings.token_type.weight", "embeddings.token_type_embeddings.weight"),
      ],
      Row.linear("embeddings.norm", "embeddings.LayerNorm"),
      [
        Row("layers.{}.attention.query.weight", "layers.{}.self_attn.q_proj.weight"),
        Row("layers.{}.attention.key.weight", "layers.{}.self_attn.k_proj.weight"),
        Row("layers.{}.attention.value.weight", "layers.{}.self_attn.v_proj.weight"),
        Row("layers.{}.attention.output.weight", "layers.{}.self_attn.o_proj.weight"),
      ],
      Row.linear("layers.{}.attention.norm", "layers.{}.post_attention_layernorm"),
      [
        Row("layers.{}.feed_forward.intermediate.weight", "layers.{}.mlp.up_proj.weight"),
        Row("layers.{}.feed_forward.gate.weight", "layers.{}.mlp.gate_proj.weight"),
        Row("layers.{}.feed_forward.output.weight", "layers.{}.mlp.down_proj.weight"),
      ],
      Row.linear("layers.{}.feed_forward.norm", "layers.{}.post_mlp_layernorm"),
    ],
    pooler: transformersPooler,
    heads: headNames
  )

  private static let rotaryBuffers = [
    Dropped(.ending("inv_freq"), "a buffer, not a parameter")
  ]

  private static let headNames: [String: [Row]] = [
    "masked-lm": Row.linear(
      "masked_lm.transform", "cls.predictions.transform.dense", bias: .optional)
      + Row.linear("masked_lm.norm", "cls.predictions.transform.layer_norm")
      + [
        Row("masked_lm.bias", "cls.predictions.bias", .same, .optional),
        Row(
          "masked_lm.decoder.weight", "cls.predictions.decoder.weight", .same,
          .tied(to: "embeddings.word.weight")),
        Row("masked_lm.decoder.bias", "cls.predictions.decoder.bias", .same, .tied(to: "masked_lm.bias")),
      ],
    "sequence-classification": Row.linear("sequence_classification", "classifier"),
    "token-classification": Row.linear("token_classification", "classifier"),
  ]
}
