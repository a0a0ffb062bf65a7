import GraftCore
import PostNormEncoder

extension Dialect {
  /// BERT as Google published it: the variables of a TensorFlow 1 graph, in `bert_model.ckpt`.
  ///
  /// https://github.com/google-research/bert/blob/master/modeling.py
  public static let googleBERT = Dialect(
    name: "google",
    backbonePrefixes: ["bert/"],
    dropped: googleSlots,
    files: CheckpointFiles(configuration: .googleBERT, library: nil),
    backbone: googleEncoder,
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
    keys: googleBERTKeys,
    implied: ["model_type": "bert", "layer_norm_eps": .number("1e-12")]
  )

  static let googleBERTKeys: KeyValuePairs<String, String> = [
    "attention_probs_dropout_prob": "attention_probs_dropout_prob", "hidden_act": "hidden_act",
    "hidden_dropout_prob": "hidden_dropout_prob", "hidden_size": "hidden_size",
    "initializer_range": "initializer_range", "intermediate_size": "intermediate_size",
    "max_position_embeddings": "max_position_embeddings", "num_attention_heads": "num_attention_heads",
    "num_hidden_layers": "num_hidden_layers", "type_vocab_size": "type_vocab_size",
    "vocab_size": "vocab_size",
  ]
}
