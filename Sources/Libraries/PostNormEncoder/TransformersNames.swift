import GraftCore

extension Dialect {
  /// What transformers calls the encoder of BERT and of the families that took over its names, under their prefixes.
  ///
  /// https://github.com/huggingface/transformers/blob/v5.0.0/src/transformers/models/bert/modeling_bert.py
  public static let transformersEncoder: [[Row]] = [
    [
      Row("embeddings.word.weight", "embeddings.word_embeddings.weight"),
      Row("embeddings.position.weight", "embeddings.position_embeddings.weight"),
      Row("embeddings.token_type.weight", "embeddings.token_type_embeddings.weight"),
    ],
    Row.linear("embeddings.norm", "embeddings.LayerNorm"),
    Row.linear("layers.{}.attention.query", "encoder.layer.{}.attention.self.query"),
    Row.linear("layers.{}.attention.key", "encoder.layer.{}.attention.self.key"),
    Row.linear("layers.{}.attention.value", "encoder.layer.{}.attention.self.value"),
    Row.linear("layers.{}.attention.output", "encoder.layer.{}.attention.output.dense"),
    Row.linear("layers.{}.attention.norm", "encoder.layer.{}.attention.output.LayerNorm"),
    Row.linear("layers.{}.feed_forward.intermediate", "encoder.layer.{}.intermediate.dense"),
    Row.linear("layers.{}.feed_forward.output", "encoder.layer.{}.output.dense"),
    Row.linear("layers.{}.feed_forward.norm", "encoder.layer.{}.output.LayerNorm"),
  ]

  /// The pooler of those families, which many of their checkpoints lack.
  public static let transformersPooler = Row.linear("pooler", "pooler.dense", .optional)

  /// Spellings of LayerNorm's parameters in files from before 2019.
  public static let transformersSynonyms = [
    Synonym("LayerNorm.gamma", "LayerNorm.weight"),
    Synonym("LayerNorm.beta", "LayerNorm.bias"),
  ]

  /// What old files hold beside parameters.
  public static let transformersBuffers = [
    Dropped(.ending("embeddings.position_ids"), "a buffer, not a parameter"),
    Dropped(.ending("embeddings.token_type_ids"), "a buffer, not a parameter"),
  ]

  /// A masked-language-model head with a decoder that is tied to the word embedding.
  ///
  /// - Parameters:
  ///   - transform: The dense layer's stored name.
  ///   - norm: The LayerNorm's.
  ///   - bias: The decoder's bias as it is written.
  ///   - decoder: What the copies in older files are called.
  ///   - tiesBias: Whether the bias is one of the copies.
  public static func transformersMaskedLM(
    transform: String, norm: String, bias: String, decoder: String, tiesBias: Bool = true
  ) -> [Row] {
    Row.linear("masked_lm.transform", transform) + Row.linear("masked_lm.norm", norm)
      + [
        Row("masked_lm.bias", bias),
        Row("masked_lm.decoder.weight", "\(decoder).weight", .same, .tied(to: "embeddings.word.weight")),
      ]
      + (tiesBias
        ? [Row("masked_lm.decoder.bias", "\(decoder).bias", .same, .tied(to: "masked_lm.bias"))] : [])
  }
}
