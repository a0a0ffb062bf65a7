import GraftCore
import PostNormEncoder

extension Dialect {
  /// XLM-RoBERTa as KerasNLP stored it under Keras 2.
  static let kerasNLPXLMRoBERTa = kerasNLPCountedPositions(kerasXLMRoBERTa, kerasHubXLMRoBERTa)
}
