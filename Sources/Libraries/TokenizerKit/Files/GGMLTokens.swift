import GraftTensors
import OrderedCollections

/// The tokens of a GGUF file in llama.cpp's `tokenizer.ggml` attributes, as its kinds of tokenizer have them in common.
///
/// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
public struct GGMLTokens: Sendable {
  /// What a token is; the numbers are those of `enum llama_token_type`, `include/llama.h`.
  public enum Kind: Int, Sendable {
    case undefined = 0
    case normal, unknown, control, userDefined, unused, byte
  }

  public private(set) var spellings: [String]
  /// By id.
  public private(set) var kinds: [Kind]
  /// How many tokens the file lists. Those that nothing means, at the end, are not among the ``spellings``.
  public let listedCount: Int
  /// The ids of the tokens with a role, by the role's name in `tokenizer_config.json`.
  private var ids: [String: Int] = [:]
  /// The roles whose token nothing in the file spells.
  public private(set) var renamedRoles: Set<String> = []
  /// Whether the mask token takes the space before it, as those of most models do.
  private let maskStripsLeft: Bool

  public static let model = "tokenizer.ggml.model"
  public static let splitting = "tokenizer.ggml.pre"
  public static let tokens = "tokenizer.ggml.tokens"
  public static let types = "tokenizer.ggml.token_type"
  public static let scores = "tokenizer.ggml.scores"
  public static let merges = "tokenizer.ggml.merges"
  public static let addsFirst = "tokenizer.ggml.add_bos_token"
  public static let addsLast = "tokenizer.ggml.add_eos_token"
  public static let addsSeparator = "tokenizer.ggml.add_sep_token"
  /// Written where the mask token takes the space before it otherwise than usual. llama.cpp has no such key.
  public static let maskStripping = "tokenizer.ggml.mask_token_lstrip"

  /// The roles of tokens in `tokenizer_config.json`, and what llama.cpp calls them.
  private static let roles = [
    ("bos_token", "bos"), ("eos_token", "eos"), ("unk_token", "unknown"), ("sep_token", "seperator"),
    ("pad_token", "padding"), ("cls_token", "cls"), ("mask_token", "mask"),
  ]

  private static func key(_ name: String) -> String { "tokenizer.ggml.\(name)_token_id" }
}

// MARK: - Reading

extension GGMLTokens {
  /// - Parameters:
  ///   - attributes: Those of the file.
  ///   - defaults: What tokens with a role are called where their place in the list has only a stand-in, by role.
  ///   - maskStripsLeft: Whether the mask token takes the space before it where the file does not say.
  ///   - spelled: The token that an entry of the list stands for.
  /// - Throws: `GraftError` that names the key, for lists of different lengths, values of the wrong type, a token given
  ///   twice and the id of a token that there is not.
  public init(
    reading attributes: OrderedDictionary<String, JSON>, defaults: [String: String] = [:],
    maskStripsLeft: Bool = true, spelled: (_ entry: String, Kind) -> String = { entry, _ in entry }
  ) throws {
    let list = try Self.strings(attributes, Self.tokens)
    let count = list.count
    listedCount = count
    kinds = try Self.kinds(attributes, count: count)
    spellings = zip(list, kinds).map(spelled)
    self.maskStripsLeft = try JSON.object(attributes).flag(Self.maskStripping) ?? maskStripsLeft
    for (role, name) in Self.roles {
      guard let id = attributes[Self.key(name)] else { continue }
      guard let index = id.int, (0..<count).contains(index) else {
        throw GraftError(
          .malformed, "not a token's number", subject: "key '\(Self.key(name))'",
          expected: "a whole number below \(count)", found: id.int.map(String.init) ?? id.kind)
      }
      ids[role] = index
    }
    // Padded vocabularies have tokens that nothing means.
    let last = ids.values.max() ?? -1
    while spellings.count - 1 > last, kinds.last == .unused {
      spellings.removeLast()
      kinds.removeLast()
    }
    for (role, index) in ids {
      switch kinds[index] {
      case .control, .unknown, .userDefined: continue
      case .unused where defaults[role] != nil:
        spellings[index] = defaults[role] ?? ""
        renamedRoles.insert(role)
      default: break
      }
      kinds[index] = .control
    }
    var seen: Set<[UInt8]> = []
    for (id, spelling) in spellings.enumerated() where !seen.insert(Array(spelling.utf8)).inserted {
      throw GraftError(
        .malformed, "the token '\(spelling.prefix(80))' is given twice", subject: "key '\(Self.tokens)'",
        found: "again as number \(id)")
    }
  }

  private static func kinds(_ attributes: OrderedDictionary<String, JSON>, count: Int) throws -> [Kind] {
    guard let value = attributes[types] else { return Array(repeating: .normal, count: count) }
    let list = try list(value, types, count: count)
    return try list.enumerated().map { id, value in
      guard let kind = value.int.flatMap(Kind.init(rawValue:)) else {
        throw GraftError(
          .malformed, "unknown token type", subject: "key '\(types)'", expected: "0 to 6",
          found: "\(value.int.map(String.init) ?? value.kind) for token \(id)")
      }
      return kind
    }
  }

  /// A list of one value for each token.
  private static func list(_ value: JSON, _ key: String, count: Int) throws -> [JSON] {
    guard let list = value.array, list.count == count else {
      throw GraftError(
        .malformed, "not one value for each token", subject: "key '\(key)'", expected: "a list of \(count)",
        found: value.array.map { "a list of \($0.count)" } ?? value.kind)
    }
    return list
  }

