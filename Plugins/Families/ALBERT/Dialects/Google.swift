import GraftCore
import PostNormEncoder

extension Dialect {
  /// ALBERT as Google published it: the variables of a TensorFlow 1 graph, in `model.ckpt-best`.
  ///
  /// https://github.com/google-research/albert/blob/master/modeling.py
  static let googleALBERT = Dialect(
    name: "google",
    backbonePrefixes: ["bert/"],
    dropped: googleSlots,
    files: CheckpointFiles(configuration: .googleALBERT, library: nil),
    backbone: [
      googleEmbeddings,
      Row.pair("embeddings.projection", "encoder/embedding_hidden_mapping_in", .dense),
      Row.pair("layers.{}.{}.attention.query", "\(googleLayer)/attention_1/self/query", .dense),
      Row.pair("layers.{}.{}.attention.key", "\(googleLayer)/attention_1/self/key", .dense),
      Row.pair("layers.{}.{}.attention.value", "\(googleLayer)/attention_1/self/value", .dense),
      Row.pair("layers.{}.{}.attention.output", "\(googleLayer)/attention_1/output/dense", .dense),
      Row.pair("layers.{}.{}.attention.norm", "\(googleLayer)/LayerNorm", .norm),
      Row.pair("layers.{}.{}.feed_forward.intermediate", "\(googleLayer)/ffn_1/intermediate/dense", .dense),
      Row.pair("layers.{}.{}.feed_forward.output", "\(googleLayer)/ffn_1/intermediate/output/dense", .dense),
      Row.pair("layers.{}.{}.feed_forward.norm", "\(googleLayer)/LayerNorm_1", .norm),
    ],
    pooler: Row.pair("pooler", "pooler/dense", .dense, .optional),
    heads: [
      "masked-lm": Row.pair("masked_lm.transform", "cls/predictions/transform/dense", .dense)
        + Row.pair("masked_lm.norm", "cls/predictions/transform/LayerNorm", .norm)
        + [Row("masked_lm.bias", "cls/predictions/output_bias")],
      "sentence-order": Row.pair(
        "sentence_order", "cls/seq_relationship", .init("/output_weights", "/output_bias")),
      "sequence-classification": Row.pair("sequence_classification", "output_", .init("weights", "bias")),
    ]
  )

  private static let googleLayer = "encoder/transformer/group_{}/inner_group_{}"
}

extension ConfigurationFile {
  /// `albert_config.json`. Its `gelu` is the tanh approximation.
  static let googleALBERT = ConfigurationFile(
    name: "albert_config.json",
    constants: ["hidden_act": "gelu"],
    keys: [
      "attention_probs_dropout_prob": "attention_probs_dropout_prob", "embedding_size": "embedding_size",
      "hidden_dropout_prob": "hidden_dropout_prob", "hidden_size": "hidden_size",
      "initializer_range": "initializer_range", "inner_group_num": "inner_group_num",
      "intermediate_size": "intermediate_size", "max_position_embeddings": "max_position_embeddings",
      "num_attention_heads": "num_attention_heads", "num_hidden_groups": "num_hidden_groups",
      "num_hidden_layers": "num_hidden_layers", "type_vocab_size": "type_vocab_size",
      "vocab_size": "vocab_size",
    ],
    implied: ["model_type": "albert", "hidden_act": "gelu_new", "layer_norm_eps": .number("1e-12")],
    equivalents: ["hidden_act": ["gelu_pytorch_tanh", "gelu_fast", "gelu_accurate"]],
    approximations: ["hidden_act": ["gelu", "gelu_python"]],
    completion: { _, standard in
      if standard["hidden_act"] == "gelu" { standard["hidden_act"] = "gelu_new" }
    }
  )
}
