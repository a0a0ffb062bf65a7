import GraftCore
import GraftTensors
import PostNormEncoder

/// The RoBERTa encoder: BERT's, whose positions count the tokens that are no padding. Liu et al., arXiv:1907.11692.
public struct RoBERTaBackbone: PostNormBackbone {
  public let encoder: PostNormEncoder

  public init(_ configuration: Configuration) throws {
    var traits = PostNormEncoder.Traits()
    let padding = try configuration.number("pad_token_id", default: 1)
    guard let id = Int32(exactly: padding), id >= 0 else {
      throw GraftError(
        .malformed, "wrong value", file: "config.json", subject: "key 'pad_token_id'",
        expected: "the id of a token", found: "\(padding)")
    }
    traits.paddingID = id
    encoder = try PostNormEncoder(configuration, traits)
  }
}

extension Family {
  /// RoBERTa, with the heads of transformers' classes:
  /// https://github.com/huggingface/transformers/blob/v5.0.0/src/transformers/models/roberta/modeling_roberta.py
  public static let roberta = Family(
    name: "roberta",
    classPrefix: "Roberta",
    backbone: RoBERTaBackbone.self,
    pooler: .firstTokenPooler,
    heads: [
      FamilyHead("masked-lm", .tiedDecoder(activation: .fixed(.gelu))),
      FamilyHead(
        "sequence-classification",
        .dense(.fixed(.tanh), dropout: ["classifier_dropout", "hidden_dropout_prob"], dropsInput: true)),
    ],
    dialects: [.transformersRoBERTa]
  )
}

extension Dialect {
  /// RoBERTa as `transformers` names it, in safetensors, PyTorch and ONNX files.
  static let transformersRoBERTa = Dialect(
    name: "transformers",
    backbonePrefixes: ["roberta.", ""],
    wrappers: ["module."],
    synonyms: transformersSynonyms,
    dropped: transformersBuffers,
    backbone: transformersEncoder,
    pooler: transformersPooler,
    heads: [
      "masked-lm": transformersMaskedLM(
        transform: "lm_head.dense", norm: "lm_head.layer_norm", bias: "lm_head.bias",
        decoder: "lm_head.decoder"),
      "sequence-classification": Row.linear("sequence_classification.dense", "classifier.dense")
        + Row.linear("sequence_classification.output", "classifier.out_proj"),
    ]
  )
}

/// Registers the RoBERTa family.
public enum RoBERTaPlugin: Plugin {
  public static func register(in registry: inout Registry) throws { try registry.add(Family.roberta) }
}
