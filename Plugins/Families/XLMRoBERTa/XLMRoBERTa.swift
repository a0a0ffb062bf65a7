import GraftCore
import PostNormEncoder

extension Family {
  /// XLM-RoBERTa: RoBERTa in a hundred languages, with its names. Conneau et al., arXiv:1911.02116.
  ///
  /// https://github.com/huggingface/transformers/blob/v5.0.0/src/transformers/models/xlm_roberta/modeling_xlm_roberta.py
  public static let xlmRoberta = Family(
    name: "xlm-roberta",
    classPrefix: "XLMRoberta",
    backbone: CountedPositionsBackbone.self,
    pooler: .firstTokenPooler,
    heads: .robertaHeads(),
    dialects: [
      .transformersCountedPositions(prefix: "roberta."),
      .transformersTensorFlowCountedPositions(base: "roberta"),
      .transformersTensorFlowCountedPositions(base: "roberta").byVariables,
      .kerasHubXLMRoBERTa, .kerasNLPXLMRoBERTa,
      .ggufXLMRoBERTa,
    ],
    catalogue: PackageResources.Catalogue_json,
    scratch: PackageResources.Scratch_json
  )
}

/// Registers the XLM-RoBERTa family.
public enum XLMRoBERTaPlugin: Plugin {
  public static func register(in registry: inout Registry) throws { try registry.add(Family.xlmRoberta) }
}
