import GraftTensors

/// A token that is looked for in the text before it is split into words.
public struct AddedToken: Sendable, Equatable {
  public var id: Int32
  public var content: String
  /// Whether it has a role, and is left out when decoding without special tokens.
  public var isSpecial: Bool
  /// Whether it takes the white space on its left with it.
  public var stripsLeft: Bool
  /// Whether it takes the white space on its right with it.
  public var stripsRight: Bool
  /// Whether letters, digits or the like may not stand next to it.
  public var isSingleWord: Bool
  /// Whether it is looked for in the normalized text.
  public var isNormalized: Bool

  public init(
    id: Int32, content: String, isSpecial: Bool = true, stripsLeft: Bool = false, stripsRight: Bool = false,
    isSingleWord: Bool = false, isNormalized: Bool = false
  ) {
    self.id = id
    self.content = content
    self.isSpecial = isSpecial
    self.stripsLeft = stripsLeft
    self.stripsRight = stripsRight
    self.isSingleWord = isSingleWord
    self.isNormalized = isNormalized
  }
}

extension AddedToken {
  /// The token as `tokenizer.json` lists it.
  public var json: JSON {
    [
      "id": JSON(Int(id)), "content": .string(content), "single_word": JSON(isSingleWord),
      "lstrip": JSON(stripsLeft), "rstrip": JSON(stripsRight), "normalized": JSON(isNormalized),
      "special": JSON(isSpecial),
    ]
  }

  /// Reads the `added_tokens` of a `tokenizer.json`; none when there is no such key.
  ///
  /// - Throws: `GraftError` when it is no list, or as ``init(_:)``.
  public static func list(of document: JSON) throws -> [AddedToken] {
    guard let value = document["added_tokens"] else { return [] }
    guard let list = value.array else {
      throw GraftError(
        .malformed, "wrong value", subject: "key 'added_tokens'", expected: "a list", found: value.kind)
    }
    return try list.map(AddedToken.init)
  }

  /// Reads an entry of the `added_tokens` of a `tokenizer.json`.
  ///
  /// - Throws: `GraftError` for one without text or id, or with a flag that is none.
  public init(_ json: JSON) throws {
    guard let content = json["content"]?.string, !content.isEmpty else {
      throw GraftError(.malformed, "an added token without text", subject: "key 'added_tokens'")
    }
    guard let id = json["id"]?.int, let id = Int32(exactly: id), id >= 0 else {
      throw GraftError(
        .malformed, "an added token without an id", subject: "key 'added_tokens', token '\(content)'",
        expected: "a whole number", found: json["id"]?.kind ?? "nothing")
    }
    try self.init(id: id, content: content, flags: json)
  }

  /// - Parameter flags: An object with those of `special`, `lstrip`, `rstrip`, `single_word` and `normalized` that
  ///   are not as they are by default.
  /// - Throws: `GraftError` when one of them is neither true nor false.
  public init(id: Int32, content: String, flags: JSON, isSpecial: Bool = false) throws {
    let isSpecial = try flags.flag("special") ?? isSpecial
    self.init(
      id: id, content: content, isSpecial: isSpecial, stripsLeft: try flags.flag("lstrip") ?? false,
      stripsRight: try flags.flag("rstrip") ?? false, isSingleWord: try flags.flag("single_word") ?? false,
      isNormalized: try flags.flag("normalized") ?? !isSpecial)
  }
}
