import GraftTensors
import TokenizerKit

/// A BERT tokenizer as `tokenizer.json` spells it.
enum BertDocument {
  /// The document, without its vocabulary.
  ///
  /// - Parameter addedTokens: Includes the tokens named by the other parameters.
  static func make(
    normalizer: BertNormalizer, addedTokens: [AddedToken], unknown: String, classification: String,
    separator: String, doublesSeparator: Bool
  ) -> JSON {
    [
      "version": "1.0",
      "truncation": .null,
      "padding": .null,
      "added_tokens": .array(addedTokens.sorted { $0.id < $1.id }.map(\.json)),
      "normalizer": normalizer.json,
      "pre_tokenizer": BertPreTokenizer().json,
      "post_processor": PostProcessor.bertTemplate(
        classification: classification, separator: separator, addedTokens, doublesSeparator: doublesSeparator),
      "decoder": WordPieceDecoder().json,
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
  /// - Returns: `nil` when its model is not WordPiece, or text is cleaned, split or decoded in another way than BERT's.
  init?(parsing bytes: [UInt8], _ settings: TokenizerSettings) throws {
    guard let file = try TokenizerDocument(parsing: bytes, ifModelIs: WordPieceModel.kind) else { return nil }
    // Files of before 2020 do not name the type; only WordPiece has this key.
    guard try file.modelType() != nil || file.json["model"]?["max_input_chars_per_word"] != nil else {
      return nil
    }
    func isAbsent(_ key: String) -> Bool { [nil, .null].contains(file.json[key]) }
    func isOf(_ kind: String, key: String) -> Bool { file.json[key]?["type"]?.string == kind }
    let decoder = file.json["decoder"]
    // `tokenizers` knows this one by its keys too.
    let isUntypedDecoder =
      decoder?["type"] == nil && decoder?["prefix"]?.string != nil && decoder?["cleanup"]?.bool != nil
    guard isAbsent("normalizer") || isOf(BertNormalizer.kind, key: "normalizer"),
      isOf(BertPreTokenizer.kind, key: "pre_tokenizer"),
      isAbsent("decoder") || isOf(WordPieceDecoder.kind, key: "decoder") || isUntypedDecoder
    else { return nil }
    guard !file.entries.isEmpty else {
      throw GraftError(.malformed, "the vocabulary is empty", subject: "key 'model.vocab'")
    }
    try self.init(document: file.json, entries: file.entries, settings)
  }

  /// - Throws: ``GraftError`` for parts that do not fit together, or that are of a kind that is not known
  ///   here.
  init(document: JSON, entries: [Vocabulary.Entry], _ settings: TokenizerSettings) throws {
    let added = try AddedToken.list(of: document)
    let vocabulary = try Vocabulary(entries, added: added.map { ($0.content, Int($0.id)) })
    let model = try WordPieceModel(ComponentReader(document["model"] ?? [:], "model"), vocabulary)
    var specialTokens = settings.specialTokens(in: vocabulary)
    specialTokens.unknown = model.unknown
    self.init(
      vocabulary: vocabulary, addedTokens: added,
      normalizer: try document.normalizer(), model: model,
      postProcessor: try PostProcessor(
        json: document["post_processor"] ?? .null, vocabularySize: vocabulary.tokens.count),
      decoder: try document.decoder(), specialTokens: specialTokens, document: document, configuration: [:])
    configuration = TokenizerConfiguration.updated(
      settings, for: self, unknown: vocabulary.tokens[Int(model.unknownID)])
  }
}

extension JSON {
  fileprivate func normalizer() throws -> BertNormalizer {
    guard let json = self["normalizer"], json != .null else { return .none }
    return try BertNormalizer(ComponentReader(json, "normalizer"))
  }

  fileprivate func decoder() throws -> WordPieceDecoder? {
    guard let json = self["decoder"], json != .null else { return nil }
    return try WordPieceDecoder(ComponentReader(json, "decoder"))
  }
}
