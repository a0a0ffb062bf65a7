import GraftCore

extension ConfigurationFile {
  /// `config.json` of a serialized `BertBackbone`.
  ///
  /// The encoder's GELU is always the tanh approximation. The transform of the masked-language-model head is
  /// not: it has the exact GELU, and an epsilon of its own.
  static let kerasHubBERT = ConfigurationFile(
    name: "config.json",
    marks: [
      "module": "keras_hub.src.models.bert.bert_backbone", "class_name": "BertBackbone",
      "registered_name": "keras_hub>BertBackbone",
    ],
    member: "config",
    constants: ["name": "bert_backbone", "trainable": true, "dtype": .kerasPolicy("float32")],
    keys: [
      "vocabulary_size": "vocab_size", "num_layers": "num_hidden_layers",
      "num_heads": "num_attention_heads", "hidden_dim": "hidden_size",
      "intermediate_dim": "intermediate_size", "dropout": "hidden_dropout_prob",
      "dropout": "attention_probs_dropout_prob", "max_sequence_length": "max_position_embeddings",
      "num_segments": "type_vocab_size",
    ],
    implied: [
      "model_type": "bert", "hidden_act": "gelu_new", "layer_norm_eps": .number("1e-12"),
      "mlm_hidden_act": "gelu", "mlm_layer_norm_eps": .number("1e-5"),
    ]
  )
}

extension JSON {
  /// How Keras serializes a type of numbers.
  static func kerasPolicy(_ name: JSON) -> JSON {
    [
      "module": "keras", "class_name": "DTypePolicy", "config": ["name": name], "registered_name": .null,
    ]
  }
}
