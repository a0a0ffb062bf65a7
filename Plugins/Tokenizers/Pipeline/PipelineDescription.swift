import Foundation
import GraftCore
import GraftTensors
import OrderedCollections
import TokenizerKit

/// All that the files of a directory say about a tokenizer.
struct PipelineDescription {
  /// `tokenizer.json`.
  var file: TokenizerDocument
  var vocabulary: Vocabulary
  var addedTokens: [AddedToken]
  var normalizer: (any Normalizer)?
  var preTokenizer: (any PreTokenizer)?
  var model: any TokenModel
  var postProcessor: PostProcessor
  var decoder: (any Decoder)?
  var specialTokens: SpecialTokens
  /// `tokenizer_config.json`.
  var configuration: JSON
  /// What was decided where files disagree, in sentences.
  var notes: [String] = []
}

extension PipelineDescription {
  /// What the tokens with a role are called where nothing says it and the vocabulary has them.
  private static let defaultTokens: KeyValuePairs<String, [String]> = [
    "bos_token": ["<s>"], "eos_token": ["</s>"], "unk_token": ["<unk>", "[UNK]"],
    "sep_token": ["[SEP]", "</s>"],
    "pad_token": ["[PAD]", "<pad>"], "cls_token": ["[CLS]", "<s>"], "mask_token": ["[MASK]", "<mask>"],
  ]

  /// - Parameter file: A `tokenizer.json`, with whatever tokens the settings add to its own.
  /// - Throws: ``GraftError`` for parts that do not fit together, or that are of a kind that is not known.
  init(adding settings: TokenizerSettings, to file: TokenizerDocument) throws {
    let (json, _, notes) = try file.addingTokens(of: settings, PieceTable(file.entries))
    try self.init(file.replacing(json), settings)
    self.notes = notes
  }

  /// - Throws: ``GraftError`` for parts that do not fit together, or that are of a kind that is not known.
  init(_ file: TokenizerDocument, _ settings: TokenizerSettings) throws {
    guard !file.entries.isEmpty else {
      throw GraftError(.malformed, "the vocabulary is empty", subject: "key 'model.vocab'")
    }
    self.file = file
    let json = file.json
    addedTokens = try AddedToken.list(of: json)
    // Of equal tokens, which a list with scores may have, the last counts.
    let vocabulary = try Vocabulary(
      file.scores == nil ? file.entries : file.entries.reversed(),
      added: addedTokens.map { ($0.content, Int($0.id)) })
    self.vocabulary = vocabulary
    normalizer = try Normalizers.read(json["normalizer"] ?? .null)
    preTokenizer = try PreTokenizers.read(json["pre_tokenizer"] ?? .null)
    let model = try TokenModels.read(file, vocabulary)
    self.model = model
    postProcessor = try PostProcessor(
      json: json["post_processor"] ?? .null, vocabularySize: vocabulary.tokens.count)
    decoder = try Decoders.read(json["decoder"] ?? .null)
    var settings = settings
    for (role, tokens) in Self.defaultTokens where settings.defaults[role].flatMap(vocabulary.id(of:)) == nil
    {
      settings.defaults[role] = tokens.first { vocabulary.id(of: $0) != nil }
    }
    specialTokens = settings.specialTokens(in: vocabulary)
    specialTokens.unknown = model.unknown ?? specialTokens.unknown
    let roles = model.unknown.map { ["unk_token": vocabulary.tokens[Int($0)]] } ?? [:]
    var members = try settings.updatedConfiguration(for: vocabulary, added: addedTokens, roles).object ?? [:]
    if members["tokenizer_class"] == nil { members["tokenizer_class"] = "PreTrainedTokenizerFast" }
    configuration = .object(members)
  }

  /// Reads the texts of `tokenizer.json` and `tokenizer_config.json` that a weight file carries.
  ///
  /// - Returns: `nil` when it carries none.
  init?(attributes: OrderedDictionary<String, JSON>) throws {
    let description = try TokenizerDocument.read(attributes, defaults: [:]) {
      try Self(adding: $1, to: TokenizerDocument(parsing: $0))
    }
    guard let description else { return nil }
    self = description
  }

  /// Reads the files of a directory.
  ///
  /// - Returns: `nil` when there is none that describes a tokenizer.
  /// - Throws: ``GraftError`` that names the file and what is wrong in it.
  init?(directory url: URL) throws {
    let directory = TokenizerDirectory(url)
    if let bytes = try directory.read(TokenizerDocument.fileName) {
      let settings = try directory.settings(defaults: [:])
      self = try directory.inFile(TokenizerDocument.fileName) {
        try Self(adding: settings, to: TokenizerDocument(parsing: bytes))
      }
    } else if let (name, model, tokenizerClass) = try KerasTokenizer.model(in: directory) {
      self = try directory.inFile(name) {
        try Self(model, tokenizerClass, TokenizerSettings(defaults: [:]))
      }
    } else if let name = SentencePieceClass.fileNames.first(where: directory.has) {
      try self.init(directory, sentencePiece: name)
    } else {
      return nil
    }
  }

  /// Reads a SentencePiece model, and the files beside it.
  private init(_ directory: TokenizerDirectory, sentencePiece name: String) throws {
    let settings = try directory.settings(defaults: [:])
    let tokenizerClass = try directory.inFile(TokenizerSettings.configurationName) {
      try SentencePieceClass.find(settings, model: try directory.readObject("config.json"), fileName: name)
    }
    self = try directory.inFile(name) {
      try Self(SentencePieceFile(directory.read(name) ?? []), tokenizerClass, settings)
    }
  }

  /// What a class makes of a SentencePiece model.
  private init(
    _ model: SentencePieceFile, _ tokenizerClass: SentencePieceClass, _ settings: TokenizerSettings
  ) throws {
    let conversion = SentencePieceConversion(
      model: model, tokenizerClass: tokenizerClass, settings: settings)
    var settings = settings
    settings.defaults = tokenizerClass.tokens
    try self.init(conversion.document(), settings)
    // Its own classes of transformers 5 would make another tokenizer of the same pieces.
    var members = configuration.object ?? [:]
    members["tokenizer_class"] = "PreTrainedTokenizerFast"
    configuration = .object(members)
  }
}
