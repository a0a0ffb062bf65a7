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
        "replaced-token-detection", classSuffix: "ForPreTraining",
        HeadLayers(
          .tokens,
          [.linear("dense", activation: .configured(["hidden_act"])), .linear("output", width: .outputs)])),
      FamilyHead(
        "sequence-classification",
        .dense(.fixed(.gelu), dropout: ["classifier_dropout", "hidden_dropout_prob"], dropsInput: true)),
      FamilyHead(
        "token-classification", .linear(on: .tokens, dropout: ["classifier_dropout", "hidden_dropout_prob"])),
      FamilyHead("question-answering", .linear(on: .tokens)),
      FamilyHead("multiple-choice", make: summaryClassifier),
    ],
    dropoutKeys: [
      "hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout", "summary_last_dropout",
    ],
    dialects: [
      .transformersELECTRA, .transformersTensorFlowELECTRA, .transformersTensorFlowELECTRA.byVariables,
      .googleELECTRA, .kerasHubELECTRA,
    ],
    catalogue: PackageResources.Catalogue_json,
    scratch: PackageResources.Scratch_json
  )

  /// A linear layer behind `ElectraSequenceSummary`, which reads the first token.
  private static func summaryClassifier(_ context: HeadContext) throws -> any Head {
    let configuration = context.configuration
    let kind = configuration["summary_type"]?.string ?? "first"
    guard kind == "first" else {
      throw configuration.unsupported("summary_type", expected: "first", found: kind)
    }
    for (key, expected) in [("summary_use_proj", true), ("summary_proj_to_labels", false)] {
      guard try configuration.bool(key, default: expected) == expected else {
        throw configuration.unsupported(key, expected: "\(expected)", found: "\(!expected)")
      }
    }
    // Only a missing key has the default: null and an empty name are no activation.
    let activation: HeadLayers.ActivationChoice =
      [.null, .string("")].contains(configuration.values["summary_activation"])
      ? .fixed(.identity) : .configured(["summary_activation"])
    return try HeadLayers(
      .firstToken,
      [
        .dropout(["summary_first_dropout"], default: 0),
        .linear("summary", activation: activation),
        .dropout(["summary_last_dropout"]), .linear("output", width: .outputs),
      ]
    ).head(context)
  }
}

/// Registers the ELECTRA family.
public enum ELECTRAPlugin: Plugin {
  public static func register(in registry: inout Registry) throws { try registry.add(Family.electra) }
}
