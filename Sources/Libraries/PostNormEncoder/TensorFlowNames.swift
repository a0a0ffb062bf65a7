import Foundation
import GraftCore

extension Dialect {
  /// A family as transformers' TensorFlow classes stored it until version 4, in `tf_model.h5`.
  ///
  /// The scope is the class that wrote the file.
  /// https://github.com/huggingface/transformers/blob/v4.49.0/src/transformers/modeling_tf_utils.py
  ///
  /// - Parameters:
  ///   - base: What the classes call the encoder, such as `bert`.
  ///   - check: As ``Dialect/check``.
  ///   - backbone: The encoder's rows below that name.
  ///   - pooler: The pooler's.
  ///   - heads: The heads' rows; their names begin with the layer, the scope and the layer again.
  public static func transformersTensorFlow(
    base: String, check: (@Sendable (Configuration) throws -> Void)? = nil, backbone: [[Row]],
    pooler: [Row] = [], initializesPooler: Bool = false, heads: [String: [Row]]
  ) -> Dialect {
    Dialect(
      name: "transformers-tf",
      backbonePrefixes: ["\(base)/{scope}/\(base)/"],
      dropped: [Dropped(.beginning("optimizer_weights/"), "an optimizer's slot")],
      initializesPooler: initializesPooler,
      check: check,
      scopePrefix: "TF",
      metadata: ["backend": "tensorflow", "keras_version": "2.16.0"],
      files: CheckpointFiles(weights: "tf_model.h5"),
      backbone: backbone,
      pooler: pooler,
      heads: heads
    )
  }

  /// What transformers' TensorFlow classes store, by the names of the variables alone, where `tf_model.h5` groups them by
  /// layers: their `model.safetensors`, TensorFlow 2 checkpoints, SavedModels, and Keras models with an encoder of
  /// theirs inside. What stands before the encoder's name there is the class's scope, and a wrapper.
  ///
  /// The dialect is one of ``transformersTensorFlow(base:check:backbone:pooler:initializesPooler:heads:)``.
  public var byVariables: Dialect {
    func name(_ stored: String) -> String {
      stored.range(of: "{scope}/").map { String(stored[$0.upperBound...]) } ?? stored
    }
    return Dialect(
      name: "\(self.name)-variables",
      backbonePrefixes: backbonePrefixes.map(name),
      dropped: dropped + [
        Dropped(.below, "an optimizer's slot"),
        Dropped(.ending("/.ATTRIBUTES/VARIABLE_VALUE"), "an optimizer's or a metric's state"),
        Dropped(.ending("save_counter:0"), "a training counter"),
      ],
      initializesPooler: initializesPooler,
      check: check,
      metadata: ["format": "tf"],
      backbone: [backbone],
      pooler: pooler,
      // The embeddings once more are the same variables.
      heads: heads.mapValues { rows in
        rows.filter { $0.presence != .copy || !$0.canonical.hasPrefix("embeddings.") }
          .map { $0.renamed(name($0.stored)) }
      }
    )
  }

  /// What those classes call the encoder of BERT and of the families that took over its names.
  public static let tensorFlowEncoder: [[Row]] = [
    tensorFlowEmbeddings(hasTokenTypes: true),
    Row.pair("layers.{}.attention.query", "encoder/layer_._{}/attention/self/query", .denseOutputs),
    Row.pair("layers.{}.attention.key", "encoder/layer_._{}/attention/self/key", .denseOutputs),
    Row.pair("layers.{}.attention.value", "encoder/layer_._{}/attention/self/value", .denseOutputs),
    Row.pair("layers.{}.attention.output", "encoder/layer_._{}/attention/output/dense", .denseOutputs),
    Row.pair("layers.{}.attention.norm", "encoder/layer_._{}/attention/output/LayerNorm", .normOutputs),
    Row.pair("layers.{}.feed_forward.intermediate", "encoder/layer_._{}/intermediate/dense", .denseOutputs),
    Row.pair("layers.{}.feed_forward.output", "encoder/layer_._{}/output/dense", .denseOutputs),
    Row.pair("layers.{}.feed_forward.norm", "encoder/layer_._{}/output/LayerNorm", .normOutputs),
  ]

  /// The pooler of those families.
  public static let tensorFlowPooler = Row.pair("pooler", "pooler/dense", .denseOutputs, .optional)

  /// RoBERTa and the families that took it over, as those classes stored them.
  ///
  /// Masked-language models store the embeddings twice.
  /// https://github.com/huggingface/transformers/blob/v4.49.0/src/transformers/models/roberta/modeling_tf_roberta.py
  ///
  /// - Parameter base: What the classes call the encoder.
  public static func transformersTensorFlowCountedPositions(base: String) -> Dialect {
    transformersTensorFlow(
      base: base,
      backbone: tensorFlowEncoder,
      pooler: tensorFlowPooler,
      heads: tensorFlowRobertaHeads(base: base)
    )
  }

  /// What those classes call the heads of RoBERTa and of the families that took them over.
  ///
  /// - Parameters:
  ///   - base: What the classes call the encoder.
  ///   - hasTokenTypes: Whether it has token types.
  public static func tensorFlowRobertaHeads(base: String, hasTokenTypes: Bool = true) -> [String: [Row]] {
    [
      "masked-lm": Row.pair("masked_lm.transform", "lm_head/{scope}/lm_head/dense", .denseOutputs)
        + Row.pair("masked_lm.norm", "lm_head/{scope}/lm_head/layer_norm", .normOutputs)
        + [Row("masked_lm.bias", "lm_head/{scope}/lm_head/bias:0")]
        + tensorFlowEmbeddingCopies("lm_head/{scope}/\(base)", hasTokenTypes: hasTokenTypes),
      "sequence-classification": Row.pair(
        "sequence_classification.dense", "classifier/{scope}/classifier/dense", .denseOutputs)
        + Row.pair(
          "sequence_classification.output", "classifier/{scope}/classifier/out_proj", .denseOutputs),
      "token-classification": Row.pair(
        "token_classification", "classifier/{scope}/classifier", .denseOutputs),
      "question-answering": Row.pair(
        "question_answering", "qa_outputs/{scope}/qa_outputs", .denseOutputs),
      "multiple-choice": Row.pair("multiple_choice", "classifier/{scope}/classifier", .denseOutputs),
    ]
  }

  /// The rows of the embeddings, of a family with token types or without.
  public static func tensorFlowEmbeddings(hasTokenTypes: Bool) -> [Row] {
    embeddings(hasTokenTypes).map { Row("embeddings.\($0.canonical)", "embeddings/\($0.stored)") }
  }

  /// The embeddings once more, as the layer of a tied decoder stores them.
  ///
  /// - Parameter base: What the names begin with, such as `mlm___cls/{scope}/bert`.
  public static func tensorFlowEmbeddingCopies(_ base: String, hasTokenTypes: Bool = true) -> [Row] {
    embeddings(hasTokenTypes).map {
      Row("embeddings.\($0.canonical)", "\(base)/embeddings/\($0.stored)", .same, .copy)
    }
  }

  private static func embeddings(_ hasTokenTypes: Bool) -> [(canonical: String, stored: String)] {
    embeddingNames.filter { hasTokenTypes || $0.canonical != "token_type.weight" }
  }

  private static let embeddingNames: [(canonical: String, stored: String)] = [
    ("word.weight", "word_embeddings/weight:0"), ("position.weight", "position_embeddings/embeddings:0"),
    ("token_type.weight", "token_type_embeddings/embeddings:0"),
    ("norm.weight", "LayerNorm/gamma:0"), ("norm.bias", "LayerNorm/beta:0"),
  ]
}
