import GraftCore
import PostNormEncoder

extension Dialect {
  /// RoBERTa in llama.cpp: BERT's encoder with byte-level BPE.
  static let ggufRoBERTa = ggufCountedPositions("roberta") { $0[GGUFKeys.tokenizer] == GGUFKeys.byteLevel }
}
