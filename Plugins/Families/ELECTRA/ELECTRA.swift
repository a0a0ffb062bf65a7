import GraftCore
import PostNormEncoder

/// The ELECTRA encoder: BERT's, with embeddings of a width of their own and a projection where that is not the hidden
/// states'. Clark et al., arXiv:2003.10555.
public struct ELECTRABackbone: PostNormBackbone {
  public let encoder: PostNormEncoder

  public init(_ configuration: Configuration) throws {
    var traits = PostNormEncoder.Traits()
    traits.embeddings = .own(default: 128, isAlwaysProjected: false)
    encoder = try PostNormEncoder(configuration, traits)
  }
}

extension Family {
  /// ELECTRA, with the heads of transformers' classes; the generator is the one for masked tokens:
  /// https://github.com/huggingface/transformers/blob/v5.0.0/src/transformers/models/electra/modeling_electra.py
  public static let electra = Family(
    name: "electra",
    classPrefix: "Electra",
    backbone: ELECTRABackbone.self,
    // KerasHub's encoder has one, and no class of transformers.
    pooler: .firstTokenPooler,
    baseHasPooler: false,
    heads: [
      FamilyHead("masked-lm", .tiedDecoder(activation: .fixed(.gelu), tiesBias: false)),
      FamilyHead(
        "sequence-classification",
        .dense(.fixed(.gelu), dropout: ["classifier_dropout", "hidden_dropout_prob"], dropsInput: true)),
      FamilyHead(
        "token-classification", .linear(on: .tokens, dropout: ["classifier_dropout", "hidden_dropout_prob"])),
      FamilyHead("question-answering", .linear(on: .tokens)),
    ],
    dropoutKeys: [
      "hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout", "summary_last_dropout",
    ],
    dialects: [.transformersELECTRA, .transformersTensorFlowELECTRA, .googleELECTRA, .kerasHubELECTRA],
    catalogue: PackageResources.Catalogue_json,
    scratch: PackageResources.Scratch_json
  )
}

extension Dialect {
  /// ELECTRA as `transformers` names it, in safetensors, PyTorch and ONNX files.
  static let transformersELECTRA = Dialect(
    name: "transformers",
    backbonePrefixes: ["electra.", ""],
    wrappers: ["module."],
    synonyms: transformersSynonyms,
    dropped: transformersBuffers,
    storesPoolerBeside: true,
    backbone: transformersEncoder + [
      Row.linear("embeddings.projection", "embeddings_project", .optional)
    ],
    pooler: transformersPooler,
    heads: [
      "masked-lm": transformersMaskedLM(
        transform: "generator_predictions.dense", norm: "generator_predictions.LayerNorm",
        bias: "generator_lm_head.bias", decoder: "generator_lm_head", tiesBias: false),
      "sequence-classification": Row.linear("sequence_classification.dense", "classifier.dense")
        + Row.linear("sequence_classification.output", "classifier.out_proj"),
      "token-classification": Row.linear("token_classification", "classifier"),
      "question-answering": Row.linear("question_answering", "qa_outputs"),
    ]
  )
}

extension Dialect {
  /// ELECTRA as transformers' TensorFlow classes stored it until version 4, in `tf_model.h5`.
  ///
  /// https://github.com/huggingface/transformers/blob/v4.49.0/src/transformers/models/electra/modeling_tf_electra.py
  static let transformersTensorFlowELECTRA = transformersTensorFlow(
    base: "electra",
    backbone: tensorFlowEncoder + [
      Row.pair("embeddings.projection", "embeddings_project", .denseOutputs, .optional)
    ],
    heads: [
      "masked-lm": Row.pair("masked_lm.transform", "\(generator)/dense", .denseOutputs)
        + Row.pair("masked_lm.norm", "\(generator)/LayerNorm", .normOutputs)
        + [Row("masked_lm.bias", "generator_lm_head/{scope}/generator_lm_head/bias:0")]
        + tensorFlowEmbeddingCopies("generator_lm_head/{scope}/electra"),
      "sequence-classification": Row.pair(
        "sequence_classification.dense", "classifier/{scope}/classifier/dense", .denseOutputs)
        + Row.pair(
          "sequence_classification.output", "classifier/{scope}/classifier/out_proj", .denseOutputs),
      "token-classification": Row.pair(
        "token_classification", "classifier/{scope}/classifier", .denseOutputs),
      "question-answering": Row.pair(
        "question_answering", "qa_outputs/{scope}/qa_outputs", .denseOutputs),
    ]
  )

  private static let generator = "generator_predictions/{scope}/generator_predictions"
}

extension Dialect {
  /// The discriminator's encoder as Google published it: the variables of a TensorFlow 1 graph. Its files have no
  /// configuration, and hold the generator as well, which shares the embeddings.
  ///
  /// https://github.com/google-research/electra/blob/master/model/modeling.py
  static let googleELECTRA = Dialect(
    name: "google",
    backbonePrefixes: ["electra/"],
    dropped: googleSlots + [
      Dropped(.beginning("generator/"), "the generator, which is another model"),
      Dropped(.beginning("generator_predictions/"), "the generator, which is another model"),
    ],
    files: CheckpointFiles(library: nil),
    backbone: googleEncoder + [Row.pair("embeddings.projection", "embeddings_project", .dense, .optional)]
  )
}

/// Registers the ELECTRA family.
public enum ELECTRAPlugin: Plugin {
  public static func register(in registry: inout Registry) throws { try registry.add(Family.electra) }
}
