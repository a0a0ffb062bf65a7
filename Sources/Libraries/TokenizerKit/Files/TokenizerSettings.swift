import GraftCore
import GraftTensors

/// The files beside a vocabulary that say how it is used; each may be absent.
public struct TokenizerSettings: Sendable {
  /// `tokenizer_config.json`.
  public var configuration: JSON
  /// `special_tokens_map.json`, which older checkpoints have.
  public var specialTokensMap: JSON
  /// `added_tokens.json`, which older checkpoints have.
  public var addedTokens: JSON
  /// What the tokens with a role are called where nothing says it, by role.
  public var defaults: [String: String]

  public static let configurationName = "tokenizer_config.json"
  public static let specialTokensMapName = "special_tokens_map.json"
  public static let addedTokensName = "added_tokens.json"

  /// The names of all three.
  public static let fileNames = [configurationName, specialTokensMapName, addedTokensName]

  public init(
    configuration: JSON = [:], specialTokensMap: JSON = [:], addedTokens: JSON = [:],
    defaults: [String: String]
  ) {
    self.configuration = configuration
    self.specialTokensMap = specialTokensMap
    self.addedTokens = addedTokens
    self.defaults = defaults
  }

  /// The roles that transformers knows.
  public static let roles = [
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
  ]

  private static let listKeys = ["extra_special_tokens", "additional_special_tokens"]

  /// Whether `added_tokens_decoder` lists the added tokens. Then transformers reads neither of the other files; otherwise
  /// `special_tokens_map.json` has precedence over `tokenizer_config.json`.
  private var listsAddedTokens: Bool { ![nil, .null].contains(configuration["added_tokens_decoder"]) }

  /// What the files say of the token of a role: a string, or an object with `content` and flags.
  public func entry(_ role: String) -> JSON? {
    (listsAddedTokens ? [configuration] : [specialTokensMap, configuration]).lazy
      .compactMap { $0[role] }.first { Self.text(of: $0) != nil }
  }

  /// The token of a role, or its default; `nil` when there is none.
  public func token(_ role: String) -> String? { entry(role).flatMap(Self.text) ?? defaults[role] }

  /// The token that an entry names: a string, or an object with `content`; `nil` for anything else.
  private static func text(of entry: JSON) -> String? { entry.string ?? entry["content"]?.string }

  /// Checks the tokens in a `tokenizer_config.json` or `special_tokens_map.json`.
  ///
  /// - Throws: `GraftError` that names the key of one that is neither a string nor an object with `content`.
  public static func checkTokens(in json: JSON) throws {
    func check(_ entry: JSON, _ key: String) throws {
      guard text(of: entry) == nil else { return }
      throw GraftError(
        .malformed, "not a token", subject: "key '\(key)'", expected: "a string, or an object with 'content'",
        found: entry.kind)
    }
    for role in roles {
      if let entry = json[role], entry != .null { try check(entry, role) }
    }
    for key in listKeys {
      guard let value = json[key], value != .null else { continue }
      guard let entries = value.array ?? value.members?.map(\.value) else {
        throw GraftError(
          .malformed, "not a list of tokens", subject: "key '\(key)'", expected: "a list or an object",
          found: value.kind)
      }
      for entry in entries { try check(entry, key) }
    }
  }

  /// The ids of the tokens with a role that a vocabulary has.
  public func specialTokens(in vocabulary: Vocabulary) -> SpecialTokens {
    func id(_ role: String) -> Int32? { token(role).flatMap(vocabulary.id(of:)) }
    return SpecialTokens(
      padding: id("pad_token"), unknown: id("unk_token"), classification: id("cls_token"),
      separator: id("sep_token"), mask: id("mask_token"))
  }

  /// `tokenizer_config.json` with the tokens that a vocabulary has named by their roles.
  ///
  /// - Parameters:
  ///   - added: The tokens that are looked for in texts, which take the place of a list that says other ones.
  ///   - tokens: Tokens by role, where they are known better than from the files.
  /// - Throws: `GraftError` when an entry of `added_tokens_decoder` is no token.
  public func updatedConfiguration(
    for vocabulary: Vocabulary, added: [AddedToken], _ tokens: [String: String] = [:]
  ) throws -> JSON {
    var members = configuration.object ?? [:]
    if let listed = try decoderTokens(), listed != added {
      members["added_tokens_decoder"] = JSON(
        members: added.map { token in
          JSON.Member("\(token.id)", JSON(members: (token.json.members ?? []).filter { $0.key != "id" }))
        })
    }
    for role in Self.roles {
      guard let token = tokens[role] ?? self.token(role), vocabulary.id(of: token) != nil else { continue }
      guard members[role]?["content"]?.string != token else { continue }
      members[role] = .string(token)
      if var entry = entry(role)?.object, entry["content"]?.string == token {
        entry["__type"] = "AddedToken"  // as transformers marks it in this file
        members[role] = .object(entry)
      }
    }
    return .object(members)
  }

