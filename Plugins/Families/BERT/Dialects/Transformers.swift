import GraftCore
import PostNormEncoder

extension Dialect {
  /// BERT as `transformers` names it, in safetensors, PyTorch and ONNX files.
  ///
  /// Base-model files have no `bert.`; files from before 2019 spell LayerNorm's parameters as TensorFlow did.
  /// https://github.com/huggingface/transformers/blob/v5.0.0/src/transformers/models/bert/modeling_bert.py
  static let transformersBERT = Dialect(
    name: "transformers",
    backbonePrefixes: ["bert.", ""],
    wrappers: ["module."],
    synonyms: transformersSynonyms,
    dropped: transformersBuffers,
    backbone: transformersEncoder,
    pooler: transformersPooler,
    heads: [
      "masked-lm": transformersMaskedLM(
        transform: "cls.predictions.transform.dense", norm: "cls.predictions.transform.LayerNorm",
        bias: "cls.predictions.bias", decoder: "cls.predictions.decoder"),
      "next-sentence": Row.linear("next_sentence", "cls.seq_relationship"),
      "sequence-classification": Row.linear("sequence_classification", "classifier"),
      "token-classification": Row.linear("token_classification", "classifier"),
      "question-answering": Row.linear("question_answering", "qa_outputs"),
      "multiple-choice": Row.linear("multiple_choice", "classifier"),
    ]
  )
}
