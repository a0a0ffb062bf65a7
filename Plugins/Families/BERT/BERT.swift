import GraftCore
import PostNormEncoder

/// The BERT encoder. Devlin et al., arXiv:1810.04805.
public struct BERTBackbone: PostNormBackbone {
  public let encoder: PostNormEncoder

  public init(_ configuration: Configuration) throws { encoder = try PostNormEncoder(configuration) }
}

extension Family {
  /// BERT, with the heads of transformers' classes:
  /// https://github.com/huggingface/transformers/blob/v5.0.0/src/transformers/models/bert/modeling_bert.py
  public static let bert = Family(
    name: "bert",
    classPrefix: "Bert",
    backbone: BERTBackbone.self,
    pooler: .firstTokenPooler,
    heads: [
      // KerasHub computes the transform otherwise than the encoder; all others have one setting for both.
      FamilyHead(
        "masked-lm",
        .tiedDecoder(
          activation: .configured(["mlm_hidden_act", "hidden_act"]),
          epsilon: ["mlm_layer_norm_eps", "layer_norm_eps"])),
      FamilyHead("next-sentence", HeadLayers(.pooled, [.linear("", width: .outputs)])),
      FamilyHead(
        "sequence-classification",
        .linear(on: .pooled, dropout: ["classifier_dropout", "hidden_dropout_prob"])),
      FamilyHead(
        "token-classification", .linear(on: .tokens, dropout: ["classifier_dropout", "hidden_dropout_prob"])),
      FamilyHead("question-answering", .linear(on: .tokens)),
      FamilyHead(
        "multiple-choice", .linear(on: .pooled, dropout: ["classifier_dropout", "hidden_dropout_prob"])),
    ],
    combinations: [
      HeadCombination("pretraining", classSuffix: "ForPreTraining", tasks: ["masked-lm", "next-sentence"])
    ],
    dialects: [
      .transformersBERT, .transformersTensorFlowBERT, .transformersTensorFlowBERT.byVariables,
      .transformersTensorFlowLayersBERT, .modelGardenBERT, .googleBERT, .kerasHubBERT, .kerasNLPBERT,
      .ggufBERT,
    ],
    catalogue: PackageResources.Catalogue_json,
    scratch: PackageResources.Scratch_json
  )
}

/// Registers the BERT family.
public enum BERTPlugin: Plugin {
  public static func register(in registry: inout Registry) throws { try registry.add(Family.bert) }
}
