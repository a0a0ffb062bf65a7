import GraftCore
import PostNormEncoder

extension Dialect {
  /// DistilBERT in llama.cpp: BERT's encoder without token types, with a classifier as the only head.
  static let ggufDistilBERT = ggufEncoder(
    .ggufEncoder(
      "distilbert",
      constants: [
        "bert.attention.layer_norm_epsilon": .number("1e-12"), "tokenizer.ggml.token_type_count": 1,
      ],
      condition: { file, tensors in
        !tensors.contains("token_types.weight") && GGUFKeys.isWordPiece(file)
      },
      completion: { _, standard in
        standard.values["layer_norm_eps"] = nil
        standard.values["type_vocab_size"] = nil
      }),
    hasTokenTypes: false,
    classifier: Row.linear("sequence_classification.dense", "cls")
      + Row.linear("sequence_classification.output", "cls.output"),
    differences:
      "llama.cpp has tanh where the head 'sequence-classification' has ReLU: its logits are others there"
  )
}
