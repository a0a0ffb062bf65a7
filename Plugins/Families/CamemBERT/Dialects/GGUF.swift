import GraftCore
import PostNormEncoder

extension Dialect {
  /// CamemBERT in llama.cpp: RoBERTa's encoder with a Unigram tokenizer, which begins with a token that is never used.
  ///
  /// llama.cpp's own converter takes CamemBERT for a BERT, with all positions and with WordPiece; its files are read as
  /// that, which is how llama.cpp runs them.
  static let ggufCamemBERT = ggufCountedPositions("camembert") { file in
    file[GGUFKeys.tokenizer] == GGUFKeys.unigram && file[GGUFKeys.tokens]?.array?.first == "<s>NOTUSED"
  }
}