  /// `special_tokens_map.json` of a `tokenizer_config.json`.
  public static func specialTokensMap(_ configuration: JSON) -> JSON {
    .object(
      roles.reduce(into: [:]) { map, role in
        if let entry = configuration[role], entry != .null { map[role] = entry }
      })
  }

  /// A token beyond the roles.
  public struct ExtraToken: Sendable {
    public var content: String
    /// Its id, if that is given.
    public var id: Int32?
    public var isSpecial: Bool
    /// The entry that describes it, an object with flags; empty when there is none.
    public var flags: JSON
  }

  /// The tokens beyond the roles: those with an id first, by id.
  ///
  /// - Throws: `GraftError` when an id in `added_tokens.json` is none.
  public func extraTokens() throws -> [ExtraToken] {
    let special = specialEntries.compactMap { entry in Self.text(of: entry).map { ($0, entry) } }
    let isSpecial = Set(special.map { Array($0.0.utf8) })
    var tokens: [ExtraToken] = []
    for member in listsAddedTokens ? [] : addedTokens.members ?? [] {
      guard let id = member.value.int.flatMap(Int32.init(exactly:)), id >= 0 else {
        throw GraftError(
          .malformed, "not an id", subject: "key '\(member.key)'", expected: "a whole number, 0 or more",
          found: member.value.kind)
      }
      tokens.append(
        ExtraToken(
          content: member.key, id: id, isSpecial: isSpecial.contains(Array(member.key.utf8)), flags: [:]))
    }
    tokens.sort { ($0.id ?? 0) < ($1.id ?? 0) }
    return tokens
      + special.map {
        ExtraToken(content: $0.0, id: nil, isSpecial: true, flags: $0.1.object == nil ? [:] : $0.1)
      }
  }

  /// The special tokens beyond the roles, put together as transformers 5 does: those with a name of their own, and the
  /// list, which has one of two names.
  private var specialEntries: [JSON] {
    var named = Self.namedTokens(configuration)
    var list = configuration[Self.listKeys[0]]
    var additional = configuration[Self.listKeys[1]]
    let hasNone = list.map { ($0.array?.count ?? $0.members?.count ?? 0) == 0 } ?? true
    if hasNone, let tokens = additional { (list, additional) = (tokens, nil) }
    if let members = list?.members {
      named += members.map(\.value)
      list = nil
    }
    if !listsAddedTokens {
      named += Self.namedTokens(specialTokensMap)
      additional = specialTokensMap[Self.listKeys[1]] ?? additional
      if let further = specialTokensMap[Self.listKeys[0]] {
        if let entries = further.array {
          list = .array((list?.array ?? []) + entries)
        } else if let members = further.members {
          named += members.map(\.value)
          list = nil
        } else {
          list = further
        }
      }
    }
    return named + ((list ?? additional)?.array ?? [])
  }

  /// Tokens with names beyond the roles, such as `image_token`.
  private static func namedTokens(_ json: JSON) -> [JSON] {
    (json.members ?? []).filter {
      $0.key.hasSuffix("_token") && !roles.contains($0.key) && text(of: $0.value) != nil
    }.map(\.value)
  }

  /// The tokens of the `added_tokens_decoder` of `tokenizer_config.json`, by id; `nil` when there is none.
  ///
  /// - Throws: `GraftError` when an entry is no token.
  public func decoderTokens() throws -> [AddedToken]? {
    guard listsAddedTokens, let list = configuration["added_tokens_decoder"] else { return nil }
    guard let members = list.members else {
      throw GraftError(
        .malformed, "not a list of tokens", subject: "key 'added_tokens_decoder'", expected: "an object",
        found: list.kind)
    }
    return try members.map { member in
      guard let id = Int32(member.key), id >= 0, let content = member.value["content"]?.string,
        !content.isEmpty
      else {
        throw GraftError(
          .malformed, "not a token", subject: "key 'added_tokens_decoder.\(member.key)'",
          expected: "an id, and an object with 'content'", found: member.value.kind)
      }
      return try AddedToken(id: id, content: content, flags: member.value)
    }.sorted { $0.id < $1.id }
  }
}
