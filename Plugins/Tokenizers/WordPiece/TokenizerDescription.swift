import Foundation
import GraftCore
import GraftTensors
import OrderedCollections

/// All that the files of a directory say about a WordPiece tokenizer.
struct TokenizerDescription {
  var vocabulary: Vocabulary
  var addedTokens: [AddedToken]
  var normalizer: BertNormalizer
  var postProcessor: PostProcessor
  var decoder: WordPieceDecoder
  var specialTokens: SpecialTokens
  var unknown: Int32
  var maximumWordLength: Int
  /// `tokenizer.json` without its vocabulary.
  var document: JSON
  /// `tokenizer_config.json`.
  var configuration: JSON
}

extension TokenizerDescription {
  static let documentName = "tokenizer.json"
  static let configurationName = "tokenizer_config.json"

  /// Reads the texts of `tokenizer.json` and `tokenizer_config.json` that a weight file carries.
  ///
  /// - Returns: `nil` when it carries none, or of another kind.
  /// - Throws: ``GraftError`` that names the text and what is wrong in it.
  init?(attributes: OrderedDictionary<String, JSON>) throws {
    guard let text = attributes[Self.documentName]?.string else { return nil }
    do {
      let configuration = try attributes[Self.configurationName]?.string.map {
        try JSON(parsing: Array($0.utf8))
      }
      let settings = TokenizerSettings(configuration: configuration ?? [:])
      guard let description = try Self(parsing: Array(text.utf8), settings) else { return nil }
      self = description
    } catch var error as GraftError {
      error.subject = error.subject ?? "attribute '\(Self.documentName)'"
      throw error
    }
  }

  /// Reads the files of a directory.
  ///
  /// - Returns: `nil` when there is neither `tokenizer.json` nor `vocab.txt`, or `tokenizer.json` is of
  ///   another kind.
  /// - Throws: ``GraftError`` that names the file and what is wrong in it.
  init?(directory: URL) throws {
    func read(_ name: String) throws -> [UInt8]? {
      let url = directory.appendingPathComponent(name)
      guard FileManager.default.fileExists(atPath: url.path) else { return nil }
      return try RandomAccessFile(url).bytesOfWholeFile(limit: 1 << 28)
    }
    func inFile<Result>(_ name: String, _ body: () throws -> Result) throws -> Result {
      do {
        return try body()
      } catch let error as GraftError {
        throw error.inFile(directory.appendingPathComponent(name).path)
      }
    }
    func readObject(_ name: String) throws -> JSON {
      guard let bytes = try read(name) else { return [:] }
      return try inFile(name) {
        let value = try JSON(parsing: bytes)
        guard value.object != nil else {
          throw GraftError(.malformed, "not a JSON object", expected: "an object", found: value.kind)
        }
        return value
      }
    }
    if let keras = try KerasTokenizer(directory) {
      let lines = try read(KerasTokenizer.vocabularyName)
      self = try inFile(KerasTokenizer.vocabularyName) {
        try Self(lines: lines ?? [], TokenizerSettings(), normalizer: keras.normalizer, extraTokens: [])
      }
      return
    }
    let json = try read(Self.documentName)
    let lines = json == nil ? try read("vocab.txt") : nil
    guard json != nil || lines != nil else { return nil }
    let settings = TokenizerSettings(
      configuration: try readObject(Self.configurationName),
      specialTokensMap: try readObject("special_tokens_map.json"),
      addedTokens: try readObject("added_tokens.json"))
    if let json {
      guard let description = try inFile(Self.documentName, { try Self(parsing: json, settings) }) else {
        return nil
      }
      self = description
    } else {
      let normalizer = try inFile(Self.configurationName) { try settings.normalizer() }
      let extraTokens = try inFile("added_tokens.json") { try settings.extraTokens() }
      self = try inFile("vocab.txt") {
        try Self(lines: lines ?? [], settings, normalizer: normalizer, extraTokens: extraTokens)
      }
    }
  }

  /// What the lines of a `vocab.txt` mean, with the settings beside it.
  ///
  /// - Parameters:
  ///   - normalizer: ``TokenizerSettings/normalizer()``.
  ///   - extraTokens: ``TokenizerSettings/extraTokens()``.
  init(
    lines: [UInt8], _ settings: TokenizerSettings, normalizer: BertNormalizer,
    extraTokens: [TokenizerSettings.ExtraToken]
  ) throws {
    let entries = try Vocabulary.lines(of: lines)
    let ids = Dictionary(uniqueKeysWithValues: entries.map { (Array($0.token.utf8), $0.id) })
    var addedTokens: [AddedToken] = []
    var seen: Set<[UInt8]> = []
    for role in TokenizerSettings.roles {
      let token = settings.token(role)
      guard let id = ids[Array(token.utf8)] else {
        // Without these two, texts can be tokenized and nothing be masked or padded.
        if ["pad_token", "mask_token"].contains(role) { continue }
        throw GraftError(
          .malformed, "the vocabulary has no line '\(token)'", expected: "the token that is the \(role)",
          advice: "Name the right one as '\(role)' in tokenizer_config.json.")
      }
      guard seen.insert(Array(token.utf8)).inserted else { continue }
      addedTokens.append(AddedToken(id: Int32(id), content: token))
    }
    var next = Int32(clamping: entries.count)
    for token in extraTokens where seen.insert(Array(token.content.utf8)).inserted {
      let id = token.id ?? ids[Array(token.content.utf8)].map { Int32($0) } ?? next
      if id >= next, id < Int32.max { next = id + 1 }
      addedTokens.append(
        AddedToken(
          id: id, content: token.content, isSpecial: token.isSpecial, isNormalized: !token.isSpecial))
    }
    let document = TokenizerDocument.bert(
      normalizer: normalizer, addedTokens: addedTokens, unknown: settings.token("unk_token"),
      classification: settings.token("cls_token"), separator: settings.token("sep_token"))
    try self.init(document: document, entries: entries, settings)
  }
}
