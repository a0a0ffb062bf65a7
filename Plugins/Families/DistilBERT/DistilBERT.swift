import GraftCore
import PostNormEncoder

/// The DistilBERT encoder: BERT's without token types, and without dropout behind the attention's output layer. Sanh et
/// al., arXiv:1910.01108.
public struct DistilBERTBackbone: PostNormBackbone {
  public let encoder: PostNormEncoder

  public init(_ configuration: Configuration) throws {
    var traits = PostNormEncoder.Traits()
    traits.hasTokenTypes = false
    traits.dropsAttentionOutput = false
    traits.layerNormEpsilon = 1e-12
    encoder = try PostNormEncoder(configuration, traits)
  }
}

extension Family {
  /// DistilBERT, with the heads of transformers' classes:
  /// https://github.com/huggingface/transformers/blob/v5.0.0/src/transformers/models/distilbert/modeling_distilbert.py
  public static let distilbert = Family(
    name: "distilbert",
    classPrefix: "DistilBert",
    backbone: DistilBERTBackbone.self,
    heads: [
      FamilyHead(
        "masked-lm",
        .tiedDecoder(
          activation: .configured(["hidden_act"]), epsilon: ["mlm_layer_norm_eps"], tiesBias: false)),
      FamilyHead(
        "sequence-classification",
        .dense(.fixed(.relu), dropout: ["seq_classif_dropout"], default: 0.2, dropsInput: false)),
      FamilyHead("token-classification", .linear(on: .tokens, dropout: ["hidden_dropout_prob"])),
      FamilyHead("question-answering", .linear(on: .tokens, dropout: ["qa_dropout"], default: 0.1)),
      FamilyHead(
        "multiple-choice",
        .dense(.fixed(.relu), dropout: ["seq_classif_dropout"], default: 0.2, dropsInput: false)),
    ],
    configurationKeys: [
      "hidden_size": "dim", "num_hidden_layers": "n_layers", "num_attention_heads": "n_heads",
      "intermediate_size": "hidden_dim", "hidden_act": "activation", "hidden_dropout_prob": "dropout",
      "attention_probs_dropout_prob": "attention_dropout",
    ],
    dropoutKeys: ["dropout", "attention_dropout", "qa_dropout", "seq_classif_dropout"],
    dialects: [
      .transformersDistilBERT, .transformersTensorFlowDistilBERT,
      .transformersTensorFlowDistilBERT.byVariables, .kerasHubDistilBERT, .kerasNLPDistilBERT,
      .ggufDistilBERT,
    ],
    catalogue: PackageResources.Catalogue_json,
    scratch: PackageResources.Scratch_json
  )
}

extension Dialect {
  /// DistilBERT as `transformers` names it, in safetensors, PyTorch and ONNX files.
  static let transformersDistilBERT = Dialect(
    name: "transformers",
    backbonePrefixes: ["distilbert.", ""],
    wrappers: ["module."],
    synonyms: transformersSynonyms,
    dropped: transformersBuffers,
    backbone: [
      [
        Row("embeddings.word.weight", "embeddings.word_embeddings.weight"),
        Row("embeddings.position.weight", "embeddings.position_embeddings.weight"),
      ],
      Row.linear("embeddings.norm", "embeddings.LayerNorm"),
      Row.linear("layers.{}.attention.query", "transformer.layer.{}.attention.q_lin"),
      Row.linear("layers.{}.attention.key", "transformer.layer.{}.attention.k_lin"),
      Row.linear("layers.{}.attention.value", "transformer.layer.{}.attention.v_lin"),
      Row.linear("layers.{}.attention.output", "transformer.layer.{}.attention.out_lin"),
      Row.linear("layers.{}.attention.norm", "transformer.layer.{}.sa_layer_norm"),
      Row.linear("layers.{}.feed_forward.intermediate", "transformer.layer.{}.ffn.lin1"),
      Row.linear("layers.{}.feed_forward.output", "transformer.layer.{}.ffn.lin2"),
      Row.linear("layers.{}.feed_forward.norm", "transformer.layer.{}.output_layer_norm"),
    ],
    heads: [
      "masked-lm": transformersMaskedLM(
        transform: "vocab_transform", norm: "vocab_layer_norm", bias: "vocab_projector.bias",
        decoder: "vocab_projector", tiesBias: false),
      "sequence-classification": Row.linear("sequence_classification.dense", "pre_classifier")
        + Row.linear("sequence_classification.output", "classifier"),
      "token-classification": Row.linear("token_classification", "classifier"),
      "question-answering": Row.linear("question_answering", "qa_outputs"),
      "multiple-choice": Row.linear("multiple_choice.dense", "pre_classifier")
        + Row.linear("multiple_choice.output", "classifier"),
    ]
  )
}

/// Registers the DistilBERT family.
public enum DistilBERTPlugin: Plugin {
  public static func register(in registry: inout Registry) throws { try registry.add(Family.distilbert) }
}
