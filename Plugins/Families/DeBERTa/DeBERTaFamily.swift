import GraftCore
import PostNormEncoder

extension Family {
  /// DeBERTa of versions 2 and 3, with the heads of transformers' classes.
  public static let debertaV2 = Family(
    name: "deberta-v2",
    classPrefix: "DebertaV2",
    backbone: DeBERTaBackbone.self,
    heads: [
      FamilyHead(
        "masked-lm",
        .tiedDecoder(
          activation: .configured(["hidden_act"]), epsilon: ["mlm_layer_norm_eps", "layer_norm_eps"],
          default: 1e-7)),
      FamilyHead("sequence-classification", pooledClassifier),
      FamilyHead("token-classification", .linear(on: .tokens, dropout: ["hidden_dropout_prob"])),
      FamilyHead("question-answering", .linear(on: .tokens)),
      FamilyHead("multiple-choice", pooledClassifier),
    ],
    // The other spelling of the decoder is read as the usual one, and the usual one is written.
    settledConfiguration: ["legacy": true],
    dropoutKeys: ["hidden_dropout_prob", "attention_probs_dropout_prob", "pooler_dropout", "cls_dropout"],
    dialects: [
      .transformersDeBERTa, .transformersTensorFlowDeBERTa, .transformersTensorFlowDeBERTa.byVariables,
      .kerasHubDeBERTa, .kerasNLPDeBERTa,
    ],
    catalogue: PackageResources.Catalogue_json,
    scratch: PackageResources.Scratch_json
  )

  /// A classifier behind `ContextPooler`.
  private static let pooledClassifier = HeadLayers(
    .firstToken,
    [
      .dropout(["pooler_dropout"], default: 0),
      .linear("dense", activation: .configured(["pooler_hidden_act"])),
      .dropout(["cls_dropout", "hidden_dropout_prob"]), .linear("output", width: .outputs),
    ])
}

extension Dialect {
  /// DeBERTa-v2 as `transformers` names it, in safetensors, PyTorch and ONNX files.
  static let transformersDeBERTa = Dialect(
    name: "transformers",
    backbonePrefixes: ["deberta.", ""],
    wrappers: ["module."],
    synonyms: transformersSynonyms + originalDecoder,
    dropped: transformersBuffers + [
      Dropped(.ending("word_embeddings._weight"), "the second table of a shared embedding's training"),
      Dropped(.beginning("mask_predictions."), "the head of a task that has no class"),
    ],
    backbone: [
      [
        Row("embeddings.word.weight", "embeddings.word_embeddings.weight"),
        Row("embeddings.position.weight", "embeddings.position_embeddings.weight", .same, .optional),
        Row("embeddings.token_type.weight", "embeddings.token_type_embeddings.weight", .same, .optional),
        Row("embeddings.projection.weight", "embeddings.embed_proj.weight", .same, .optional),
      ],
      Row.linear("embeddings.norm", "embeddings.LayerNorm"),
      Row.linear("layers.{}.attention.query", "encoder.layer.{}.attention.self.query_proj"),
      Row.linear("layers.{}.attention.key", "encoder.layer.{}.attention.self.key_proj"),
      Row.linear("layers.{}.attention.value", "encoder.layer.{}.attention.self.value_proj"),
      Row.linear(
        "layers.{}.attention.position_key", "encoder.layer.{}.attention.self.pos_key_proj", .optional),
      Row.linear(
        "layers.{}.attention.position_query", "encoder.layer.{}.attention.self.pos_query_proj", .optional),
      Row.linear("layers.{}.attention.output", "encoder.layer.{}.attention.output.dense"),
      Row.linear("layers.{}.attention.norm", "encoder.layer.{}.attention.output.LayerNorm"),
      Row.linear("layers.{}.feed_forward.intermediate", "encoder.layer.{}.intermediate.dense"),
      Row.linear("layers.{}.feed_forward.output", "encoder.layer.{}.output.dense"),
      Row.linear("layers.{}.feed_forward.norm", "encoder.layer.{}.output.LayerNorm"),
      [Row("relative.weight", "encoder.rel_embeddings.weight", .same, .optional)],
      Row.linear("relative.norm", "encoder.LayerNorm", .optional),
      Row.linear("convolution", "encoder.conv.conv", .optional),
      Row.linear("convolution.norm", "encoder.conv.LayerNorm", .optional),
    ],
    heads: [
      "masked-lm": transformersMaskedLM(
        transform: "cls.predictions.transform.dense", norm: "cls.predictions.transform.LayerNorm",
        bias: "cls.predictions.bias", decoder: "cls.predictions.decoder"),
      // What transformers calls a pooler is part of these two classes alone.
      "sequence-classification": Row.linear("sequence_classification.dense", "pooler.dense")
        + Row.linear("sequence_classification.output", "classifier"),
      "multiple-choice": Row.linear("multiple_choice.dense", "pooler.dense")
        + Row.linear("multiple_choice.output", "classifier"),
      "token-classification": Row.linear("token_classification", "classifier"),
      "question-answering": Row.linear("question_answering", "qa_outputs"),
    ]
  )

  /// The masked-language-model head as the models' own code names it; transformers does where `legacy` is false.
  private static let originalDecoder = [
    Synonym("lm_predictions.lm_head.dense.weight", "cls.predictions.transform.dense.weight"),
    Synonym("lm_predictions.lm_head.dense.bias", "cls.predictions.transform.dense.bias"),
    Synonym("lm_predictions.lm_head.LayerNorm.weight", "cls.predictions.transform.LayerNorm.weight"),
    Synonym("lm_predictions.lm_head.LayerNorm.bias", "cls.predictions.transform.LayerNorm.bias"),
    Synonym("lm_predictions.lm_head.bias", "cls.predictions.bias"),
  ]
}
