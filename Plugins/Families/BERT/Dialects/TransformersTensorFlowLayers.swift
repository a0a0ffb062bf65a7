import GraftCore
import PostNormEncoder

extension Dialect {
  /// BERT of transformers' TensorFlow classes as Keras stores it in its own way, in archives `.keras` and in
  /// `model.weights.h5`: by the layers' classes and the numbers of their variables. A model around such a class has its
  /// names behind a prefix. It is tf-keras 2.16 that stores them so; Keras 2.12 to 2.14, which walks the attributes of a
  /// layer in another order, has other names for the same.
  ///
  /// Keras stores what two layers share with the first: in masked-language models the embeddings with the head.
  /// https://github.com/keras-team/tf-keras/blob/v2.16.0/tf_keras/saving/saving_lib.py
  static let transformersTensorFlowLayersBERT = Dialect(
    name: "transformers-tf-layers",
    backbonePrefixes: ["layers/tf_bert_main_layer/"],
    dropped: [Dropped(.beginning("optimizer/"), "an optimizer's state")],
    headEvidence: .place,
    metadata: ["backend": "tensorflow", "keras_version": "2.16.0"],
    files: CheckpointFiles(weights: "model.weights.h5"),
    backbone: [
      embeddings("embeddings", .required),
      Row.pair("layers.{}.attention.query", "\(layer)/attention/self_attention/query", .denseVariables),
      Row.pair("layers.{}.attention.key", "\(layer)/attention/self_attention/key", .denseVariables),
      Row.pair("layers.{}.attention.value", "\(layer)/attention/self_attention/value", .denseVariables),
      Row.pair("layers.{}.attention.output", "\(layer)/attention/dense_output/dense", .denseVariables),
      Row.pair("layers.{}.attention.norm", "\(layer)/attention/dense_output/LayerNorm", .normVariables),
      Row.pair("layers.{}.feed_forward.intermediate", "\(layer)/intermediate/dense", .denseVariables),
      Row.pair("layers.{}.feed_forward.output", "\(layer)/bert_output/dense", .denseVariables),
      Row.pair("layers.{}.feed_forward.norm", "\(layer)/bert_output/LayerNorm", .normVariables),
    ],
    pooler: Row.pair("pooler", "pooler/dense", .denseVariables, .optional),
    heads: [
      "masked-lm": Row.pair("masked_lm.transform", "\(predictions)/transform/dense", .denseVariables)
        + Row.pair("masked_lm.norm", "\(predictions)/transform/LayerNorm", .normVariables)
        + [Row("masked_lm.bias", "\(predictions)/vars/0")]
        + embeddings("\(predictions)/input_embeddings", .copy),
      "next-sentence": Row.pair("next_sentence", "nsp/seq_relationship", .denseVariables),
      "sequence-classification": Row.pair("sequence_classification", "layers/dense", .denseVariables),
      "token-classification": Row.pair("token_classification", "layers/dense", .denseVariables),
      "question-answering": Row.pair("question_answering", "qa_outputs", .denseVariables),
      "multiple-choice": Row.pair("multiple_choice", "layers/dense", .denseVariables),
    ]
  )

  private static let layer = "encoder/layer/tf_bert_layer{_}"
  private static let predictions = "mlm/predictions"

  private static func embeddings(_ stored: String, _ presence: Presence) -> [Row] {
    ["word.weight", "token_type.weight", "position.weight"].enumerated().map { number, name in
      Row("embeddings.\(name)", "\(stored)/vars/\(number)", .same, presence)
    } + Row.pair("embeddings.norm", "\(stored)/LayerNorm", .normVariables, presence)
  }
}
