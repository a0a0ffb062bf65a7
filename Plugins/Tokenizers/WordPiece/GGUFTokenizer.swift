import GraftTensors
import OrderedCollections
import TokenizerKit

/// llama.cpp's description of a WordPiece tokenizer in the attributes of a GGUF file.
///
/// A word's first piece is marked with U+2581 there, and the others with nothing; control tokens are as they are.
enum GGUFTokenizer {
  private static let wordStart = "\u{2581}"
  private static let prefix = "##"
  private static let normal: JSON = 1
  private static let control: JSON = 3
  private static let userDefined: JSON = 4

  private static let model = "tokenizer.ggml.model"
  private static let tokens = "tokenizer.ggml.tokens"
  private static let types = "tokenizer.ggml.token_type"
  private static let lowercase = "tokenizer.ggml.normalizer.lowercase"
  private static let stripAccents = "tokenizer.ggml.normalizer.strip_accents"

  /// The keys of the tokens with a role; llama.cpp reads the first token under its name for the beginning.
  private static func key(_ role: String) -> String { "tokenizer.ggml.\(role)_token_id" }

  static func attributes(of tokenizer: WordPieceTokenizer) -> OrderedDictionary<String, JSON> {
    let added = Dictionary(tokenizer.addedTokens.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    var (spellings, kinds): ([JSON], [JSON]) = ([], [])
    for (id, token) in tokenizer.vocabulary.tokens.enumerated() {
      let added = added[Int32(id)]
      let kind = added.map { $0.isSpecial ? control : userDefined } ?? normal
      kinds.append(kind)
      spellings.append(.string(kind == control ? token : token.without(prefix) ?? wordStart + token))
    }
    let roles = tokenizer.specialTokens
    let normalizer = tokenizer.normalizer
    var attributes: OrderedDictionary<String, JSON> = [
      model: "bert", "tokenizer.ggml.pre": "default", tokens: .array(spellings), types: .array(kinds),
    ]
    for (role, id) in [
      ("bos", roles.classification), ("eos", roles.separator), ("unknown", roles.unknown),
      ("seperator", roles.separator), ("padding", roles.padding), ("cls", roles.classification),
      ("mask", roles.mask),
    ] {
      attributes[key(role)] = id.map { JSON(Int($0)) }
    }
    // A text begins with the first special token and ends with the second, which also stands between two texts.
    attributes["tokenizer.ggml.add_bos_token"] = true
    attributes["tokenizer.ggml.add_eos_token"] = true
    attributes["tokenizer.ggml.add_sep_token"] = false
    attributes[lowercase] = JSON(normalizer.lowercase)
    attributes[stripAccents] = JSON(normalizer.stripsAccents)
    return attributes
  }

  /// - Returns: `nil` when the attributes are of another tokenizer.
  /// - Throws: ``GraftError`` when they are broken.
  static func description(of attributes: OrderedDictionary<String, JSON>) throws -> TokenizerDescription? {
    guard attributes[model] == "bert" else { return nil }
    guard let spellings = attributes[tokens]?.array?.map(\.string) else {
      throw GraftError(.missing, "the tokenizer has no list of tokens", subject: "key '\(tokens)'")
    }
    let kinds = attributes[types]?.array ?? []
    let vocabulary = try spellings.enumerated().map { id, spelling in
      guard let spelling, !spelling.contains("\n") else {
        throw GraftError(.malformed, "not a token", subject: "key '\(tokens)'", found: "token \(id)")
      }
      if kinds.indices.contains(id), kinds[id] == control { return spelling }
      return spelling.without(wordStart) ?? prefix + spelling
    }
    func token(_ role: String) throws -> JSON? {
      guard let id = attributes[key(role)] else { return nil }
      guard let index = id.int, vocabulary.indices.contains(index) else {
        throw GraftError(
          .malformed, "not a token's number", subject: "key '\(key(role))'",
          expected: "below \(vocabulary.count)", found: id.kind)
      }
      return .string(vocabulary[index])
    }
    var roles: OrderedDictionary<String, JSON> = [:]
    roles["unk_token"] = try token("unknown")
    roles["sep_token"] = try token("seperator")
    roles["pad_token"] = try token("padding")
    roles["cls_token"] = try token("cls") ?? token("bos")
    roles["mask_token"] = try token("mask")
    let settings = TokenizerSettings(
      configuration: .object(roles), defaults: TokenizerDescription.defaultTokens)
    let json = JSON.object(attributes)
    let lowercase = try json.flag(lowercase) ?? true
    return try TokenizerDescription(
      lines: Array(vocabulary.map { $0 + "\n" }.joined().utf8), settings,
      normalizer: BertNormalizer(
        cleanText: true, handleChineseCharacters: true, stripAccents: try json.flag(stripAccents),
        lowercase: lowercase),
      extraTokens: [])
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
