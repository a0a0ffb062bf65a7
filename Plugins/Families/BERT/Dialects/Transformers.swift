import GraftCore

extension Dialect {
  /// BERT as `transformers` names it, in safetensors, PyTorch and ONNX files.
  ///
  /// Base-model files have no `bert.`; files from before 2019 spell LayerNorm's parameters as TensorFlow did.
  /// https://github.com/huggingface/transformers/blob/v5.0.0/src/transformers/models/bert/modeling_bert.py
  public static let transformersBERT = Dialect(
    name: "transformers",
    backbone: BERTBackbone.name,
    formats: ["safetensors", "onnx"],
    backbonePrefixes: ["bert.", ""],
    wrappers: ["module."],
    synonyms: [
      Synonym("LayerNorm.gamma", "LayerNorm.weight"),
      Synonym("LayerNorm.beta", "LayerNorm.bias"),
    ],
    dropped: [
      Dropped(.ending("embeddings.position_ids"), "a buffer, not a parameter"),
      Dropped(.ending("embeddings.token_type_ids"), "a buffer, not a parameter"),
    ],
    rows: [
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
      Row.linear("pooler", "pooler.dense", .optional),
    ].flatMap { $0 }
  )
}
