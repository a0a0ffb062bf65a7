import GraftCore
import GraftTensors

/// The encoder of RoBERTa, and of the families that took it over: BERT's, whose positions count the tokens that are no
/// padding. Liu et al., arXiv:1907.11692.
public struct CountedPositionsBackbone: PostNormBackbone {
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

extension Configuration {
  /// Takes the positions before a token's first out of `max_position_embeddings`, for frameworks that count from it.
  public mutating func countPositionsFromFirst() { shiftPositions(by: -1) }

  /// The inverse of ``countPositionsFromFirst()``.
  public mutating func countPositionsFromZero() { shiftPositions(by: 1) }

  private mutating func shiftPositions(by direction: Int) {
    guard let count = self["max_position_embeddings"]?.int else { return }
    // A padding id that is none is an error when the encoder is made.
    let padding = self["pad_token_id"]?.int.flatMap(Int32.init(exactly:)) ?? 1
    self["max_position_embeddings"] = JSON(count &+ direction * (Int(padding) + 1))
  }
}

extension [FamilyHead] {
  /// The heads of RoBERTa's classes, which other families took over.
  ///
  /// https://github.com/huggingface/transformers/blob/v5.0.0/src/transformers/models/roberta/modeling_roberta.py
  ///
  /// - Parameter dropout: The configuration's keys of the classifier's dropout, the first one that is set.
  public static func robertaHeads(
    dropout: [String] = ["classifier_dropout", "hidden_dropout_prob"]
  ) -> [FamilyHead] {
    [
      FamilyHead("masked-lm", .tiedDecoder(activation: .fixed(.gelu))),
      FamilyHead("sequence-classification", .dense(.fixed(.tanh), dropout: dropout, dropsInput: true)),
      FamilyHead("token-classification", .linear(on: .tokens, dropout: dropout)),
      FamilyHead("question-answering", .linear(on: .tokens)),
      FamilyHead("multiple-choice", .linear(on: .pooled, dropout: ["hidden_dropout_prob"])),
    ]
  }
}

extension Dialect {
  /// What transformers calls those heads.
  public static let transformersRobertaHeads: [String: [Row]] = [
    "masked-lm": transformersMaskedLM(
      transform: "lm_head.dense", norm: "lm_head.layer_norm", bias: "lm_head.bias",
      decoder: "lm_head.decoder"),
    "sequence-classification": Row.linear("sequence_classification.dense", "classifier.dense")
      + Row.linear("sequence_classification.output", "classifier.out_proj"),
    "token-classification": Row.linear("token_classification", "classifier"),
    "question-answering": Row.linear("question_answering", "qa_outputs"),
    "multiple-choice": Row.linear("multiple_choice", "classifier"),
  ]

  /// RoBERTa and the families that took it over as `transformers` names them, in safetensors, PyTorch and ONNX files.
  ///
  /// - Parameter prefix: What stands before the encoder's names in files with a head.
  public static func transformersCountedPositions(prefix: String) -> Dialect {
    Dialect(
      name: "transformers",
      backbonePrefixes: [prefix, ""],
      wrappers: ["module."],
      synonyms: transformersSynonyms,
      dropped: transformersBuffers,
      backbone: transformersEncoder,
      pooler: transformersPooler,
      heads: transformersRobertaHeads
    )
  }
}
