import GraftCore
import PostNormEncoder

extension Dialect {
  /// DistilBERT as transformers' TensorFlow classes stored it until version 4, in `tf_model.h5`.
  ///
  /// Masked-language models store the embeddings twice.
  /// https://github.com/huggingface/transformers/blob/v4.49.0/src/transformers/models/distilbert/modeling_tf_distilbert.py
  static let transformersTensorFlowDistilBERT = transformersTensorFlow(
    base: "distilbert",
    backbone: [
      tensorFlowEmbeddings(hasTokenTypes: false),
      Row.pair("layers.{}.attention.query", "\(layer)/attention/q_lin", .denseOutputs),
      Row.pair("layers.{}.attention.key", "\(layer)/attention/k_lin", .denseOutputs),
      Row.pair("layers.{}.attention.value", "\(layer)/attention/v_lin", .denseOutputs),
      Row.pair("layers.{}.attention.output", "\(layer)/attention/out_lin", .denseOutputs),
      Row.pair("layers.{}.attention.norm", "\(layer)/sa_layer_norm", .normOutputs),
      Row.pair("layers.{}.feed_forward.intermediate", "\(layer)/ffn/lin1", .denseOutputs),
      Row.pair("layers.{}.feed_forward.output", "\(layer)/ffn/lin2", .denseOutputs),
      Row.pair("layers.{}.feed_forward.norm", "\(layer)/output_layer_norm", .normOutputs),
    ],
    heads: [
      "masked-lm": Row.pair(
        "masked_lm.transform", "vocab_transform/{scope}/vocab_transform", .denseOutputs)
        + Row.pair("masked_lm.norm", "vocab_layer_norm/{scope}/vocab_layer_norm", .normOutputs)
        + [Row("masked_lm.bias", "vocab_projector/{scope}/vocab_projector/bias:0")]
        + tensorFlowEmbeddingCopies("vocab_projector/{scope}/distilbert", hasTokenTypes: false),
      "sequence-classification": Row.pair(
        "sequence_classification.dense", "pre_classifier/{scope}/pre_classifier", .denseOutputs)
        + Row.pair("sequence_classification.output", "classifier/{scope}/classifier", .denseOutputs),
      "token-classification": Row.pair(
        "token_classification", "classifier/{scope}/classifier", .denseOutputs),
      "question-answering": Row.pair(
        "question_answering", "qa_outputs/{scope}/qa_outputs", .denseOutputs),
      "multiple-choice": Row.pair(
        "multiple_choice.dense", "pre_classifier/{scope}/pre_classifier", .denseOutputs)
        + Row.pair("multiple_choice.output", "classifier/{scope}/classifier", .denseOutputs),
    ]
  )

  private static let layer = "transformer/layer_._{}"
}
