import Foundation
import GraftCore
import GraftTensors
import OrderedCollections
import TokenizerKit

/// All that the files of a directory say about a WordPiece tokenizer.
struct TokenizerDescription {
  var vocabulary: Vocabulary
  var addedTokens: [AddedToken]
  var normalizer: BertNormalizer
  var model: WordPieceModel
  var postProcessor: PostProcessor
  /// `nil` when all tokens stand apart.
  var decoder: WordPieceDecoder?
  var specialTokens: SpecialTokens
  /// `tokenizer.json` without its vocabulary.
  var document: JSON
  /// `tokenizer_config.json`.
  var configuration: JSON
}

extension TokenizerDescription {
  /// What the tokens with a role are called where nothing says it.
  static let defaultTokens = [
    "unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]",
    "mask_token": "[MASK]",
  ]

  /// The same for the class of transformers that has RoBERTa's tokens in BERT's vocabulary, with two separators between
  /// texts and a mask that takes the space before it.
  private static let mpnetTokens = [
    "unk_token": "[UNK]", "sep_token": "</s>", "pad_token": "<pad>", "cls_token": "<s>",
    "mask_token": "<mask>",
  ]

  private static func isMPNet(_ settings: TokenizerSettings) -> Bool {
    ["MPNetTokenizer", "MPNetTokenizerFast"].contains(settings.configuration["tokenizer_class"]?.string)
  }

  /// Reads the texts of `tokenizer.json` and `tokenizer_config.json` that a weight file carries.
  ///
  /// - Returns: `nil` when it carries none, or of another kind.
  /// - Throws: ``GraftError`` that names the text and what is wrong in it.
  init?(attributes: OrderedDictionary<String, JSON>) throws {
    let description = try TokenizerDocument.read(attributes, defaults: Self.defaultTokens) {
      try Self(parsing: $0, $1)
    }
    guard let description else { return nil }
    self = description
  }

  /// Reads the files of a directory.
  ///
  /// - Returns: `nil` when there is neither `tokenizer.json` nor `vocab.txt`, or `tokenizer.json` is of
  ///   another kind.
  /// - Throws: ``GraftError`` that names the file and what is wrong in it.
  init?(directory url: URL) throws {
    let directory = TokenizerDirectory(url)
    if let keras = try KerasTokenizer(directory) {
      let lines = try directory.read(KerasTokenizer.vocabularyName)
      self = try directory.inFile(KerasTokenizer.vocabularyName) {
        try Self(
          entries: Vocabulary.lines(of: lines ?? []), TokenizerSettings(defaults: Self.defaultTokens),
          normalizer: keras.normalizer)
      }
      return
    }
    let json = try directory.read(TokenizerDocument.fileName)
    let lines = json == nil ? try directory.read("vocab.txt") : nil
    guard json != nil || lines != nil else { return nil }
    var settings = try directory.settings(defaults: Self.defaultTokens)
    if Self.isMPNet(settings) { settings.defaults = Self.mpnetTokens }
    if let json {
      guard
        let description = try directory.inFile(
          TokenizerDocument.fileName, { try Self(parsing: json, settings) })
      else {
        return nil
      }
      self = description
    } else {
      let (normalizer, listed) = try directory.inFile(TokenizerSettings.configurationName) {
        (try settings.normalizer(), try settings.decoderTokens() ?? [])
      }
      let extraTokens = try directory.inFile(TokenizerSettings.addedTokensName) { try settings.extraTokens() }
      self = try directory.inFile("vocab.txt") {
        try Self(
          entries: Vocabulary.lines(of: lines ?? []), settings, normalizer: normalizer, addedTokens: listed,
          extraTokens: extraTokens)
      }
    }
  }

  /// What a bare vocabulary means, with the settings beside it.
  ///
  /// - Parameters:
  ///   - entries: Tokens by id.
  ///   - normalizer: ``TokenizerSettings/normalizer()``.
  ///   - addedTokens: ``TokenizerSettings/decoderTokens()``.
  ///   - extraTokens: ``TokenizerSettings/extraTokens()``.
  init(
    entries: [Vocabulary.Entry], _ settings: TokenizerSettings, normalizer: BertNormalizer,
    addedTokens: [AddedToken] = [], extraTokens: [TokenizerSettings.ExtraToken] = []
  ) throws {
    let ids = Dictionary(uniqueKeysWithValues: entries.map { (Array($0.token.utf8), $0.id) })
    var addedTokens = addedTokens
    var seen = Set(addedTokens.map { Array($0.content.utf8) })
    for role in ["unk_token", "sep_token", "pad_token", "cls_token", "mask_token"] {
      guard let token = settings.token(role), !seen.contains(Array(token.utf8)) else { continue }
      guard let id = ids[Array(token.utf8)] else {
        // Without these two, texts can be tokenized and nothing be masked or padded.
        if ["pad_token", "mask_token"].contains(role) { continue }
        throw GraftError(
          .malformed, "the vocabulary has no line '\(token)'", expected: "the token that is the \(role)",
          advice: "Name the right one as '\(role)' in tokenizer_config.json.")
      }
      seen.insert(Array(token.utf8))
      let entry = settings.entry(role).flatMap { $0.members == nil ? nil : $0 }
      let flags: JSON = role == "mask_token" && Self.isMPNet(settings) ? ["lstrip": true] : [:]
      var added = try AddedToken(id: Int32(id), content: token, flags: entry ?? flags, isSpecial: true)
      added.isSpecial = true
      addedTokens.append(added)
    }
    var next = addedTokens.reduce(Int32(clamping: entries.count)) {
      max($0, $1.id == .max ? $1.id : $1.id + 1)
    }
    for token in extraTokens where seen.insert(Array(token.content.utf8)).inserted {
      let id = token.id ?? ids[Array(token.content.utf8)].map { Int32($0) } ?? next
      if id >= next, id < Int32.max { next = id + 1 }
      addedTokens.append(
        try AddedToken(
          id: id, content: token.content, flags: token.flags,
          isSpecial: token.isSpecial
            || TokenizerSettings.roles.contains { settings.token($0) == token.content }))
    }
    let document = BertDocument.make(
      normalizer: normalizer, addedTokens: addedTokens, unknown: settings.token("unk_token") ?? "",
      classification: settings.token("cls_token") ?? "", separator: settings.token("sep_token") ?? "",
      doublesSeparator: Self.isMPNet(settings))
    try self.init(document: document, entries: entries, settings)
  }
}
