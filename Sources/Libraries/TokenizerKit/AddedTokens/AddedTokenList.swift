import GraftTensors

/// The tokens that are looked for in texts, put together from the files of a tokenizer as transformers 5 does.
///
/// An id in a file is a token's only where the model has it; the others get the next free ones in the order of their ids,
/// whatever their files say.
struct AddedTokenList {
  private(set) var tokens: [AddedToken] = []
  /// Tokens that have another id than their file says.
  private var moved: [(content: String, id: Int32, said: Int32)] = []
  private let model: PieceTable
  /// The id of the next token that the model does not have.
  private var next: Int32
  private var places: [[UInt8]: Int] = [:]

  /// - Parameters:
  ///   - model: The model's tokens.
  ///   - count: How many there are.
  init(_ model: PieceTable, count: Int) {
    self.model = model
    next = Int32(clamping: count)
  }

  /// What was decided otherwise than a file says, in sentences.
  var notes: [String] {
    guard let first = moved.first else { return [] }
    let decided = "has the id \(first.id), as in transformers; its file says \(first.said)"
    guard moved.count > 1 else { return ["the token '\(first.content)' \(decided)"] }
    let sample = moved.prefix(3).map { "'\($0.content)' \($0.id) for \($0.said)" }.joined(separator: ", ")
    return [
      "\(moved.count) added tokens have other ids than their file says, as in transformers: \(sample)"
        + (moved.count > 3 ? " and so on" : "")
    ]
  }

  func has(_ content: String) -> Bool { places[Array(content.utf8)] != nil }

  /// Adds a token, or gives one that is there already other flags.
  ///
  /// - Parameter id: What a file says.
  mutating func add(_ content: String, id: Int32?, flags: JSON, isSpecial: Bool) throws {
    guard !content.isEmpty else { return }
    let place = places[Array(content.utf8)]
    let own = place.map { tokens[$0].id } ?? model.find(content) ?? next
    let token = try AddedToken(id: own, content: content, flags: flags, isSpecial: isSpecial)
    if let id, id != own {
      moved.append((content, own, id))
    }
    if let place {
      tokens[place] = token
    } else {
      places[Array(content.utf8)] = tokens.count
      tokens.append(token)
      if own >= next, own < .max { next = own + 1 }
    }
  }
}

extension TokenizerSettings {
  /// The tokens that are looked for in texts: those of `tokenizer.json`, of `added_tokens_decoder`, of
  /// `added_tokens.json`, those with a role, and the other special ones.
  ///
  /// - Parameters:
  ///   - listed: Those of `tokenizer.json`, in its order.
  ///   - model: The model's tokens.
  ///   - count: How many there are.
  ///   - flags: Those of tokens with a role whose entry is no object, by role.
  /// - Returns: The tokens by id, and what was decided otherwise than a file says.
  /// - Throws: `GraftError` for an entry that is no token, or an id that is none.
  public func addedTokens(
    beside listed: [AddedToken], in model: PieceTable, count: Int, flags: [String: JSON] = [:]
  ) throws -> (tokens: [AddedToken], notes: [String]) {
    var list = AddedTokenList(model, count: count)
    for token in try listed + (decoderTokens() ?? []) {
      try list.add(token.content, id: token.id, flags: token.json, isSpecial: token.isSpecial)
    }
    let extra = try extraTokens()
    func flagsOfRole(_ role: String) -> JSON {
      Self.asSpecial(entry(role).flatMap { $0.members == nil ? nil : $0 } ?? flags[role] ?? [:])
    }
    for token in extra where token.id != nil && !list.has(token.content) {
      let role = Self.roles.first { self.token($0)?.utf8.elementsEqual(token.content.utf8) == true }
      try list.add(
        token.content, id: token.id, flags: role.map(flagsOfRole) ?? token.flags, isSpecial: token.isSpecial)
    }
    for role in Self.roles {
      guard let token = token(role), !list.has(token) else { continue }
      // A default that is not in the vocabulary is not this tokenizer's.
      guard entry(role) != nil || model.find(token) != nil else { continue }
      try list.add(token, id: nil, flags: flagsOfRole(role), isSpecial: true)
    }
    for token in extra where token.id == nil && !list.has(token.content) {
      try list.add(token.content, id: nil, flags: token.flags, isSpecial: true)
    }
    return (list.tokens.sorted { $0.id < $1.id }, list.notes)
  }

  private static func asSpecial(_ flags: JSON) -> JSON {
    JSON(members: (flags.members ?? []).filter { $0.key != "special" } + [JSON.Member("special", true)])
  }
}

extension TokenizerDocument {
  /// The document with the tokens that the files beside it add to its own, those tokens, and what was decided otherwise
  /// than a file says.
  ///
  /// - Parameter table: Of the entries.
  /// - Throws: as ``TokenizerSettings/addedTokens(beside:in:count:flags:)``.
  public func addingTokens(of settings: TokenizerSettings, _ table: PieceTable) throws -> (
    json: JSON, tokens: [AddedToken], notes: [String]
  ) {
    let listed = try AddedToken.list(of: json)
    var settings = settings
    settings.defaults = [:]
    let (tokens, notes) = try settings.addedTokens(beside: listed, in: table, count: entries.count)
    guard tokens != listed, let members = json.members else { return (json, tokens, notes) }
    let list = JSON.Member("added_tokens", .array(tokens.map(\.json)))
    let rest = members.filter { $0.key != list.key }
    let place = members.firstIndex { $0.key == list.key } ?? rest.count
    return (JSON(members: rest[..<place] + [list] + rest[place...]), tokens, notes)
  }
}
