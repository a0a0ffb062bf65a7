import GraftCore
import PostNormEncoder

extension Dialect {
  /// XLM-RoBERTa in llama.cpp: RoBERTa's encoder with a Unigram tokenizer. CamemBERT's has another first token.
  static let ggufXLMRoBERTa = ggufCountedPositions("xlm-roberta") { file in
    file[GGUFKeys.tokenizer] == GGUFKeys.unigram && file[GGUFKeys.tokens]?.array?.first != "<s>NOTUSED"
  }
}
