import GraftTensors
import OrderedCollections
import TokenizerKit

/// llama.cpp's descriptions of pipelines in the attributes of a GGUF file: of Unigram models, and of byte-level BPE behind
/// NFC.
enum GGUFTokenizer {
  /// - Returns: No attributes for a pipeline that llama.cpp does not have.
  static func attributes(of tokenizer: PipelineTokenizer) -> OrderedDictionary<String, JSON> {
    tokenizer.model is UnigramModel
      ? GGUFUnigram.attributes(of: tokenizer) : GGUFByteLevel.attributes(of: tokenizer)
  }

  /// - Returns: `nil` when the attributes are of another tokenizer.
  /// - Throws: ``GraftError`` when they are broken.
  static func description(of attributes: OrderedDictionary<String, JSON>) throws -> PipelineDescription? {
    switch attributes[GGMLTokens.model] {
    case GGUFUnigram.kind: try GGUFUnigram.description(of: attributes)
    case GGUFByteLevel.kind where attributes[GGMLTokens.splitting] == GGUFByteLevel.splitting:
      try GGUFByteLevel.description(of: attributes)
    default: nil
    }
  }

  /// The tokens before and behind a text; `nil` where it stands alone.
  ///
  /// - Parameter byDefault: Whether there are such tokens where the file does not say it.
  /// - Throws: ``GraftError`` when there is only one.
  static func ends(
    _ attributes: OrderedDictionary<String, JSON>, _ tokens: GGMLTokens, byDefault: (first: Bool, last: Bool)
  ) throws -> (first: String, last: String)? {
    let json = JSON.object(attributes)
    let addsFirst = try json.flag(GGMLTokens.addsFirst) ?? byDefault.first
    let addsLast = try json.flag(GGMLTokens.addsLast) ?? byDefault.last
    guard addsFirst || addsLast else { return nil }
    guard addsFirst, addsLast, let first = tokens.token("bos_token"), let last = tokens.token("eos_token")
    else {
      throw GraftError(
        .unsupported, "a text does not stand between two special tokens",
        subject: "keys '\(GGMLTokens.addsFirst)', '\(GGMLTokens.addsLast)'",
        expected: "both with the ids of their tokens, or neither")
    }
    return (first, last)
  }
}
