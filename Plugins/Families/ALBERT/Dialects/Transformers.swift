import GraftCore
import PostNormEncoder

extension Dialect {
  /// ALBERT as `transformers` names it, in safetensors, PyTorch and ONNX files.
  static let transformersALBERT = Dialect(
    name: "transformers",
    backbonePrefixes: ["albert.", ""],
    wrappers: ["module."],
    synonyms: transformersSynonyms,
    dropped: transformersBuffers,
    backbone: [
      [
        Row("embeddings.word.weight", "embeddings.word_embeddings.weight"),
        Row("embeddings.position.weight", "embeddings.position_embeddings.weight"),
        Row("embeddings.token_type.weight", "embeddings.token_type_embeddings.weight"),
      ],
      Row.linear("embeddings.norm", "embeddings.LayerNorm"),
      Row.linear("embeddings.projection", "encoder.embedding_hidden_mapping_in"),
      Row.linear("layers.{}.{}.attention.query", "\(layer).attention.query"),
      Row.linear("layers.{}.{}.attention.key", "\(layer).attention.key"),
      Row.linear("layers.{}.{}.attention.value", "\(layer).attention.value"),
      Row.linear("layers.{}.{}.attention.output", "\(layer).attention.dense"),
      Row.linear("layers.{}.{}.attention.norm", "\(layer).attention.LayerNorm"),
      Row.linear("layers.{}.{}.feed_forward.intermediate", "\(layer).ffn"),
      Row.linear("layers.{}.{}.feed_forward.output", "\(layer).ffn_output"),
      Row.linear("layers.{}.{}.feed_forward.norm", "\(layer).full_layer_layer_norm"),
    ],
    pooler: Row.linear("pooler", "pooler", .optional),
    heads: [
      "masked-lm": transformersMaskedLM(
        transform: "predictions.dense", norm: "predictions.LayerNorm", bias: "predictions.bias",
        decoder: "predictions.decoder"),
      "sentence-order": Row.linear("sentence_order", "sop_classifier.classifier"),
      "sequence-classification": Row.linear("sequence_classification", "classifier"),
      "token-classification": Row.linear("token_classification", "classifier"),
      "question-answering": Row.linear("question_answering", "qa_outputs"),
      "multiple-choice": Row.linear("multiple_choice", "classifier"),
    ]
  )

  private static let layer = "encoder.albert_layer_groups.{}.albert_layers.{}"
}