  /// The scores of the ``spellings``; 0 for one whose place in the list has only a stand-in. They are the float32 numbers
  /// of the file.
  ///
  /// - Throws: `GraftError` when there are not as many as tokens, or one is no finite number.
  public func scores(_ attributes: OrderedDictionary<String, JSON>) throws -> [Double] {
    guard let value = attributes[Self.scores] else {
      throw GraftError(.missing, "the tokenizer has no such list", subject: "key '\(Self.scores)'")
    }
    var scores = try Self.list(value, Self.scores, count: listedCount).prefix(spellings.count).enumerated()
      .map { id, value in
        guard let score = value.double, Float(score).isFinite else {
          throw GraftError(
            .malformed, "not a score", subject: "key '\(Self.scores)'", expected: "a finite number",
            found: "\(value.kind) for token \(id)")
        }
        return Double(Float(score))
      }
    for role in renamedRoles { if let id = ids[role] { scores[id] = 0 } }
    return scores
  }

  /// The pairs of tokens that are merged, in order.
  ///
  /// - Throws: `GraftError` when there is no such list, or it has something else in it.
  public static func merges(_ attributes: OrderedDictionary<String, JSON>) throws -> [TokenizerDocument.Merge]
  {
    try strings(attributes, merges).map { text in
      do {
        return try TokenizerDocument.Merge(text)
      } catch var error as GraftError {
        error.subject = "key '\(merges)'"
        throw error
      }
    }
  }

  private static func strings(
    _ attributes: OrderedDictionary<String, JSON>, _ key: String
  ) throws -> [String] {
    guard let values = attributes[key]?.array else {
      throw GraftError(.missing, "the tokenizer has no such list", subject: "key '\(key)'")
    }
    return try values.enumerated().map { number, value in
      guard let text = value.string else {
        throw GraftError(
          .malformed, "not a text", subject: "key '\(key)'", found: "\(value.kind) as number \(number)")
      }
      return text
    }
  }

  /// The id of the token with a role; `nil` when the file does not say it.
  public func id(of role: String) -> Int? { ids[role] }

  /// The token with a role; `nil` when the file does not say it.
  public func token(_ role: String) -> String? { ids[role].map { spellings[$0] } }

  /// The ``spellings`` with their ids.
  public var entries: [Vocabulary.Entry] { spellings.enumerated().map { ($1, $0) } }

  /// `tokenizer_config.json`: the tokens with a role, and in its `added_tokens_decoder` those that are looked for in the
  /// text.
  public var configuration: JSON {
    var members: OrderedDictionary<String, JSON> = [:]
    for (role, _) in Self.roles { members[role] = token(role).map { .string($0) } }
    let mask = ids["mask_token"]
    members["added_tokens_decoder"] = JSON(
      members: kinds.enumerated().compactMap { id, kind in
        guard [.control, .unknown, .userDefined].contains(kind) else { return nil }
        let flags: JSON = [
          "content": .string(spellings[id]), "lstrip": JSON(id == mask && maskStripsLeft),
          "normalized": false,
          "special": JSON(kind != .userDefined),
        ]
        return JSON.Member("\(id)", flags)
      })
    return .object(members)
  }
}

// MARK: - Writing

extension GGMLTokens {
  /// The tokens, their types and their roles as attributes.
  ///
  /// - Parameters:
  ///   - core: The tokenizer's.
  ///   - unknown: The id of the token that has a type of its own as the unknown one; `nil` for none.
  ///   - first: The id of the token before a text, which llama.cpp wants as that of the beginning; `nil` for as the
  ///     tokenizer has it.
  ///   - last: The id of the token behind a text, which it wants as that of the end; `nil` for as the tokenizer has it.
  ///   - maskStripsLeft: Whether readers expect the mask token to take the space before it.
  ///   - spelled: The entry of the list for a token.
  public static func attributes(
    of core: TokenizerCore, unknown: Int32? = nil, first: Int32? = nil, last: Int32? = nil,
    maskStripsLeft: Bool = true, spelled: (_ token: String, Kind) -> String = { token, _ in token }
  ) -> OrderedDictionary<String, JSON> {
    let added = Dictionary(core.addedTokens.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    let holes = core.vocabulary.holes
    let kinds = core.vocabulary.tokens.indices.map { id in
      if holes.contains(id) { return Kind.unused }
      let id = Int32(id)
      return id == unknown
        ? Kind.unknown : added[id].map { $0.isSpecial ? .control : .userDefined } ?? .normal
    }
    var attributes: OrderedDictionary<String, JSON> = [
      tokens: .array(
        zip(core.vocabulary.tokens, kinds).enumerated().map { id, token in
          // As llama.cpp's converter calls an id without a token.
          .string(holes.contains(id) ? "[PAD\(id)]" : spelled(token.0, token.1))
        }),
      types: .array(kinds.map { JSON($0.rawValue) }),
    ]
    for (role, name) in roles {
      let entry = core.configuration[role]
      let end = role == "bos_token" ? first : role == "eos_token" ? last : nil
      guard let id = end ?? (entry?.string ?? entry?["content"]?.string).flatMap(core.vocabulary.id(of:))
      else { continue }
      attributes[key(name)] = JSON(Int(id))
    }
    if let mask = core.specialTokens.mask, let token = added[mask], token.stripsLeft != maskStripsLeft {
      attributes[maskStripping] = JSON(token.stripsLeft)
    }
    return attributes
  }

  /// A list of merges as an attribute; llama.cpp splits each at its space.
  public static func attribute(_ merges: [TokenizerDocument.Merge]) -> JSON {
    func escaped(_ token: String) -> String { token.replacing(" ", with: "\u{120}") }
    return .array(merges.map { .string("\(escaped($0.left)) \(escaped($0.right))") })
  }
}
