import GraftCore
import PostNormEncoder

extension Family {
  /// CamemBERT: RoBERTa in French, with its names. Martin et al., arXiv:1911.03894.
  ///
  /// https://github.com/huggingface/transformers/blob/v5.0.0/src/transformers/models/camembert/modeling_camembert.py
  public static let camembert = Family(
    name: "camembert",
    classPrefix: "Camembert",
    backbone: CountedPositionsBackbone.self,
    pooler: .firstTokenPooler,
    heads: .robertaHeads(),
    dialects: [
      .transformersCountedPositions(prefix: "roberta."),
      .transformersTensorFlowCountedPositions(base: "roberta"),
      .transformersTensorFlowCountedPositions(base: "roberta").byVariables,
      .ggufCamemBERT,
    ],
    catalogue: PackageResources.Catalogue_json,
    scratch: PackageResources.Scratch_json
  )
}

/// Registers the CamemBERT family.
public enum CamemBERTPlugin: Plugin {
  public static func register(in registry: inout Registry) throws { try registry.add(Family.camembert) }
}
