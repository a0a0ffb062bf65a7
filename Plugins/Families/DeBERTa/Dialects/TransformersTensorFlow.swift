import GraftCore
import GraftTensors
import PostNormEncoder

extension Dialect {
  /// DeBERTa-v2 as transformers' TensorFlow classes stored it until version 4, in `tf_model.h5`.
  ///
  /// https://github.com/huggingface/transformers/blob/v4.49.0/src/transformers/models/deberta_v2/modeling_tf_deberta_v2.py
  static let transformersTensorFlowDeBERTa = transformersTensorFlow(
    base: "deberta",
    check: checkTensorFlow,
    backbone: [
      embeddings.map { Row($0.canonical, "embeddings/\($0.stored)", $0.layout, $0.presence) },
      Row.pair("layers.{}.attention.query", "\(attention)/self/query_proj", .denseOutputs),
      Row.pair("layers.{}.attention.key", "\(attention)/self/key_proj", .denseOutputs),
      Row.pair("layers.{}.attention.value", "\(attention)/self/value_proj", .denseOutputs),
      Row.pair("layers.{}.attention.position_key", "\(attention)/self/pos_proj", .denseOutputs, .optional),
      Row.pair(
        "layers.{}.attention.position_query", "\(attention)/self/pos_q_proj", .denseOutputs, .optional),
      Row.pair("layers.{}.attention.output", "\(attention)/output/dense", .denseOutputs),
      Row.pair("layers.{}.attention.norm", "\(attention)/output/LayerNorm", .normOutputs),
      Row.pair("layers.{}.feed_forward.intermediate", "encoder/layer_._{}/intermediate/dense", .denseOutputs),
      Row.pair("layers.{}.feed_forward.output", "encoder/layer_._{}/output/dense", .denseOutputs),
      Row.pair("layers.{}.feed_forward.norm", "encoder/layer_._{}/output/LayerNorm", .normOutputs),
      [Row("relative.weight", "encoder/rel_embeddings.weight:0", .same, .optional)],
      Row.pair("relative.norm", "encoder/LayerNorm", .normOutputs, .optional),
      Row.pair(
        "convolution", "encoder/conv/conv", PairNames("/kernel:0", "/bias:0", .convolution), .optional),
      Row.pair("convolution.norm", "encoder/conv/LayerNorm", .normOutputs, .optional),
    ],
    heads: [
      "masked-lm": Row.pair("masked_lm.transform", "\(predictions)/transform/dense", .denseOutputs)
        + Row.pair("masked_lm.norm", "\(predictions)/transform/LayerNorm", .normOutputs)
        + [Row("masked_lm.bias", "\(predictions)/bias:0")]
        + embeddings.map {
          Row($0.canonical, "cls/{scope}/deberta/embeddings/\($0.stored)", $0.layout, .copy)
        },
      "sequence-classification": Row.pair(
        "sequence_classification.dense", "pooler/{scope}/pooler/dense", .denseOutputs)
        + Row.pair("sequence_classification.output", "classifier/{scope}/classifier", .denseOutputs),
      "token-classification": Row.pair(
        "token_classification", "classifier/{scope}/classifier", .denseOutputs),
      "multiple-choice": Row.pair("multiple_choice.dense", "pooler/{scope}/pooler/dense", .denseOutputs)
        + Row.pair("multiple_choice.output", "classifier/{scope}/classifier", .denseOutputs),
    ]
  )

  private static let attention = "encoder/layer_._{}/attention"
  private static let predictions = "cls/{scope}/cls/predictions"

  private static let embeddings: [Row] =
    [
      Row("embeddings.word.weight", "word_embeddings/weight:0"),
      Row("embeddings.position.weight", "position_embeddings/embeddings:0", .same, .optional),
      Row("embeddings.token_type.weight", "token_type_embeddings/embeddings:0", .same, .optional),
      Row("embeddings.projection.weight", "embed_proj/kernel:0", .transposed, .optional),
    ] + Row.pair("embeddings.norm", "LayerNorm", .normOutputs)

  /// The class has positions of the hidden states' width, which it cannot add to narrower embeddings.
  @Sendable private static func checkTensorFlow(_ configuration: Configuration) throws {
    let model = try DeBERTaConfiguration(configuration)
    guard !model.hasPositions || model.embeddingSize == model.numbers.hiddenSize else {
      throw GraftError(
        .unsupported, "the framework has no positions in embeddings of another width than the hidden states",
        subject: "key 'embedding_size'", expected: "\(model.numbers.hiddenSize)",
        found: "\(model.embeddingSize)", advice: "Choose another \(option: "dialect").")
    }
  }
}
