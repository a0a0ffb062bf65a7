import GraftTensors
import TokenizerKit

extension TokenizerDocument {
  /// The parts of a `tokenizer.json` that precede its model.
  static func parts(
    addedTokens: [AddedToken], normalizer: JSON, preTokenizer: JSON, postProcessor: JSON, decoder: JSON
  ) -> [JSON.Member] {
    [
      JSON.Member("version", "1.0"), JSON.Member("truncation", .null), JSON.Member("padding", .null),
      JSON.Member("added_tokens", .array(addedTokens.map(\.json))), JSON.Member("normalizer", normalizer),
      JSON.Member("pre_tokenizer", preTokenizer), JSON.Member("post_processor", postProcessor),
      JSON.Member("decoder", decoder),
    ]
  }

  /// The settings of a unigram model, without its vocabulary.
  static func unigram(unknownID: Int) -> JSON {
    ["type": "Unigram", "unk_id": JSON(unknownID), "vocab": [], "byte_fallback": false]
  }
}
