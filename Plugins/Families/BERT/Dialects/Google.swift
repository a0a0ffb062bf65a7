import GraftCore

extension Dialect {
  /// BERT as Google published it: the variables of a TensorFlow 1 graph, in `bert_model.ckpt`.
  ///
  /// https://github.com/google-research/bert/blob/master/modeling.py
  public static let googleBERT = Dialect(
    name: "google",
    backbonePrefixes: ["bert/"],
    dropped: [
      Dropped(.ending("/adam_m"), "an optimizer's slot"),
      Dropped(.ending("/adam_v"), "an optimizer's slot"),
      Dropped(.ending("/Adam"), "an optimizer's slot"),
      Dropped(.ending("/Adam_1"), "an optimizer's slot"),
      Dropped(.ending("global_step"), "a training counter"),
      Dropped(.ending("beta1_power"), "an optimizer's state"),
      Dropped(.ending("beta2_power"), "an optimizer's state"),
    ],
    files: CheckpointFiles(configuration: .googleBERT, library: nil),
    backbone: [
      [
        Row("embeddings.word.weight", "embeddings/word_embeddings"),
        Row("embeddings.position.weight", "embeddings/position_embeddings"),
        Row("embeddings.token_type.weight", "embeddings/token_type_embeddings"),
      ],
      Row.pair("embeddings.norm", "embeddings/LayerNorm", .norm),
      Row.pair("layers.{}.attention.query", "encoder/layer_{}/attention/self/query", .dense),
      Row.pair("layers.{}.attention.key", "encoder/layer_{}/attention/self/key", .dense),
      Row.pair("layers.{}.attention.value", "encoder/layer_{}/attention/self/value", .dense),
      Row.pair("layers.{}.attention.output", "encoder/layer_{}/attention/output/dense", .dense),
      Row.pair("layers.{}.attention.norm", "encoder/layer_{}/attention/output/LayerNorm", .norm),
      Row.pair("layers.{}.feed_forward.intermediate", "encoder/layer_{}/intermediate/dense", .dense),
      Row.pair("layers.{}.feed_forward.output", "encoder/layer_{}/output/dense", .dense),
      Row.pair("layers.{}.feed_forward.norm", "encoder/layer_{}/output/LayerNorm", .norm),
    ],
    pooler: Row.pair("pooler", "pooler/dense", .dense, .optional),
    heads: [
      "masked-lm": Row.pair("masked_lm.transform", "cls/predictions/transform/dense", .dense)
        + Row.pair("masked_lm.norm", "cls/predictions/transform/LayerNorm", .norm)
        + [Row("masked_lm.bias", "cls/predictions/output_bias")],
      "next-sentence": Row.pair(
        "next_sentence", "cls/seq_relationship", .init("/output_weights", "/output_bias")),
      "sequence-classification": Row.pair("sequence_classification", "output_", .init("weights", "bias")),
    ]
  )
}

extension ConfigurationFile {
  /// `bert_config.json`: transformers' keys without the model's type and what was never varied.
  static let googleBERT = ConfigurationFile(
    name: "bert_config.json",
    keys: [
      "attention_probs_dropout_prob": "attention_probs_dropout_prob", "hidden_act": "hidden_act",
      "hidden_dropout_prob": "hidden_dropout_prob", "hidden_size": "hidden_size",
      "initializer_range": "initializer_range", "intermediate_size": "intermediate_size",
      "max_position_embeddings": "max_position_embeddings", "num_attention_heads": "num_attention_heads",
      "num_hidden_layers": "num_hidden_layers", "type_vocab_size": "type_vocab_size",
      "vocab_size": "vocab_size",
    ],
    implied: ["model_type": "bert", "layer_norm_eps": .number("1e-12")]
  )
}
