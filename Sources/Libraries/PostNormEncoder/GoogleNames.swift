import GraftCore

extension Dialect {
  /// What the optimizers of Google's TensorFlow 1 programs leave in checkpoints.
  public static let googleSlots = [
    Dropped(.ending("/adam_m"), "an optimizer's slot"),
    Dropped(.ending("/adam_v"), "an optimizer's slot"),
    Dropped(.ending("/Adam"), "an optimizer's slot"),
    Dropped(.ending("/Adam_1"), "an optimizer's slot"),
    Dropped(.below, "an optimizer's slot"),
    Dropped(.ending("global_step"), "a training counter"),
    Dropped(.ending("beta1_power"), "an optimizer's state"),
    Dropped(.ending("beta2_power"), "an optimizer's state"),
    Dropped(.ending("loss_scale"), "an optimizer's state"),
    Dropped(.ending("good_steps"), "an optimizer's state"),
  ]

  /// Google's embeddings of BERT and of the families after it.
  public static let googleEmbeddings =
    [
      Row("embeddings.word.weight", "embeddings/word_embeddings"),
      Row("embeddings.position.weight", "embeddings/position_embeddings"),
      Row("embeddings.token_type.weight", "embeddings/token_type_embeddings"),
    ] + Row.pair("embeddings.norm", "embeddings/LayerNorm", .norm)

  /// Google's encoder of BERT.
  public static let googleEncoder: [[Row]] = [
    googleEmbeddings,
    Row.pair("layers.{}.attention.query", "encoder/layer_{}/attention/self/query", .dense),
    Row.pair("layers.{}.attention.key", "encoder/layer_{}/attention/self/key", .dense),
    Row.pair("layers.{}.attention.value", "encoder/layer_{}/attention/self/value", .dense),
    Row.pair("layers.{}.attention.output", "encoder/layer_{}/attention/output/dense", .dense),
    Row.pair("layers.{}.attention.norm", "encoder/layer_{}/attention/output/LayerNorm", .norm),
    Row.pair("layers.{}.feed_forward.intermediate", "encoder/layer_{}/intermediate/dense", .dense),
    Row.pair("layers.{}.feed_forward.output", "encoder/layer_{}/output/dense", .dense),
    Row.pair("layers.{}.feed_forward.norm", "encoder/layer_{}/output/LayerNorm", .norm),
  ]
}
