import GraftTensors

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

  /// A token beyond the roles.
  struct ExtraToken {
    var content: String
    /// Its id, if that is given.
    var id: Int32?
    var isSpecial: Bool
  }

  /// The tokens beyond the roles: those with an id first, by id.
  ///
  /// - Throws: ``GraftError`` when an id in `added_tokens.json` is none.
  func extraTokens() throws -> [ExtraToken] {
    let special = ["extra_special_tokens", "additional_special_tokens"].flatMap { key in
      (configuration[key] ?? specialTokensMap[key])?.array ?? []
    }.compactMap { $0.string ?? $0["content"]?.string }
    let isSpecial = Set(special.map { Array($0.utf8) })
    var tokens: [ExtraToken] = []
    for (token, id) in addedTokens.object ?? [:] {
      guard let id = id.int.flatMap(Int32.init(exactly:)), id >= 0 else {
        throw GraftError(
          .malformed, "not an id", subject: "key '\(token)'", expected: "a whole number, 0 or more",
          found: id.kind)
      }
      tokens.append(ExtraToken(content: token, id: id, isSpecial: isSpecial.contains(Array(token.utf8))))
    }
    tokens.sort { ($0.id ?? 0) < ($1.id ?? 0) }
    return tokens + special.map { ExtraToken(content: $0, id: nil, isSpecial: true) }
  }

  /// How text is normalized where only a `vocab.txt` says what the tokens are.
  ///
  /// - Throws: ``GraftError`` when a setting is of the wrong type.
  func normalizer() throws -> BertNormalizer {
    BertNormalizer(
      cleanText: true,
      handleChineseCharacters: try configuration.flag("tokenize_chinese_chars") ?? true,
      stripAccents: try configuration.flag("strip_accents"),
      lowercase: try configuration.flag("do_lower_case") ?? true)
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
