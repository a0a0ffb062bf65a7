import GraftCore
import PostNormEncoder

extension Dialect {
  /// ALBERT as transformers' TensorFlow classes stored it until version 4, in `tf_model.h5`.
  ///
  /// They have two biases for the decoder, and read that of the decoder itself.
  /// https://github.com/huggingface/transformers/blob/v4.49.0/src/transformers/models/albert/modeling_tf_albert.py
  static let transformersTensorFlowALBERT = transformersTensorFlow(
    base: "albert",
    backbone: [
      tensorFlowEmbeddings(hasTokenTypes: true),
      Row.pair("embeddings.projection", "encoder/embedding_hidden_mapping_in", .denseOutputs),
      Row.pair("layers.{}.{}.attention.query", "\(storedLayer)/attention/query", .denseOutputs),
      Row.pair("layers.{}.{}.attention.key", "\(storedLayer)/attention/key", .denseOutputs),
      Row.pair("layers.{}.{}.attention.value", "\(storedLayer)/attention/value", .denseOutputs),
      Row.pair("layers.{}.{}.attention.output", "\(storedLayer)/attention/dense", .denseOutputs),
      Row.pair("layers.{}.{}.attention.norm", "\(storedLayer)/attention/LayerNorm", .normOutputs),
      Row.pair("layers.{}.{}.feed_forward.intermediate", "\(storedLayer)/ffn", .denseOutputs),
      Row.pair("layers.{}.{}.feed_forward.output", "\(storedLayer)/ffn_output", .denseOutputs),
      Row.pair("layers.{}.{}.feed_forward.norm", "\(storedLayer)/full_layer_layer_norm", .normOutputs),
    ],
    pooler: Row.pair("pooler", "pooler", .denseOutputs, .optional),
    heads: [
      "masked-lm": Row.pair("masked_lm.transform", "\(predictions)/dense", .denseOutputs)
        + Row.pair("masked_lm.norm", "\(predictions)/LayerNorm", .normOutputs)
        + [
          Row("masked_lm.bias", "\(predictions)/decoder/bias:0"),
          Row("masked_lm.bias", "\(predictions)/bias:0", .same, .copy),
        ]
        + tensorFlowEmbeddingCopies("predictions/{scope}/albert"),
      "sentence-order": Row.pair(
        "sentence_order", "sop_classifier/{scope}/sop_classifier/classifier", .denseOutputs),
      "sequence-classification": Row.pair(
        "sequence_classification", "classifier/{scope}/classifier", .denseOutputs),
      "token-classification": Row.pair(
        "token_classification", "classifier/{scope}/classifier", .denseOutputs),
      "question-answering": Row.pair(
        "question_answering", "qa_outputs/{scope}/qa_outputs", .denseOutputs),
      "multiple-choice": Row.pair("multiple_choice", "classifier/{scope}/classifier", .denseOutputs),
    ]
  )

  private static let storedLayer = "encoder/albert_layer_groups_._{}/albert_layers_._{}"
  private static let predictions = "predictions/{scope}/predictions"
}
