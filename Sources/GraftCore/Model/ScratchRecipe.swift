import GraftTensors
import OrderedCollections

/// How a model of a family begins from nothing: what trains its tokenizer, and the sizes that it has.
public struct ScratchRecipe: Sendable {
  public let tokenizer: TokenizerRecipe
  /// The configuration that all sizes share, in the keys of `config.json`.
  public let configuration: OrderedDictionary<String, JSON>
  /// Keys of the configuration that hold the id of a token, each with the token's role.
  public let tokenIDs: OrderedDictionary<String, Role>
  /// By name, the keys of `config.json` that make a size; the smallest size first.
  public let sizes: OrderedDictionary<String, OrderedDictionary<String, JSON>>

  /// The role of a special token.
  public enum Role: String, Sendable {
    case padding, unknown, classification, separator, mask

    /// The token's id.
    public func id(in tokens: SpecialTokens) -> Int32? {
      switch self {
      case .padding: tokens.padding
      case .unknown: tokens.unknown
      case .classification: tokens.classification
      case .separator: tokens.separator
      case .mask: tokens.mask
      }
    }
  }

  /// Reads a family's ``Family/scratch``.
  ///
  /// - Throws: `GraftError` naming the key that is missing or of the wrong type.
  public init(parsing bytes: [UInt8]) throws {
    let json = try JSON(parsing: bytes)
    func object(_ key: String, of parent: JSON?) throws -> OrderedDictionary<String, JSON> {
      guard let object = parent?[key]?.object else { throw Self.wrong(key, "an object", parent?[key]) }
      return object
    }
    let part = JSON.object(try object("tokenizer", of: json))
    guard let type = part["type"]?.string else { throw Self.wrong("tokenizer.type", "a name", part["type"]) }
    guard let tokens = part["special_tokens"]?.array, !tokens.isEmpty else {
      throw Self.wrong("tokenizer.special_tokens", "a list of tokens", part["special_tokens"])
    }
    tokenizer = TokenizerRecipe(
      type: type, isUsual: part["usual"]?.bool ?? false, specialTokens: tokens,
      document: try object("document", of: part), configuration: try object("configuration", of: part))
    configuration = try object("configuration", of: json)
    tokenIDs = try OrderedDictionary(
      uniqueKeysWithValues: object("token_ids", of: json).map { key, role in
        guard let role = role.string.flatMap(Role.init) else { throw Self.wrong(key, "a role", role) }
        return (key, role)
      })
    sizes = try OrderedDictionary(
      uniqueKeysWithValues: object("sizes", of: json).map { name, size in
        guard let size = size.object else { throw Self.wrong(name, "an object", size) }
        return (name, size)
      })
  }

  private static func wrong(_ key: String, _ expected: String, _ found: JSON?) -> GraftError {
    GraftError(
      .malformed, "wrong value", subject: "key '\(key)'", expected: expected, found: found?.kind ?? "nothing")
  }

  /// The configuration of a size for a tokenizer.
  ///
  /// - Throws: `GraftError` of kind `unknownName` for a size that there is not, with those that there are; of kind
  ///   `missing` when the tokenizer has no padding token, without which no family works.
  public func configuration(size: String, for tokenizer: any Tokenizer) throws -> Configuration {
    guard let own = sizes[size] else {
      let nearest = NearestName.find(size, among: Array(sizes.keys)).map { " Did you mean '\($0)'?" } ?? ""
      throw GraftError(
        .unknownName, "unknown size '\(size)'",
        advice: "Known: \(sizes.keys.joined(separator: ", ")).\(nearest)")
    }
    var values = configuration
    values.merge(own) { $1 }
    values["vocab_size"] = JSON(tokenizer.vocabularySize)
    for (key, role) in tokenIDs {
      let id = role.id(in: tokenizer.specialTokens)
      guard id != nil || role != .padding else {
        throw GraftError(
          .missing, "the tokenizer has no padding token", subject: "key 'pad_token'",
          expected: "one of its tokens")
      }
      values[key] = id.map { JSON(Int($0)) } ?? .null
    }
    return Configuration(values)
  }
}

extension Family {
  /// How a model of the family begins from nothing.
  ///
  /// - Throws: `GraftError` of kind `unsupported` when the family does not say it.
  public func scratchRecipe() throws -> ScratchRecipe {
    guard !scratch.isEmpty else {
      throw GraftError(
        .unsupported, "the family '\(name)' does not say how a model of it begins from nothing")
    }
    do {
      return try ScratchRecipe(parsing: scratch)
    } catch let error as GraftError {
      throw error.inFile("the scratch recipe of the family '\(name)'")
    }
  }
}
