import GraftTensors
import OrderedCollections
import TokenizerKit

/// llama.cpp's description of a byte-level BPE tokenizer in the attributes of a GGUF file.
enum GGUFTokenizer {
  private static let kind: JSON = "gpt2"
  private static let normal: JSON = 1
  private static let control: JSON = 3
  private static let userDefined: JSON = 4
  private static let unused: JSON = 5

  private static let model = "tokenizer.ggml.model"
  private static let tokens = "tokenizer.ggml.tokens"
  private static let types = "tokenizer.ggml.token_type"
  private static let merges = "tokenizer.ggml.merges"
  private static let splitting = "tokenizer.ggml.pre"
  private static let addsFirst = "tokenizer.ggml.add_bos_token"
  private static let addsLast = "tokenizer.ggml.add_eos_token"
  private static let addsSeparator = "tokenizer.ggml.add_sep_token"

  /// The roles of tokens in `tokenizer_config.json`, and what llama.cpp calls them.
  private static let roles = [
    ("bos_token", "bos"), ("eos_token", "eos"), ("unk_token", "unknown"), ("sep_token", "seperator"),
    ("pad_token", "padding"), ("cls_token", "cls"), ("mask_token", "mask"),
  ]

  private static func key(_ role: String) -> String { "tokenizer.ggml.\(role)_token_id" }

  /// - Returns: No attributes for a tokenizer that splits text otherwise than llama.cpp does.
  static func attributes(of tokenizer: ByteLevelBPETokenizer) -> OrderedDictionary<String, JSON> {
    let core = tokenizer.core
    guard tokenizer.isPlain, let addsTokens = addsTokens(core) else { return [:] }
    let added = Dictionary(core.addedTokens.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    let kinds = core.vocabulary.tokens.indices.map { id in
      added[Int32(id)].map { $0.isSpecial ? control : userDefined } ?? normal
    }
    var attributes: OrderedDictionary<String, JSON> = [
      // The first is what llama.cpp calls RoBERTa's; both split as GPT-2 does.
      model: kind, splitting: addsTokens ? "roberta-bpe" : "gpt-2",
      tokens: .array(core.vocabulary.tokens.map { .string($0) }), types: .array(kinds),
      merges: .array(tokenizer.merges.map { .string("\(escaped($0.left)) \(escaped($0.right))") }),
      addsFirst: JSON(addsTokens), addsLast: JSON(addsTokens), addsSeparator: JSON(addsTokens),
    ]
    for (role, name) in roles {
      let entry = core.configuration[role]
      guard let token = entry?.string ?? entry?["content"]?.string else { continue }
      attributes[key(name)] = core.vocabulary.id(of: token).map { JSON(Int($0)) }
    }
    return attributes
  }

  /// Whether texts stand between special tokens as RoBERTa's do; `nil` when they stand otherwise than llama.cpp can
  /// say.
  private static func addsTokens(_ core: TokenizerCore) -> Bool? {
    let processor = core.postProcessor
    if processor.single == PostProcessor.none.single { return false }
    guard let first = core.specialTokens.classification, let last = core.specialTokens.separator else {
      return nil
    }
    let expected = PostProcessor.roberta(classification: first, separator: last, trimmings: [])
    return processor.single == expected.single && processor.pair == expected.pair ? true : nil
  }

  /// llama.cpp splits a merge at its space.
  private static func escaped(_ token: String) -> String { token.replacing(" ", with: "\u{120}") }

  /// - Returns: `nil` when the attributes are of another tokenizer.
  /// - Throws: ``GraftError`` when they are broken.
  static func description(of attributes: OrderedDictionary<String, JSON>) throws -> ByteLevelBPEDescription? {
    guard attributes[model] == kind else { return nil }
    let json = JSON.object(attributes)
    var spellings = try strings(attributes, tokens)
    let kinds = attributes[types]?.array ?? []
    // Padded vocabularies have tokens that nothing means.
    while kinds.indices.contains(spellings.count - 1), kinds[spellings.count - 1] == unused {
      spellings.removeLast()
    }
    var configuration: OrderedDictionary<String, JSON> = [:]
    for (role, name) in roles {
      guard let id = attributes[key(name)] else { continue }
      guard let index = id.int, spellings.indices.contains(index) else {
        throw GraftError(
          .malformed, "not a token's number", subject: "key '\(key(name))'",
          expected: "below \(spellings.count)", found: id.kind)
      }
      configuration[role] = .string(spellings[index])
    }
    var added: [JSON.Member] = []
    for (id, spelling) in spellings.enumerated() where kinds.indices.contains(id) {
      guard kinds[id] == control || kinds[id] == userDefined else { continue }
      let isMask = configuration["mask_token"]?.string == spelling
      let flags: JSON = [
        "content": .string(spelling), "lstrip": JSON(isMask), "normalized": false,
        "special": JSON(kinds[id] == control),
      ]
      added.append(JSON.Member("\(id)", flags))
    }
    configuration["added_tokens_decoder"] = JSON(members: added)
    let settings = TokenizerSettings(
      configuration: .object(configuration), defaults: ByteLevelBPEDescription.defaultTokens)
    let entries = spellings.enumerated().map { Vocabulary.Entry(token: $1, id: $0) }
    var document = try ByteLevelBPEDocument.make(settings, entries)
    if try json.flag(addsFirst) == false, var members = document.object {
      members["post_processor"] = [
        "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true,
      ]
      document = .object(members)
    }
    let pairs = try strings(attributes, merges).map { text in
      do {
        return try TokenizerDocument.Merge(text)
      } catch var error as GraftError {
        error.subject = "key '\(merges)'"
        throw error
      }
    }
    return try ByteLevelBPEDescription(document: document, entries: entries, merges: pairs, settings)
  }

  private static func strings(_ attributes: OrderedDictionary<String, JSON>, _ key: String) throws -> [String]
  {
    guard let values = attributes[key]?.array else {
      throw GraftError(.missing, "the tokenizer has no such list", subject: "key '\(key)'")
    }
    return try values.enumerated().map { number, value in
      guard let text = value.string else {
        throw GraftError(
          .malformed, "not a text", subject: "key '\(key)'", found: "\(value.kind) as number \(number)")
      }
      return text
    }
  }
}
