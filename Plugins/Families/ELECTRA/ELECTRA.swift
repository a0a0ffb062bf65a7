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

/// Registers the ELECTRA family.
public enum ELECTRAPlugin: Plugin {
  public static func register(in registry: inout Registry) throws { try registry.add(Family.electra) }
}
