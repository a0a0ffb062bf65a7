import GraftCore
import PostNormEncoder

extension Dialect {
  /// RoBERTa as KerasHub stores it.
  static let kerasHubRoBERTa = kerasHubCountedPositions(kerasRoBERTa, modelType: "roberta")

  static let kerasRoBERTa = KerasHubFamily(module: "roberta", classPrefix: "Roberta")
}
