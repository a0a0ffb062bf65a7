import GraftCore
import PostNormEncoder

extension Dialect {
  /// BERT in llama.cpp: the encoder, with a classifier on the pooler as the only head.
  public static let ggufBERT = ggufEncoder(
    .ggufEncoder(
      "bert", isNamed: false,
      condition: { file, tensors in
        tensors.contains("token_types.weight") && GGUFKeys.isWordPiece(file)
      }),
    pooler: Row.linear("pooler", "cls", .optional),
    classifier: Row.linear("sequence_classification", "cls.output")
  )
}
