import GraftCore

extension Dialect {
  /// BERT as transformers' TensorFlow classes stored it until version 4, in `tf_model.h5`.
  ///
  /// The scope is the class that wrote the file. Masked-language models store the embeddings twice.
  /// https://github.com/huggingface/transformers/blob/v4.49.0/src/transformers/models/bert/modeling_tf_bert.py
  public static let transformersTensorFlowBERT = Dialect(
    name: "transformers-tf",
    backbonePrefixes: ["bert/{scope}/bert/"],
    scopePrefix: "tf_",
    metadata: ["backend": "tensorflow", "keras_version": "2.16.0"],
    files: CheckpointFiles(weights: "tf_model.h5"),
    backbone: [
      [
        Row("embeddings.word.weight", "embeddings/word_embeddings/weight:0"),
        Row("embeddings.position.weight", "embeddings/position_embeddings/embeddings:0"),
        Row("embeddings.token_type.weight", "embeddings/token_type_embeddings/embeddings:0"),
      ],
      Row.pair("embeddings.norm", "embeddings/LayerNorm", .normOutputs),
      Row.pair("layers.{}.attention.query", "encoder/layer_._{}/attention/self/query", .denseOutputs),
      Row.pair("layers.{}.attention.key", "encoder/layer_._{}/attention/self/key", .denseOutputs),
      Row.pair("layers.{}.attention.value", "encoder/layer_._{}/attention/self/value", .denseOutputs),
      Row.pair("layers.{}.attention.output", "encoder/layer_._{}/attention/output/dense", .denseOutputs),
      Row.pair("layers.{}.attention.norm", "encoder/layer_._{}/attention/output/LayerNorm", .normOutputs),
      Row.pair("layers.{}.feed_forward.intermediate", "encoder/layer_._{}/intermediate/dense", .denseOutputs),
      Row.pair("layers.{}.feed_forward.output", "encoder/layer_._{}/output/dense", .denseOutputs),
      Row.pair("layers.{}.feed_forward.norm", "encoder/layer_._{}/output/LayerNorm", .normOutputs),
    ],
    pooler: Row.pair("pooler", "pooler/dense", .denseOutputs, .optional),
    heads: [
      "masked-lm": Row.pair(
        "masked_lm.transform", "\(maskedLM)/mlm___cls/predictions/transform/dense", .denseOutputs)
        + Row.pair("masked_lm.norm", "\(maskedLM)/mlm___cls/predictions/transform/LayerNorm", .normOutputs)
        + [Row("masked_lm.bias", "\(maskedLM)/mlm___cls/predictions/bias:0")]
        + [
          ("word.weight", "word_embeddings/weight:0"),
          ("position.weight", "position_embeddings/embeddings:0"),
          ("token_type.weight", "token_type_embeddings/embeddings:0"),
          ("norm.weight", "LayerNorm/gamma:0"), ("norm.bias", "LayerNorm/beta:0"),
        ].map { Row("embeddings.\($0)", "\(maskedLM)/bert/embeddings/\($1)", .same, .copy) },
      "next-sentence": Row.pair(
        "next_sentence", "nsp___cls/{scope}/nsp___cls/seq_relationship", .denseOutputs),
      "sequence-classification": Row.pair(
        "sequence_classification", "classifier/{scope}/classifier", .denseOutputs),
    ]
  )

  private static let maskedLM = "mlm___cls/{scope}"
}
