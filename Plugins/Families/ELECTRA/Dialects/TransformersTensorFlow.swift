import GraftCore
import PostNormEncoder

extension Dialect {
  /// ELECTRA as transformers' TensorFlow classes stored it until version 4, in `tf_model.h5`.
  ///
  /// https://github.com/huggingface/transformers/blob/v4.49.0/src/transformers/models/electra/modeling_tf_electra.py
  static let transformersTensorFlowELECTRA = transformersTensorFlow(
    base: "electra",
    backbone: tensorFlowEncoder + [
      Row.pair("embeddings.projection", "embeddings_project", .denseOutputs, .optional)
    ],
    heads: [
      "masked-lm": Row.pair("masked_lm.transform", "\(generator)/dense", .denseOutputs)
        + Row.pair("masked_lm.norm", "\(generator)/LayerNorm", .normOutputs)
        + [Row("masked_lm.bias", "generator_lm_head/{scope}/generator_lm_head/bias:0")]
        + tensorFlowEmbeddingCopies("generator_lm_head/{scope}/electra"),
      "replaced-token-detection": Row.pair(
        "replaced_token_detection.dense", "\(discriminator)/dense", .denseOutputs)
        + Row.pair("replaced_token_detection.output", "\(discriminator)/dense_prediction", .denseOutputs),
      "sequence-classification": Row.pair(
        "sequence_classification.dense", "classifier/{scope}/classifier/dense", .denseOutputs)
        + Row.pair(
          "sequence_classification.output", "classifier/{scope}/classifier/out_proj", .denseOutputs),
      "token-classification": Row.pair(
        "token_classification", "classifier/{scope}/classifier", .denseOutputs),
      "question-answering": Row.pair(
        "question_answering", "qa_outputs/{scope}/qa_outputs", .denseOutputs),
      "multiple-choice": Row.pair(
        "multiple_choice.summary", "sequence_summary/{scope}/sequence_summary/summary", .denseOutputs)
        + Row.pair("multiple_choice.output", "classifier/{scope}/classifier", .denseOutputs),
    ]
  )

  private static let discriminator = "discriminator_predictions/{scope}/discriminator_predictions"
  private static let generator = "generator_predictions/{scope}/generator_predictions"
}
