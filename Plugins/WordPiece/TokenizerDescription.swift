import Foundation
import GraftCore

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

/// The files beside a vocabulary that say how it is used; each may be absent.
struct TokenizerSettings {
  /// `tokenizer_config.json`.
  var configuration: JSON = [:]
  /// `special_tokens_map.json`, which older checkpoints have.
  var specialTokensMap: JSON = [:]
  /// `added_tokens.json`, which older checkpoints have.
  var addedTokens: JSON = [:]

  static let roles = ["unk_token", "sep_token", "pad_token", "cls_token", "mask_token"]

  /// The token of a role, a string or an object with `content`.
  ///
  /// - Parameter role: One of ``roles``.
  func token(_ role: String) -> String {
    for source in [configuration, specialTokensMap] {
      if let value = source[role], let token = value.string ?? value["content"]?.string { return token }
    }
    return "[" + role.prefix(while: { $0 != "_" }).uppercased() + "]"
  }

  /// Special tokens beyond the roles.
  var extraTokens: [String] {
    ["extra_special_tokens", "additional_special_tokens"].flatMap { key in
      (configuration[key] ?? specialTokensMap[key])?.array ?? []
    }.compactMap { $0.string ?? $0["content"]?.string }
  }
}

extension TokenizerDescription {
  /// Reads the files of a directory.
  ///
  /// - Returns: `nil` when there is neither `tokenizer.json` nor `vocab.txt`, or `tokenizer.json` is of another kind.
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
    let json = try read("tokenizer.json")
    let lines = json == nil ? try read("vocab.txt") : nil
    guard json != nil || lines != nil else { return nil }
    let settings = TokenizerSettings(
      configuration: try readObject("tokenizer_config.json"),
      specialTokensMap: try readObject("special_tokens_map.json"),
      addedTokens: try readObject("added_tokens.json"))
    if let json {
      guard let description = try inFile("tokenizer.json", { try Self(parsing: json, settings) }) else {
        return nil
      }
      self = description
    } else {
      self = try inFile("vocab.txt") { try Self(lines: lines ?? [], settings) }
    }
  }

  /// What a `vocab.txt` means, with the settings beside it.
  init(lines: [UInt8], _ settings: TokenizerSettings) throws {
    let entries = try Vocabulary.lines(of: lines)
    let ids = Dictionary(uniqueKeysWithValues: entries.map { ($0.token, $0.id) })
    var addedTokens: [AddedToken] = []
    for role in TokenizerSettings.roles {
      let token = settings.token(role)
      guard let id = ids[Array(token.utf8)] else {
        // Without these two, texts can be tokenized and nothing be masked or padded.
        if ["pad_token", "mask_token"].contains(role) { continue }
        throw GraftError(
          .malformed, "the vocabulary has no line '\(token)'", expected: "the token that is the \(role)",
          advice: "Name the right one as '\(role)' in tokenizer_config.json.")
      }
      addedTokens.append(AddedToken(id: Int32(id), content: token))
    }
    var others = settings.extraTokens.map { (token: $0, id: ids[Array($0.utf8)], isSpecial: true) }
    for (token, id) in settings.addedTokens.object ?? [:] {
      guard let id = id.int else {
        throw GraftError(
          .malformed, "the id is not a whole number", file: "added_tokens.json", subject: "key '\(token)'")
      }
      others.removeAll { $0.token == token }
      others.append((token, id, settings.extraTokens.contains(token)))
    }
    var next = entries.count
    for other in others.sorted(by: { ($0.id ?? Int.max) < ($1.id ?? Int.max) }) {
      guard !addedTokens.contains(where: { $0.content == other.token }) else { continue }
      let id = other.id ?? next
      next = max(next, id + 1)
      addedTokens.append(
        AddedToken(
          id: Int32(clamping: id), content: other.token, isSpecial: other.isSpecial,
          isNormalized: !other.isSpecial))
    }
    let normalizer = BertNormalizer(
      cleanText: true,
      handleChineseCharacters: try settings.configuration.flag("tokenize_chinese_chars") ?? true,
      stripAccents: try settings.configuration.flag("strip_accents"),
      lowercase: try settings.configuration.flag("do_lower_case") ?? true)
    let document = TokenizerDocument.bert(
      normalizer: normalizer, addedTokens: addedTokens, unknown: settings.token("unk_token"),
      classification: settings.token("cls_token"), separator: settings.token("sep_token"))
    try self.init(document: document, entries: entries, settings)
  }
}

extension JSON {
  /// Whether a key is on; `nil` when it is absent or `null`.
  ///
  /// - Throws: ``GraftError`` when it is neither.
  func flag(_ key: String) throws -> Bool? {
    guard let value = self[key], value != .null else { return nil }
    guard let flag = value.bool else {
      throw GraftError(
        .malformed, "wrong value", subject: "key '\(key)'", expected: "true or false", found: value.kind)
    }
    return flag
  }
}
