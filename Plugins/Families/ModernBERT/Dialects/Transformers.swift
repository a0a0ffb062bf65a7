import GraftCore

extension Dialect {
  /// ModernBERT as `transformers` names it, in safetensors, PyTorch and ONNX files.
  static let transformersModernBERT = Dialect(
    name: "transformers",
    backbonePrefixes: ["model.", ""],
    wrappers: ["module."],
    dropped: [Dropped(.ending("inv_freq"), "a buffer, not a parameter")],
    backbone: [
      [Row("embeddings.word.weight", "embeddings.tok_embeddings.weight")],
      Row.linear("embeddings.norm", "embeddings.norm", bias: .optional),
      // The first layer has none: the embeddings' norm comes right before it.
      Row.linear("layers.{}.attention.norm", "layers.{}.attn_norm", .optional),
      stacked(["query", "key", "value"].map { "layers.{}.attention.\($0)" }, "layers.{}.attn.Wqkv"),
      Row.linear("layers.{}.attention.output", "layers.{}.attn.Wo", bias: .optional),
      Row.linear("layers.{}.feed_forward.norm", "layers.{}.mlp_norm", bias: .optional),
      stacked(["intermediate", "gate"].map { "layers.{}.feed_forward.\($0)" }, "layers.{}.mlp.Wi"),
      Row.linear("layers.{}.feed_forward.output", "layers.{}.mlp.Wo", bias: .optional),
      Row.linear("norm", "final_norm", bias: .optional),
    ],
    heads: [
      "masked-lm": Row.linear("masked_lm.transform", "head.dense", bias: .optional)
        + Row.linear("masked_lm.norm", "head.norm", bias: .optional)
        + [
          Row("masked_lm.bias", "decoder.bias", .same, .optional),
          Row("masked_lm.decoder.weight", "decoder.weight", .same, .tied(to: "embeddings.word.weight")),
        ],
      "sequence-classification": classifier("sequence_classification"),
      // Stored as the other classifiers are: without a class, a file of one of them could be any.
      "token-classification": classifier("token_classification"),
      "question-answering": classifier("question_answering"),
      "multiple-choice": classifier("multiple_choice"),
    ]
  )

  private static func classifier(_ name: String) -> [Row] {
    Row.linear("\(name).dense", "head.dense", bias: .optional)
      + Row.linear("\(name).norm", "head.norm", bias: .optional) + Row.linear("\(name).output", "classifier")
  }

  private static func stacked(_ parameters: [String], _ stored: String) -> [Row] {
    [
      Row.stacked(parameters.map { "\($0).weight" }, "\(stored).weight"),
      Row.stacked(parameters.map { "\($0).bias" }, "\(stored).bias", .same, .optional),
    ]
  }
}
