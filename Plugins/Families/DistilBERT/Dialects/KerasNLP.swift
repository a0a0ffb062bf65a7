import GraftCore
import PostNormEncoder

extension Dialect {
  /// DistilBERT as KerasNLP stored it under Keras 2.
  ///
  /// https://github.com/keras-team/keras-hub/blob/v0.5.2/keras_nlp/models/distil_bert/distil_bert_backbone.py
  static let kerasNLPDistilBERT = kerasNLP(
    kerasDistilBERT, kerasHubDistilBERT,
    embeddings: [
      Row("embeddings.word.weight", "token_and_position_embedding/{scope}/token_embedding1/embeddings:0"),
      Row(
        "embeddings.position.weight", "token_and_position_embedding/{scope}/position_embedding1/embeddings:0"),
    ],
    decoder: "token_and_position_embedding/token_embedding1"
  )
}
