import GraftTensors
import OrderedCollections
import TokenizerKit

/// llama.cpp's description of a WordPiece tokenizer in the attributes of a GGUF file.
///
/// A word's first piece is marked with U+2581 there, and the others with nothing; control tokens are as they are.
enum GGUFTokenizer {
  private static let kind: JSON = "bert"
  private static let wordStart = "\u{2581}"
  private static let prefix = "##"
  private static let lowercase = "tokenizer.ggml.normalizer.lowercase"
  private static let stripAccents = "tokenizer.ggml.normalizer.strip_accents"

  /// - Returns: No attributes for a tokenizer that gives other ids than BERT's, which is all that llama.cpp has.
  static func attributes(of tokenizer: WordPieceTokenizer) -> OrderedDictionary<String, JSON> {
    guard tokenizer.isBert else { return [:] }
    let roles = tokenizer.specialTokens
    var attributes: OrderedDictionary<String, JSON> = [
      GGMLTokens.model: kind, GGMLTokens.splitting: "default",
    ]
    let tokens = GGMLTokens.attributes(
      of: tokenizer.core, first: roles.classification, last: roles.separator, maskStripsLeft: false
    ) { token, kind in
      kind == .control ? token : token.without(prefix) ?? wordStart + token
    }
    attributes.merge(tokens) { $1 }
    // A text begins with the first special token and ends with the second, which also stands between two texts.
    attributes[GGMLTokens.addsFirst] = true
    attributes[GGMLTokens.addsLast] = true
    attributes[GGMLTokens.addsSeparator] = false
    attributes[lowercase] = JSON(tokenizer.normalizer.lowercase)
    attributes[stripAccents] = JSON(tokenizer.normalizer.stripsAccents)
    return attributes
  }

  /// - Returns: `nil` when the attributes are of another tokenizer.
  /// - Throws: ``GraftError`` when they are broken.
  static func description(of attributes: OrderedDictionary<String, JSON>) throws -> TokenizerDescription? {
    guard attributes[GGMLTokens.model] == kind else { return nil }
    let tokens = try GGMLTokens(
      reading: attributes, defaults: TokenizerDescription.defaultTokens, maskStripsLeft: false
    ) { entry, kind in
      kind == .control ? entry : entry.without(wordStart) ?? prefix + entry
    }
    var members = tokens.configuration.object ?? [:]
    // llama.cpp reads the first special token under its name for the beginning. BERT has no others for the ends.
    members["cls_token"] = members["cls_token"] ?? members["bos_token"]
    members["bos_token"] = nil
    members["eos_token"] = nil
    let settings = TokenizerSettings(
      configuration: .object(members), defaults: TokenizerDescription.defaultTokens)
    let json = JSON.object(attributes)
    return try TokenizerDescription(
      entries: tokens.entries, settings, .bert,
      normalizer: BertNormalizer(
        cleanText: true, handleChineseCharacters: true, stripAccents: try json.flag(stripAccents),
        lowercase: try json.flag(lowercase) ?? true))
  }
}

extension String {
  /// What follows a prefix, or `nil` when there is none. Bytes decide: a combining mark that follows is no part of
  /// the prefix's last character.
  fileprivate func without(_ prefix: String) -> String? {
    guard utf8.starts(with: prefix.utf8) else { return nil }
    return String(Substring(utf8.dropFirst(prefix.utf8.count)))
  }
}
