import GraftCore
import GraftTensors

/// The parts of a `tokenizer.json`: how `tokenizers` spells them, and what they mean here.
enum TokenizerDocument {
  /// The document of a BERT tokenizer, without its vocabulary.
  ///
  /// - Parameter addedTokens: Includes the tokens named by the other parameters.
  static func bert(
    normalizer: BertNormalizer, addedTokens: [AddedToken], unknown: String, classification: String,
    separator: String
  ) -> JSON {
    func special(_ token: String, _ type: Int) -> JSON {
      ["SpecialToken": ["id": .string(token), "type_id": JSON(type)]]
    }
    func sequence(_ name: JSON, _ type: Int) -> JSON { ["Sequence": ["id": name, "type_id": JSON(type)]] }
    func entry(_ token: String) -> JSON {
      let id = addedTokens.first { $0.content == token }?.id ?? 0
      return ["id": .string(token), "ids": [JSON(Int(id))], "tokens": [.string(token)]]
    }
    let first = [special(classification, 0), sequence("A", 0), special(separator, 0)]
    var specials = [classification: entry(classification)]
    specials[separator] = entry(separator)
    return [
      "version": "1.0",
      "truncation": .null,
      "padding": .null,
      "added_tokens": .array(addedTokens.sorted { $0.id < $1.id }.map(\.json)),
      "normalizer": [
        "type": "BertNormalizer",
        "clean_text": JSON(normalizer.cleanText),
        "handle_chinese_chars": JSON(normalizer.handleChineseCharacters),
        "strip_accents": normalizer.stripAccents.map { JSON($0) } ?? .null,
        "lowercase": JSON(normalizer.lowercase),
      ],
      "pre_tokenizer": ["type": "BertPreTokenizer"],
      "post_processor": [
        "type": "TemplateProcessing",
        "single": .array(first),
        "pair": .array(first + [sequence("B", 1), special(separator, 1)]),
        "special_tokens": .object(
          specials.sorted { $0.key < $1.key }.reduce(into: [:]) { $0[$1.key] = $1.value }),
      ],
      "decoder": ["type": "WordPiece", "prefix": "##", "cleanup": true],
      "model": [
        "type": "WordPiece",
        "unk_token": .string(unknown),
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
        "vocab": [:],
      ],
    ]
  }
}

extension AddedToken {
  var json: JSON {
    [
      "id": JSON(Int(id)), "content": .string(content), "single_word": JSON(isSingleWord),
      "lstrip": JSON(stripsLeft), "rstrip": JSON(stripsRight), "normalized": JSON(isNormalized),
      "special": JSON(isSpecial),
    ]
  }

  init(_ json: JSON) throws {
    guard let content = json["content"]?.string, !content.isEmpty else {
      throw GraftError(.malformed, "an added token without text", subject: "key 'added_tokens'")
    }
    guard let id = json["id"]?.int, let id = Int32(exactly: id), id >= 0 else {
      throw GraftError(
        .malformed, "an added token without an id", subject: "key 'added_tokens', token '\(content)'",
        expected: "a whole number", found: json["id"]?.kind ?? "nothing")
    }
    let isSpecial = try json.flag("special") ?? false
    self.init(
      id: id, content: content, isSpecial: isSpecial, stripsLeft: try json.flag("lstrip") ?? false,
      stripsRight: try json.flag("rstrip") ?? false, isSingleWord: try json.flag("single_word") ?? false,
      isNormalized: try json.flag("normalized") ?? !isSpecial)
  }
}

extension TokenizerDescription {
  /// What a `tokenizer.json` means.
  ///
  /// - Returns: `nil` when its model is not WordPiece.
  init?(parsing bytes: [UInt8], _ settings: TokenizerSettings) throws {
    let file = try VocabularyJSON(parsing: bytes)
    guard let model = file.document["model"], model.object != nil else {
      throw GraftError(.malformed, "no tokenizer", subject: "key 'model'", expected: "an object")
    }
    // Files of before 2020 do not name the type; only WordPiece has this key.
    guard (model["type"]?.string).map({ $0 == "WordPiece" }) ?? (model["max_input_chars_per_word"] != nil)
    else {
      return nil
    }
    guard !file.entries.isEmpty else {
      throw GraftError(.malformed, "the vocabulary is empty", subject: "key 'model.vocab'")
    }
    try self.init(document: file.document, entries: file.entries, settings)
  }

