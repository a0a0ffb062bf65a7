import GraftCore
import PostNormEncoder

extension Dialect {
  /// BERT as KerasNLP stored it under Keras 2.
  ///
  /// https://github.com/keras-team/keras-hub/blob/v0.5.2/keras_nlp/models/bert/bert_backbone.py
  static let kerasNLPBERT = kerasNLP(
    kerasBERT, kerasHubBERT,
    embeddings: [
      Row("embeddings.word.weight", "token_embedding/{scope}/embeddings:0"),
      Row("embeddings.position.weight", "position_embedding/{scope}/embeddings:0"),
      Row("embeddings.token_type.weight", "segment_embedding/{scope}/embeddings:0"),
    ],
    decoder: "token_embedding",
    pooler: Row.pair("pooler", "pooled_dense/{scope}", .denseOutputs),
    classifier: kerasNLPLogits
  )
}
