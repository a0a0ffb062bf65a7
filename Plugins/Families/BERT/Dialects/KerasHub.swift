import GraftCore

extension Dialect {
  /// BERT as KerasHub stores it: the backbone in `model.weights.h5`, a task's head in `task.weights.h5`; or
  /// both in one file, as `save_weights` of a task writes it.
  ///
  /// Keras numbers what is of one class; attention weights are divided among the heads.
  /// https://github.com/keras-team/keras-hub/blob/v0.32.0/keras_hub/src/models/bert/bert_backbone.py
  public static let kerasHubBERT = Dialect(
    name: "keras-hub",
    backbonePrefixes: ["layers/bert_backbone/", ""],
    dropped: [Dropped(.beginning("optimizer/"), "an optimizer's state")],
    files: CheckpointFiles(
      configuration: .kerasHubBERT, weights: "model.weights.h5", heads: "task.weights.h5",
      library: "keras-hub",
      tokenizer: .keras(module: "keras_hub.src.models.bert.bert_tokenizer", className: "BertTokenizer"),
      others: kerasHubTask),
    backbone: [
      [
        Row("embeddings.word.weight", "layers/reversible_embedding/vars/0"),
        Row("embeddings.position.weight", "layers/position_embedding/vars/0"),
        Row("embeddings.token_type.weight", "layers/embedding/vars/0"),
      ],
      Row.pair("embeddings.norm", "layers/layer_normalization", .normVariables),
      Row.pair("layers.{}.attention.query", "\(attention)/query_dense", .headsVariables),
      Row.pair("layers.{}.attention.key", "\(attention)/key_dense", .headsVariables),
      Row.pair("layers.{}.attention.value", "\(attention)/value_dense", .headsVariables),
      Row.pair(
        "layers.{}.attention.output", "\(attention)/output_dense",
        PairNames("/vars/0", "/vars/1", .inputsSplit)),
      Row.pair("layers.{}.attention.norm", "\(layer)/_self_attention_layer_norm", .normVariables),
      Row.pair(
        "layers.{}.feed_forward.intermediate", "\(layer)/_feedforward_intermediate_dense", .denseVariables),
      Row.pair("layers.{}.feed_forward.output", "\(layer)/_feedforward_output_dense", .denseVariables),
      Row.pair("layers.{}.feed_forward.norm", "\(layer)/_feedforward_layer_norm", .normVariables),
    ],
    pooler: Row.pair("pooler", "layers/dense", .denseVariables),
    heads: [
      "masked-lm": Row.pair(
        "masked_lm.transform", "layers/masked_lm_head/_intermediate_dense", .denseVariables)
        + Row.pair("masked_lm.norm", "layers/masked_lm_head/_intermediate_layer_norm", .normVariables)
        + [Row("masked_lm.bias", "layers/masked_lm_head/vars/0")],
      "sequence-classification": Row.pair("sequence_classification", "layers/dense", .denseVariables),
    ]
  )

  private static let layer = "layers/transformer_encoder{_}"
  private static let attention = "\(layer)/_self_attention_layer"
}

extension Dialect.PairNames {
  /// The projections of Keras's attention.
  fileprivate static let headsVariables = Dialect.PairNames("/vars/0", "/vars/1", .outputsSplit, .biasSplit)
}
