import GraftCore

extension Dialect {
  /// A family as KerasNLP stored it until version 0.5, under Keras 2: in `model.h5`, by the names of layers and of what
  /// is in them.
  ///
  /// The file of an encoder has a layer's name twice, that of a task has the encoder's in front of it and the layer's
  /// once; the second encoder of a program is called `_1`. Keras 2 loads by the order, which is that of the rows, whatever
  /// the names are.
  /// https://github.com/keras-team/keras-hub/blob/v0.5.2/keras_nlp/layers/transformer_encoder.py
  ///
  /// - Parameters:
  ///   - family: What KerasNLP calls it.
  ///   - hub: The same family as KerasHub stores it, which has the same configuration.
  ///   - synonyms: What the file of an encoder calls otherwise than that of a task.
  ///   - embeddings: The rows of the tables.
  ///   - decoder: What the tied decoder of a masked-language model calls its table.
  ///   - encoder: The rows of what is between the embeddings and the pooler.
  ///   - pooler: The pooler's rows.
  ///   - classifier: The rows of the head of the task `sequence-classification`.
  public static func kerasNLP(
    _ family: KerasHubFamily, _ hub: Dialect, synonyms: [Synonym] = [], embeddings: [Row], decoder: String,
    encoder: [[Row]] = kerasNLPEncoder(), pooler: [Row] = [], classifier: [Row] = kerasNLPClassifier
  ) -> Dialect {
    Dialect(
      name: "keras-nlp",
      backbonePrefixes: ["", "_1", "_2", "_3", "_4", "_5"].map { "\(family.name("backbone"))\($0)/" } + [""],
      synonyms: synonyms + kerasNLPNumbers(embeddings),
      dropped: [Dropped(.beginning("optimizer_weights/"), "an optimizer's slot")],
      initializesPooler: hub.initializesPooler,
      check: hub.check,
      headEvidence: hub.headEvidence,
      metadata: ["backend": "tensorflow", "keras_version": "2.12.0"],
      files: CheckpointFiles(
        configuration: hub.files.configuration, weights: "model.h5", library: nil, others: hub.files.others),
      backbone: [
        embeddings, Row.pair("embeddings.norm", "embeddings_layer_norm/{scope}", .normOutputs),
      ] + encoder,
      pooler: pooler,
      heads: [
        "masked-lm": [
          Row("embeddings.word.weight", "mlm_head/\(decoder)/embeddings:0", .same, .copy),
          Row("masked_lm.bias", "mlm_head/{scope}/output_bias:0"),
        ] + Row.pair("masked_lm.transform", "mlm_head/{scope}/dense", .denseOutputs)
          + Row.pair("masked_lm.norm", "mlm_head/{scope}/layer_normalization", .normOutputs),
        "sequence-classification": classifier,
      ]
    )
  }

  /// The layers of KerasNLP's encoders.
  ///
  /// - Parameters:
  ///   - canonical: What the canonical names begin with.
  ///   - layer: What the stored names begin with.
  ///   - attention: What attention is called in a layer.
  ///   - output: How the projection behind attention is stored.
  public static func kerasNLPEncoder(
    canonical: String = "layers.{}", layer: String = "transformer_layer_{}",
    attention: String = "multi_head_attention", output: PairNames = .denseOutputs.splitInputs
  ) -> [[Row]] {
    let attention = "\(layer)/{scope}/\(attention)"
    return [
      Row.pair("\(canonical).attention.query", "\(attention)/query", .denseOutputs.splitOutputs),
      Row.pair("\(canonical).attention.key", "\(attention)/key", .denseOutputs.splitOutputs),
      Row.pair("\(canonical).attention.value", "\(attention)/value", .denseOutputs.splitOutputs),
      Row.pair("\(canonical).attention.output", "\(attention)/attention_output", output),
      Row.pair("\(canonical).attention.norm", "\(layer)/{scope}/layer_normalization", .normOutputs),
      Row.pair("\(canonical).feed_forward.norm", "\(layer)/{scope}/layer_normalization_1", .normOutputs),
      Row.pair("\(canonical).feed_forward.intermediate", "\(layer)/{scope}/dense", .denseOutputs),
      Row.pair("\(canonical).feed_forward.output", "\(layer)/{scope}/dense_1", .denseOutputs),
    ]
  }

  /// The layer between the pooler, or what is in its place, and the classes.
  public static let kerasNLPLogits = Row.pair("sequence_classification", "logits/{scope}", .denseOutputs)

  /// A dense layer on the first token, and one to the classes: the classifier of families without a pooler.
  public static let kerasNLPClassifier =
    Row.pair("sequence_classification.dense", "pooled_dense/{scope}", .denseOutputs)
    + Row.pair("sequence_classification.output", "logits/{scope}", .denseOutputs)

  /// A layer for tokens and positions numbers its tables through the whole program, from 1 on.
  private static func kerasNLPNumbers(_ embeddings: [Row]) -> [Synonym] {
    ["token_embedding", "position_embedding"].flatMap { table -> [Synonym] in
      let first = "\(table)1/embeddings:0"
      guard embeddings.contains(where: { $0.stored.hasSuffix(first) }) else { return [] }
      return (2...6).map { Synonym("\(table)\($0)/embeddings:0", first) }
    }
  }

  /// RoBERTa and the families that took it over; see ``kerasHubCountedPositions(_:modelType:)``.
  public static func kerasNLPCountedPositions(_ family: KerasHubFamily, _ hub: Dialect) -> Dialect {
    kerasNLP(
      family, hub,
      embeddings: [
        Row("embeddings.word.weight", "embeddings/{scope}/token_embedding1/embeddings:0"),
        .sum(
          "embeddings.position.weight", adding: "embeddings.token_type.weight",
          "embeddings/{scope}/position_embedding1/embeddings:0", .reachablePositions),
      ],
      decoder: "embeddings/token_embedding1")
  }
}
