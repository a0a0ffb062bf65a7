import GraftCore
import PostNormEncoder

extension Dialect {
  /// DeBERTa-v3 as KerasNLP stored it under Keras 2.
  ///
  /// https://github.com/keras-team/keras-hub/blob/v0.5.2/keras_nlp/models/deberta_v3/deberta_v3_backbone.py
  static let kerasNLPDeBERTa = kerasNLP(
    kerasDeBERTa, kerasHubDeBERTa,
    // The table is called as the layer that it is in, and nothing stands between them.
    synonyms: [Synonym("rel_embedding:0", "rel_embedding/rel_embedding:0")],
    embeddings: [Row("embeddings.word.weight", "token_embedding/{scope}/embeddings:0")],
    decoder: "token_embedding",
    encoder: [
      [Row("relative.weight", "rel_embedding/rel_embedding:0")],
      Row.pair("relative.norm", "rel_embedding/{scope}/rel_embeddings_layer_norm", .normOutputs),
    ]
      + kerasNLPEncoder(
        layer: "disentangled_attention_encoder_layer_{}", attention: "disentangled_self_attention",
        output: .denseOutputs)
  )
}
