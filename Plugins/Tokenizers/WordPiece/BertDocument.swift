import GraftTensors
import TokenizerKit

/// A BERT tokenizer as `tokenizer.json` spells it.
enum BertDocument {
  /// The document, without its vocabulary.
  ///
  /// - Parameter addedTokens: Includes the tokens named by the other parameters.
  static func make(
    normalizer: BertNormalizer, addedTokens: [AddedToken], unknown: String, classification: String,
    separator: String
  ) -> JSON {
    [
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
      "post_processor": PostProcessor.bertTemplate(
        classification: classification, separator: separator, addedTokens),
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

extension TokenizerDescription {
  /// What a `tokenizer.json` means.
  ///
  /// - Returns: `nil` when its model is not WordPiece.
  init?(parsing bytes: [UInt8], _ settings: TokenizerSettings) throws {
    guard let file = try TokenizerDocument(parsing: bytes, ifModelIs: "WordPiece") else { return nil }
    // Files of before 2020 do not name the type; only WordPiece has this key.
    guard try file.modelType() != nil || file.json["model"]?["max_input_chars_per_word"] != nil else {
      return nil
    }
    guard !file.entries.isEmpty else {
      throw GraftError(.malformed, "the vocabulary is empty", subject: "key 'model.vocab'")
    }
    try self.init(document: file.json, entries: file.entries, settings)
  }

  /// - Throws: ``GraftError`` for parts that do not fit together, or that are of a kind that is not known
  ///   here.
  init(document: JSON, entries: [Vocabulary.Entry], _ settings: TokenizerSettings) throws {
    let model = document["model"] ?? [:]
    let prefix = model["continuing_subword_prefix"]?.string ?? "##"
    let added = try (document["added_tokens"]?.array ?? []).map(AddedToken.init)
    let vocabulary = try Vocabulary(entries, added: added.map { ($0.content, Int($0.id)) })
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
    var specialTokens = settings.specialTokens(in: vocabulary)
    specialTokens.unknown = unknownID
    self.init(
      vocabulary: vocabulary, prefix: prefix, addedTokens: added,
      normalizer: try BertNormalizer(json: document["normalizer"] ?? .null),
      postProcessor: try PostProcessor(
        json: document["post_processor"] ?? .null, vocabularySize: vocabulary.tokens.count),
      decoder: try WordPieceDecoder(json: document["decoder"] ?? .null),
      specialTokens: specialTokens, unknown: unknownID, maximumWordLength: maximumWordLength,
      document: document, configuration: [:])
    guard ["BertPreTokenizer"].contains(document["pre_tokenizer"]?["type"]?.string) else {
      throw TokenizerDocument.unsupported(
        "pre_tokenizer", document["pre_tokenizer"], expected: "BertPreTokenizer")
    }
    configuration = TokenizerConfiguration.updated(settings, for: self, unknown: unknown)
  }
}

extension BertNormalizer {
  fileprivate init(json: JSON) throws {
    guard json != .null else {
      self = .none
      return
    }
    guard json["type"]?.string == "BertNormalizer" else {
      throw TokenizerDocument.unsupported("normalizer", json, expected: "BertNormalizer")
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
      throw TokenizerDocument.unsupported("decoder", json, expected: "WordPiece")
    }
    self.init(prefix: json["prefix"]?.string ?? "##", cleansUp: try json.flag("cleanup") ?? true)
  }
}
