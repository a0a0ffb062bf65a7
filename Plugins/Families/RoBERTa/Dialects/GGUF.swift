import GraftCore
import PostNormEncoder

extension Dialect {
  /// RoBERTa in llama.cpp: BERT's encoder with positions from the first that a token can have, and a classifier as the
  /// only head.
  static let ggufRoBERTa = ggufEncoder(
    .ggufEncoder(
      "roberta",
      condition: { file, _ in file[GGUFKeys.tokenizer] == GGUFKeys.byteLevel },
      preparation: { $0.countPositionsFromFirst() },
      completion: { _, standard in standard.countPositionsFromZero() }),
    positions: .reachablePositions,
    classifier: Row.linear("sequence_classification.dense", "cls")
      + Row.linear("sequence_classification.output", "cls.output")
  )
}
