import GraftCore
import PostNormEncoder

extension Family {
  /// RoBERTa, with the heads of transformers' classes. Liu et al., arXiv:1907.11692.
  ///
  /// https://github.com/huggingface/transformers/blob/v5.0.0/src/transformers/models/roberta/modeling_roberta.py
  public static let roberta = Family(
    name: "roberta",
    classPrefix: "Roberta",
    backbone: CountedPositionsBackbone.self,
    pooler: .firstTokenPooler,
    heads: .robertaHeads(),
    dialects: [
      .transformersCountedPositions(prefix: "roberta."),
      .transformersTensorFlowCountedPositions(base: "roberta"),
      .transformersTensorFlowCountedPositions(base: "roberta").byVariables,
      .kerasHubRoBERTa, .kerasNLPRoBERTa,
      .ggufRoBERTa,
    ],
    catalogue: PackageResources.Catalogue_json,
    scratch: PackageResources.Scratch_json
  )
}

/// Registers the RoBERTa family.
public enum RoBERTaPlugin: Plugin {
  public static func register(in registry: inout Registry) throws { try registry.add(Family.roberta) }
}