  /// - Throws: ``GraftError`` for parts that do not fit together, or that are of a kind that is not known
  ///   here.
  init(document: JSON, entries: [Vocabulary.Entry], _ settings: TokenizerSettings) throws {
    let model = document["model"] ?? [:]
    let prefix = model["continuing_subword_prefix"]?.string ?? "##"
    let added = try (document["added_tokens"]?.array ?? []).map(AddedToken.init)
    let vocabulary = try Vocabulary(
      entries, added: added.map { ($0.content, Int($0.id)) }, prefix: prefix)
    let unknown = model["unk_token"]?.string ?? "[UNK]"
    guard let unknownID = vocabulary.id(of: unknown), vocabulary.isOfModel[Int(unknownID)] else {
      throw GraftError(
        .malformed, "the vocabulary has no token '\(unknown)'", subject: "key 'model.vocab'",
        expected: "the token that 'model.unk_token' names, for words that have no pieces")
    }
    let length = model["max_input_chars_per_word"] ?? 100
    guard let maximumWordLength = length.int, maximumWordLength >= 0 else {
      throw GraftError(
        .malformed, "wrong value", subject: "key 'model.max_input_chars_per_word'",
        expected: "a whole number, 0 or more", found: length.kind)
    }
    func id(_ role: String) -> Int32? { vocabulary.id(of: settings.token(role)) }
    self.init(
      vocabulary: vocabulary, addedTokens: added,
      normalizer: try BertNormalizer(json: document["normalizer"] ?? .null),
      postProcessor: try PostProcessor(
        json: document["post_processor"] ?? .null, vocabularySize: vocabulary.tokens.count),
      decoder: try WordPieceDecoder(json: document["decoder"] ?? .null),
      specialTokens: SpecialTokens(
        padding: id("pad_token"), unknown: unknownID, classification: id("cls_token"),
        separator: id("sep_token"), mask: id("mask_token")),
      unknown: unknownID, maximumWordLength: maximumWordLength, document: document, configuration: [:])
    guard ["BertPreTokenizer"].contains(document["pre_tokenizer"]?["type"]?.string) else {
      throw unsupported("pre_tokenizer", document["pre_tokenizer"], expected: "BertPreTokenizer")
    }
    configuration = TokenizerConfiguration.updated(settings, for: self, unknown: unknown)
  }
}

/// The error for a part of another kind than those that are known.
private func unsupported(_ key: String, _ json: JSON?, expected: String) -> GraftError {
  GraftError(
    .unsupported, "a kind that Graft does not know", subject: "key '\(key)'", expected: expected,
    found: json?["type"]?.string ?? json?.kind ?? "nothing")
}

extension BertNormalizer {
  fileprivate init(json: JSON) throws {
    guard json != .null else {
      self = .none
      return
    }
    guard json["type"]?.string == "BertNormalizer" else {
      throw unsupported("normalizer", json, expected: "BertNormalizer")
    }
    self.init(
      cleanText: try json.flag("clean_text") ?? true,
      handleChineseCharacters: try json.flag("handle_chinese_chars") ?? true,
      stripAccents: try json.flag("strip_accents"), lowercase: try json.flag("lowercase") ?? true)
  }
}

extension WordPieceDecoder {
  fileprivate init(json: JSON) throws {
    guard json != .null else {
      self.init(prefix: nil, cleansUp: false)
      return
    }
    guard json["type"]?.string == "WordPiece" else {
      throw unsupported("decoder", json, expected: "WordPiece")
    }
    self.init(prefix: json["prefix"]?.string ?? "##", cleansUp: try json.flag("cleanup") ?? true)
  }
}

extension PostProcessor {
  fileprivate init(json: JSON, vocabularySize: Int) throws {
    func checked(_ value: JSON?, _ key: String) throws -> Int32 {
      guard let id = value?.int, (0..<vocabularySize).contains(id) else {
        throw GraftError(
          .malformed, "not the id of a token", subject: "key 'post_processor.\(key)'",
          expected: "a number below \(vocabularySize)", found: value?.kind ?? "nothing")
      }
      return Int32(id)
    }
    func template(_ key: String) throws -> [Element] {
      func error(_ problem: String, expected: String) -> GraftError {
        GraftError(.malformed, problem, subject: "key 'post_processor.\(key)'", expected: expected)
      }
      var elements: [Element] = []
      for json in json[key]?.array ?? [] {
        let part = json["SpecialToken"] ?? json["Sequence"]
        guard let name = part?["id"]?.string,
          let type = (part?["type_id"] ?? 0).int.flatMap(Int32.init(exactly:))
        else { throw error("wrong element", expected: "SpecialToken or Sequence with an id") }
        if json["Sequence"] != nil {
          elements.append(.sequence(isPair: name == "B", type: type))
        } else {
          elements += try specialIDs(name).map { .special(id: $0, type: type) }
        }
        // Every text gets all of this, so a short file must not ask for much.
        guard elements.count <= 1000 else { throw error("too long", expected: "at most 1000 tokens") }
      }
      for isPair in [false, true] {
        let uses = elements.count { if case .sequence(isPair, _) = $0 { true } else { false } }
        guard uses <= 1 else { throw error("a sequence is used twice", expected: "A and B once each") }
      }
      return elements
    }
    func specialIDs(_ name: String) throws -> [Int32] {
      guard let ids = json["special_tokens"]?[name]?["ids"]?.array else {
        throw GraftError(
          .malformed, "unknown special token '\(name)'", subject: "key 'post_processor'",
          expected: "one of 'post_processor.special_tokens'")
      }
      return try ids.map { try checked($0, "special_tokens") }
    }
    switch (json, json["type"]?.string) {
    case (.null, _):
      self = .none
    case (_, "TemplateProcessing"):
      self.init(single: try template("single"), pair: try template("pair"))
    case (_, "BertProcessing"):
      self = .bert(
        classification: try checked(json["cls"]?.array?.last, "cls"),
        separator: try checked(json["sep"]?.array?.last, "sep"))
    default:
      throw unsupported("post_processor", json, expected: "TemplateProcessing or BertProcessing")
    }
  }
}
