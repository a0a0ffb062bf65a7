import GraftCore
import PostNormEncoder

extension Dialect {
  /// ALBERT as KerasNLP stored it under Keras 2.
  ///
  /// https://github.com/keras-team/keras-hub/blob/v0.5.2/keras_nlp/models/albert/albert_backbone.py
  static let kerasNLPALBERT = kerasNLP(
    kerasALBERT, kerasHubALBERT,
    embeddings: [
      Row("embeddings.word.weight", "token_embedding/{scope}/embeddings:0"),
      Row("embeddings.position.weight", "position_embedding/{scope}/embeddings:0"),
      Row("embeddings.token_type.weight", "segment_embedding/{scope}/embeddings:0"),
    ],
    decoder: "token_embedding",
    encoder: [Row.pair("embeddings.projection", "embedding_projection/{scope}", .denseOutputs)]
      + kerasNLPEncoder(canonical: "layers.{}.{}", layer: "group_{}_inner_layer_{}"),
    pooler: Row.pair("pooler", "pooled_dense/{scope}", .denseOutputs),
    classifier: kerasNLPLogits
  )
}
