import GraftCore
import PostNormEncoder

extension Dialect {
  /// BERT as transformers' TensorFlow classes stored it until version 4, in `tf_model.h5`.
  ///
  /// Masked-language models store the embeddings twice.
  /// https://github.com/huggingface/transformers/blob/v4.49.0/src/transformers/models/bert/modeling_tf_bert.py
  public static let transformersTensorFlowBERT = transformersTensorFlow(
    base: "bert",
    backbone: tensorFlowEncoder,
    pooler: tensorFlowPooler,
    heads: [
      "masked-lm": Row.pair(
        "masked_lm.transform", "\(maskedLM)/mlm___cls/predictions/transform/dense", .denseOutputs)
        + Row.pair("masked_lm.norm", "\(maskedLM)/mlm___cls/predictions/transform/LayerNorm", .normOutputs)
        + [Row("masked_lm.bias", "\(maskedLM)/mlm___cls/predictions/bias:0")]
        + tensorFlowEmbeddingCopies("\(maskedLM)/bert"),
      "next-sentence": Row.pair(
        "next_sentence", "nsp___cls/{scope}/nsp___cls/seq_relationship", .denseOutputs),
      "sequence-classification": Row.pair(
        "sequence_classification", "classifier/{scope}/classifier", .denseOutputs),
      "token-classification": Row.pair(
        "token_classification", "classifier/{scope}/classifier", .denseOutputs),
      "question-answering": Row.pair(
        "question_answering", "qa_outputs/{scope}/qa_outputs", .denseOutputs),
      "multiple-choice": Row.pair("multiple_choice", "classifier/{scope}/classifier", .denseOutputs),
    ]
  )

  private static let maskedLM = "mlm___cls/{scope}"
}
