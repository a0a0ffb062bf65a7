import GraftCore
import PostNormEncoder

extension Dialect {
  /// RoBERTa as KerasNLP stored it under Keras 2.
  static let kerasNLPRoBERTa = kerasNLPCountedPositions(kerasRoBERTa, kerasHubRoBERTa)
}
