import GraftCore
import GraftTensors
import PostNormEncoder

/// The ALBERT encoder: BERT's with narrow embeddings that are always projected, and layers in groups, each of which a
/// token passes through several times. Lan et al., arXiv:1909.11942.
public struct ALBERTBackbone: PostNormBackbone {
  public let encoder: PostNormEncoder

  public init(_ configuration: Configuration) throws {
    var traits = PostNormEncoder.Traits()
    traits.embeddings = .own(default: 128, isAlwaysProjected: true)
    traits.dropsFeedForwardOutput = false
    traits.defaultActivation = "gelu_new"
    traits.defaultDropout = 0
    let depth = try configuration.size("num_hidden_layers")
    let groups = try configuration.size("num_hidden_groups", default: 1)
    let inner = try configuration.size("inner_group_num", default: 1)
    for (key, layers, count) in [
      ("num_hidden_layers", depth, depth), ("num_hidden_groups", groups, groups),
      ("inner_group_num", max(groups, depth) * inner, inner),
    ] where layers > 1000 {
      throw configuration.unsupported(key, expected: "at most 1000 layers in all", found: "\(count)")
    }
    traits.layers = PostNormEncoder.LayerOrder(
      stored: [groups, inner],
      order: (0..<depth).flatMap { layer in
        // The same division, rounded the same way, as in `AlbertTransformer`.
        let group = Int(Double(layer) / (Double(depth) / Double(groups)))
        return (0..<inner).map { [group, $0] }
      })
    encoder = try PostNormEncoder(configuration, traits)
  }
}

extension Family {
  /// ALBERT, with the heads of transformers' classes:
  /// https://github.com/huggingface/transformers/blob/v5.0.0/src/transformers/models/albert/modeling_albert.py
  public static let albert = Family(
    name: "albert",
    classPrefix: "Albert",
    backbone: ALBERTBackbone.self,
    pooler: .firstTokenPooler,
    heads: [
      FamilyHead(
        "masked-lm",
        .tiedDecoder(
          activation: .configured(["hidden_act"], default: "gelu_new"),
          epsilon: ["mlm_layer_norm_eps", "layer_norm_eps"])),
      FamilyHead("sentence-order", .linear(on: .pooled, dropout: ["classifier_dropout_prob"])),
      FamilyHead("sequence-classification", .linear(on: .pooled, dropout: ["classifier_dropout_prob"])),
      FamilyHead(
        "token-classification",
        .linear(on: .tokens, dropout: ["classifier_dropout_prob", "hidden_dropout_prob"])),
      FamilyHead("question-answering", .linear(on: .tokens)),
      FamilyHead("multiple-choice", .linear(on: .pooled, dropout: ["classifier_dropout_prob"])),
    ],
    combinations: [
      HeadCombination("pretraining", classSuffix: "ForPreTraining", tasks: ["masked-lm", "sentence-order"])
    ],
    dropoutKeys: ["hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout_prob"],
    dialects: [
      .transformersALBERT, .transformersTensorFlowALBERT, .transformersTensorFlowALBERT.byVariables,
      .googleALBERT, .kerasHubALBERT, .kerasNLPALBERT,
    ],
    catalogue: PackageResources.Catalogue_json,
    scratch: PackageResources.Scratch_json
  )
}

/// Registers the ALBERT family.
public enum ALBERTPlugin: Plugin {
  public static func register(in registry: inout Registry) throws { try registry.add(Family.albert) }
}
