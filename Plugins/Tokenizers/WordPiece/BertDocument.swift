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
      "post_processor": doublesSeparator
        ? PostProcessor.robertaProcessing(
          classification: classification, separator: separator, addedTokens, trimsOffsets: true,
          addsPrefixSpace: false)
        : PostProcessor.bertTemplate(classification: classification, separator: separator, addedTokens),
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
  /// What a `tokenizer.json` means to a class of transformers.
  ///
  /// - Returns: `nil` when its model is not WordPiece, or no class says how text is cleaned, split and decoded, and the file
  ///   does it in another way than BERT's.
  init?(
    parsing bytes: [UInt8], _ settings: TokenizerSettings,
    _ tokenizerClass: @autoclosure () throws -> WordPieceClass
  )
    throws
  {
    guard let file = try TokenizerDocument(parsing: bytes, ifModelIs: WordPieceModel.kind) else { return nil }
    // Files of before 2020 do not name the type; only WordPiece has this key.
    guard try file.modelType() != nil || file.json["model"]?["max_input_chars_per_word"] != nil else {
      return nil
    }
    guard !file.entries.isEmpty else {
      throw GraftError(.malformed, "the vocabulary is empty", subject: "key 'model.vocab'")
    }
    let tokenizerClass = try tokenizerClass()
    let table = PieceTable(file.entries)
    let whole = try file.json.isBERT ? Self(file, settings, table) : nil
    guard tokenizerClass != .file else {
      guard let whole else { return nil }
      self = whole
      return
    }
    // `added_tokens_decoder` takes the place of the file's list there.
    let listed = try settings.decoderTokens() == nil ? AddedToken.list(of: file.json) : []
    let normalizer = try settings.normalizer()
    // Before the tables of another tokenizer are made, which is rarely another.
    let differences =
      try whole.map { whole in
        try whole.rulesOfClass(tokenizerClass, settings, normalizer, listed: listed).differences(
          from: whole.rules)
      } ?? ["text is cleaned, split and joined as BERT's"]
    if let whole, differences.isEmpty {
      self = whole
      return
    }
    var made = try Self(
      entries: file.entries, settings, tokenizerClass, normalizer: normalizer, listed: listed, table: table)
    made.document = JSON(
      members: (made.document.members ?? []).map { member in
        ["truncation", "padding"].contains(member.key)
          ? JSON.Member(member.key, file.json[member.key] ?? .null) : member
      })
    let name = settings.configuration["tokenizer_class"]?.string ?? "the family's class"
    made.notes.append(
      "\(name) goes by tokenizer_config.json and not by tokenizer.json, as in transformers: "
        + differences.joined(separator: ", "))
    self = made
  }

  /// A `tokenizer.json` as it is, with the tokens that the files beside it add.
  private init(_ file: TokenizerDocument, _ settings: TokenizerSettings, _ table: PieceTable) throws {
    let (document, added, notes) = try file.addingTokens(of: settings, table)
    try self.init(document: document, entries: file.entries, added: added, settings, table)
    self.notes = notes
  }

  /// What it does with texts.
  private var rules: BertRules {
    BertRules(
      normalizer: normalizer, prefix: model.prefix, maximumWordLength: model.maximumWordLength,
      unknown: vocabulary.tokens[Int(model.unknownID)], postProcessor: postProcessor,
      addedTokens: addedTokens, decoder: decoder)
  }

  /// What a class makes of this vocabulary, without its tables.
  private func rulesOfClass(
    _ tokenizerClass: WordPieceClass, _ settings: TokenizerSettings, _ normalizer: BertNormalizer,
    listed: [AddedToken]
  ) throws -> BertRules {
    let (document, added, _) = try Self.document(
      settings, tokenizerClass, normalizer: normalizer, listed: listed, vocabulary.model,
      count: vocabulary.isOfModel.count(where: \.self))
    let model = document["model"]
    return BertRules(
      normalizer: normalizer, prefix: model?["continuing_subword_prefix"]?.string,
      maximumWordLength: model?["max_input_chars_per_word"]?.int,
      unknown: model?["unk_token"]?.string,
      postProcessor: try PostProcessor(
        json: document["post_processor"] ?? .null, vocabularySize: vocabulary.tokens.count),
      addedTokens: added, decoder: try document.decoder())
  }

  /// - Throws: ``GraftError`` for parts that do not fit together, or that are of a kind that is not known
  ///   here.
  init(
    document: JSON, entries: [Vocabulary.Entry], added: [AddedToken], _ settings: TokenizerSettings,
    _ table: PieceTable
  ) throws {
    let vocabulary = try Vocabulary(entries, added: added.map { ($0.content, Int($0.id)) }, table: table)
    let model = try WordPieceModel(ComponentReader(document["model"] ?? [:], "model"), vocabulary)
    var specialTokens = settings.specialTokens(in: vocabulary)
    specialTokens.unknown = model.unknown
    self.init(
      vocabulary: vocabulary, addedTokens: added,
      normalizer: try document.normalizer(), model: model,
      postProcessor: try PostProcessor(
        json: document["post_processor"] ?? .null, vocabularySize: vocabulary.tokens.count),
      decoder: try document.decoder(), specialTokens: specialTokens, document: document, configuration: [:])
    configuration = try TokenizerConfiguration.updated(
      settings, for: self, unknown: vocabulary.tokens[Int(model.unknownID)])
  }
}

extension JSON {
  /// Whether a `tokenizer.json` cleans, splits and joins text in BERT's way, with whatever settings.
  fileprivate var isBERT: Bool {
    func isAbsent(_ key: String) -> Bool { [nil, .null].contains(self[key]) }
    func isOf(_ kind: String, key: String) -> Bool { self[key]?["type"]?.string == kind }
    let decoder = self["decoder"]
    // `tokenizers` knows this one by its keys too.
    let isUntypedDecoder =
      decoder?["type"] == nil && decoder?["prefix"]?.string != nil && decoder?["cleanup"]?.bool != nil
    return (isAbsent("normalizer") || isOf(BertNormalizer.kind, key: "normalizer"))
      && isOf(BertPreTokenizer.kind, key: "pre_tokenizer")
      && (isAbsent("decoder") || isOf(WordPieceDecoder.kind, key: "decoder") || isUntypedDecoder)
  }

  fileprivate func normalizer() throws -> BertNormalizer {
    guard let json = self["normalizer"], json != .null else { return .none }
    return try BertNormalizer(ComponentReader(json, "normalizer"))
  }

  fileprivate func decoder() throws -> WordPieceDecoder? {
    guard let json = self["decoder"], json != .null else { return nil }
    return try WordPieceDecoder(ComponentReader(json, "decoder"))
  }
}
