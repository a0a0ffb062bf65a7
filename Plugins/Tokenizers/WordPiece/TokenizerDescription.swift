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
  /// What was decided where files disagree, in sentences.
  var notes: [String] = []
}

extension TokenizerDescription {
  /// What the tokens with a role are called where nothing says it.
  static let defaultTokens = [
    "unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]",
    "mask_token": "[MASK]",
  ]

  /// Reads the texts of `tokenizer.json` and `tokenizer_config.json` that a weight file carries.
  ///
  /// - Returns: `nil` when it carries none, or of another kind.
  /// - Throws: ``GraftError`` that names the text and what is wrong in it.
  init?(attributes: OrderedDictionary<String, JSON>) throws {
    let description = try TokenizerDocument.read(attributes, defaults: Self.defaultTokens) {
      try Self(parsing: $0, $1, WordPieceClass($1, model: [:], hasDocument: true))
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
      let bytes = try directory.read(KerasTokenizer.vocabularyName)
      self = try directory.inFile(KerasTokenizer.vocabularyName) {
        let (entries, notes) = try Vocabulary.lines(of: bytes ?? [])
        return try Self(
          entries: entries, TokenizerSettings(defaults: Self.defaultTokens), .bert,
          normalizer: keras.normalizer,
          notes: notes)
      }
      return
    }
    let json = try directory.read(TokenizerDocument.fileName)
    let lines = json == nil ? try directory.read("vocab.txt") : nil
    guard json != nil || lines != nil else { return nil }
    let settings = try directory.settings(defaults: Self.defaultTokens)
    let model = try directory.readObject("config.json")
    func madeBy() throws -> WordPieceClass {
      try directory.inFile(TokenizerSettings.configurationName) {
        try WordPieceClass(settings, model: model, hasDocument: json != nil)
      }
    }
    if let json {
      guard
        let description = try directory.inFile(
          TokenizerDocument.fileName, { try Self(parsing: json, settings, madeBy()) })
      else { return nil }
      self = description
    } else {
      let normalizer = try directory.inFile(TokenizerSettings.configurationName) { try settings.normalizer() }
      let tokenizerClass = try madeBy()
      self = try directory.inFile("vocab.txt") {
        let (entries, notes) = try Vocabulary.lines(of: lines ?? [])
        return try Self(entries: entries, settings, tokenizerClass, normalizer: normalizer, notes: notes)
      }
    }
  }

  /// What a class makes of a bare vocabulary, with the settings beside it.
  ///
  /// - Parameters:
  ///   - entries: Tokens by id.
  ///   - normalizer: ``TokenizerSettings/normalizer()``.
  ///   - listed: The added tokens that a `tokenizer.json` lists.
  ///   - notes: What a user should know of the vocabulary.
  init(
    entries: [Vocabulary.Entry], _ settings: TokenizerSettings, _ tokenizerClass: WordPieceClass,
    normalizer: BertNormalizer, listed: [AddedToken] = [], notes: [String] = [], table: PieceTable? = nil
  ) throws {
    var settings = settings
    settings.defaults = tokenizerClass.defaultTokens
    let table = table ?? PieceTable(entries)
    let (document, added, more) = try Self.document(
      settings, tokenizerClass, normalizer: normalizer, listed: listed, table, count: entries.count)
    // Without the others, texts can be tokenized and nothing be masked or padded.
    for role in ["unk_token", "cls_token", "sep_token"] {
      guard let token = settings.token(role), table.find(token) == nil else { continue }
      throw GraftError(
        .malformed, "the vocabulary has no line '\(token)'", expected: "the token that is the \(role)",
        advice: "Name the right one as '\(role)' in tokenizer_config.json.")
    }
    try self.init(document: document, entries: entries, added: added, settings, table)
    self.notes = notes + more
  }

  /// What a class makes of a vocabulary and the settings: the document, the added tokens, and what was decided otherwise
  /// than a file says.
  static func document(
    _ settings: TokenizerSettings, _ tokenizerClass: WordPieceClass, normalizer: BertNormalizer,
    listed: [AddedToken], _ table: PieceTable, count: Int
  ) throws -> (document: JSON, added: [AddedToken], notes: [String]) {
    var settings = settings
    settings.defaults = tokenizerClass.defaultTokens
    let (added, notes) = try settings.addedTokens(
      beside: listed, in: table, count: count,
      flags: tokenizerClass == .mpnet ? ["mask_token": ["lstrip": true]] : [:])
    let document = BertDocument.make(
      normalizer: normalizer, addedTokens: added, unknown: settings.token("unk_token") ?? "",
      classification: settings.token("cls_token") ?? "", separator: settings.token("sep_token") ?? "",
      doublesSeparator: tokenizerClass == .mpnet)
    return (document, added, notes)
  }
}
