import GraftCore
import PostNormEncoder

extension Dialect {
  /// RoBERTa as KerasHub stores it.
  static let kerasHubRoBERTa = kerasHubCountedPositions(
    KerasHubFamily(module: "roberta", classPrefix: "Roberta"), modelType: "roberta")
}
