import GraftCore
import PostNormEncoder

extension Dialect {
  /// XLM-RoBERTa as KerasHub stores it.
  ///
  /// https://github.com/keras-team/keras-hub/blob/v0.32.0/keras_hub/src/models/xlm_roberta/xlm_roberta_backbone.py
  static let kerasHubXLMRoBERTa = kerasHubCountedPositions(kerasXLMRoBERTa, modelType: "xlm-roberta")

  static let kerasXLMRoBERTa = KerasHubFamily(module: "xlm_roberta", classPrefix: "XLMRoberta")
}
