import GraftCore
import PostNormEncoder

extension Dialect {
  /// ELECTRA as `transformers` names it, in safetensors, PyTorch and ONNX files.
  static let transformersELECTRA = Dialect(
    name: "transformers",
    backbonePrefixes: ["electra.", ""],
    wrappers: ["module."],
    synonyms: transformersSynonyms,
    dropped: transformersBuffers,
    storesPoolerBeside: true,
    backbone: transformersEncoder + [
      Row.linear("embeddings.projection", "embeddings_project", .optional)
    ],
    pooler: transformersPooler,
    heads: [
      "masked-lm": transformersMaskedLM(
        transform: "generator_predictions.dense", norm: "generator_predictions.LayerNorm",
        bias: "generator_lm_head.bias", decoder: "generator_lm_head", tiesBias: false),
      "replaced-token-detection": Row.linear(
        "replaced_token_detection.dense", "discriminator_predictions.dense")
        + Row.linear("replaced_token_detection.output", "discriminator_predictions.dense_prediction"),
      "sequence-classification": Row.linear("sequence_classification.dense", "classifier.dense")
        + Row.linear("sequence_classification.output", "classifier.out_proj"),
      "token-classification": Row.linear("token_classification", "classifier"),
      "question-answering": Row.linear("question_answering", "qa_outputs"),
      "multiple-choice": Row.linear("multiple_choice.summary", "sequence_summary.summary")
        + Row.linear("multiple_choice.output", "classifier"),
    ]
  )
}
