import GraftTensors
import OrderedCollections

/// A `tokenizer.json` with the large lists of its model apart.
///
/// They are read straight from the text: as ``JSON`` values, 50,000 merges would be 150,000 of them.
public struct TokenizerDocument: Sendable {
  public static let fileName = "tokenizer.json"

  /// The file with an empty object or list in place of the vocabulary, and an empty list in place of the merges.
  public private(set) var json: JSON
  /// The vocabulary's tokens in the file's order; none when there is no vocabulary.
  public let entries: [Vocabulary.Entry]
  /// The scores of the tokens by id, where the vocabulary is a list of tokens with their scores.
  public let scores: [Double]?
  /// What the model computes with in their place: of a file, numbers as `tokenizers` reads them.
  let modelScores: [Double]?
  /// The pairs of tokens that are merged, in order; none when there is no such list.
  public let merges: [Merge]

  /// A pair of tokens that becomes one.
  public struct Merge: Sendable, Equatable {
    public var left: String
    public var right: String

    public init(left: String, right: String) {
      self.left = left
      self.right = right
    }

    /// Reads "left right", as files of before 2024 have it.
    ///
    /// - Throws: `GraftError` when there is not exactly one space.
    public init(_ text: String) throws {
      let parts = text.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
        throw GraftError(
          .malformed, "not a merge", expected: "two tokens with a space between",
          found: "'\(text.prefix(80))'")
      }
      self.init(left: String(Substring(parts[0])), right: String(Substring(parts[1])))
    }
  }

  /// - Throws: `GraftError` that gives the byte offset when this is no JSON object, the vocabulary's ids are
  ///   no whole numbers, a merge is not of two tokens, or a token is given twice.
  public init(parsing bytes: [UInt8]) throws {
    try self.init(parsing: bytes) { _ in }
  }

  /// Reads a file, unless its model names another type. Then little more than what precedes the model is read.
  ///
  /// - Returns: `nil` when the model names another type.
  /// - Throws: As ``init(parsing:)``.
  public init?(parsing bytes: [UInt8], ifModelIs type: String) throws {
    struct OtherType: Error {}
    do {
      try self.init(parsing: bytes) { if $0 != type { throw OtherType() } }
    } catch is OtherType {
      return nil
    }
  }

  private init(parsing bytes: [UInt8], checkType: (String) throws -> Void) throws {
    var document: [JSON.Member] = []
    var entries: [Vocabulary.Entry] = []
    var merges: [Merge] = []
    var scores: [Double]?
    var modelScores: [Double]?
    var reader = JSONReader(bytes)
    try reader.object { reader, key in
      guard key == "model" else {
        document.append(JSON.Member(key, try reader.value()))
        return
      }
      var model: [JSON.Member] = []
      try reader.object { reader, key in
        if key == "vocab", try reader.isAtObject() {
          entries = try Vocabulary.entries(&reader)
          model.append(JSON.Member(key, [:]))
        } else if key == "vocab", try reader.isAtArray() {
          (entries, scores, modelScores) = try Self.scoredEntries(&reader)
          model.append(JSON.Member(key, []))
        } else if key == "merges" {
          merges = try Self.merges(&reader)
          model.append(JSON.Member(key, []))
        } else {
          let value = try reader.value()
          if key == "type", let type = value.string { try checkType(type) }
          model.append(JSON.Member(key, value))
        }
      }
      document.append(JSON.Member(key, JSON(members: model)))
    }
    try reader.finish()
    json = JSON(members: document)
    self.entries = entries
    self.merges = merges
    self.scores = scores
    self.modelScores = modelScores
  }

  /// A document whose parts are known.
  ///
  /// - Parameter json: As ``json`` is.
  public init(_ json: JSON, entries: [Vocabulary.Entry], scores: [Double]? = nil, merges: [Merge] = []) {
    self.json = json
    self.entries = entries
    self.scores = scores
    modelScores = scores
    self.merges = merges
  }

  /// The same lists in another document.
  public func replacing(_ json: JSON) -> TokenizerDocument {
    var copy = self
    copy.json = json
    return copy
  }

  /// A list of tokens with their scores; their ids are their places.
  private static func scoredEntries(_ reader: inout JSONReader) throws -> (
    [Vocabulary.Entry], scores: [Double], modelScores: [Double]
  ) {
    var entries: [Vocabulary.Entry] = []
    var scores: [Double] = []
    var modelScores: [Double] = []
    try reader.array { reader in
      var count = 0
      try reader.array { reader in
        switch count {
        case 0: entries.append((try reader.string(), entries.count))
        case 1:
          let (score, spelling) = try reader.spelledDouble()
          scores.append(score)
          modelScores.append(Double(serdeReading: spelling) ?? score)
        default: try reader.skip()
        }
        count += 1
      }
      guard count == 2 else {
        throw GraftError(
          .malformed, "not a token with its score", subject: "key 'model.vocab'", expected: "a list of two",
          found: "\(count) in number \(entries.count)")
      }
    }
    return (entries, scores, modelScores)
  }

  private static func merges(_ reader: inout JSONReader) throws -> [Merge] {
    var merges: [Merge] = []
    try reader.array { reader in
      guard try reader.isAtArray() else {
        merges.append(try Merge(reader.string()))
        return
      }
      var parts: [String] = []
      try reader.array { parts.append(try $0.string()) }
      guard parts.count == 2 else {
        throw GraftError(
          .malformed, "not a merge", subject: "key 'model.merges'", expected: "two tokens",
          found: "\(parts.count) in number \(merges.count + 1)")
      }
      merges.append(Merge(left: parts[0], right: parts[1]))
    }
    return merges
  }

  /// The model's type, or `nil` when the file does not name it, as those of before 2020.
  ///
  /// - Throws: `GraftError` when there is no model.
  public func modelType() throws -> String? {
    guard let model = json["model"], model.members != nil else {
      throw GraftError(.malformed, "no tokenizer", subject: "key 'model'", expected: "an object")
    }
    return model["type"]?.string
  }
}

extension TokenizerDocument {
  /// The text of the file, with the large lists back in their places.
  ///
  /// - Parameter json: A document as ``json`` is.
  public static func text(
    _ json: JSON, _ vocabulary: Vocabulary, scores: [Double]? = nil, merges: [Merge]? = nil
  ) -> String {
    guard var members = json.object, var model = members["model"]?.object else { return json.text(.pretty) }
    model["vocab"] =
      scores.map { scores in
        .array(scores.indices.map { [.string(vocabulary.tokens[$0]), JSON(scores[$0])] })
      }
      ?? vocabulary.json
    if let merges { model["merges"] = .array(merges.map { [.string($0.left), .string($0.right)] }) }
    members["model"] = .object(model)
    return JSON.object(members).text(.pretty)
  }

  /// Reads the texts of `tokenizer.json` and `tokenizer_config.json` that a weight file carries.
  ///
  /// - Parameters:
  ///   - defaults: What tokens with a role are called where nothing says it, by role.
  ///   - body: Gets `tokenizer.json` and the settings.
  /// - Returns: What `body` returns; `nil` when the file carries no `tokenizer.json`.
  /// - Throws: `GraftError` that names the text and what is wrong in it.
  public static func read<Result>(
    _ attributes: OrderedDictionary<String, JSON>, defaults: [String: String],
    _ body: ([UInt8], TokenizerSettings) throws -> Result?
  ) throws -> Result? {
    guard let text = attributes[fileName]?.string else { return nil }
    do {
      let configuration = try attributes[TokenizerSettings.configurationName]?.string.map {
        let configuration = try JSON(parsing: $0)
        try TokenizerSettings.checkTokens(in: configuration)
        return configuration
      }
      return try body(
        Array(text.utf8), TokenizerSettings(configuration: configuration ?? [:], defaults: defaults))
    } catch var error as GraftError {
      error.subject = error.subject ?? "attribute '\(fileName)'"
      throw error
    }
  }

  /// The error for a component of another kind than those that are known.
  public static func unsupported(_ key: String, _ json: JSON?, expected: String) -> GraftError {
    GraftError(
      .unsupported, "a kind that Graft does not know", subject: "key '\(key)'", expected: expected,
      found: json?["type"]?.string ?? json?.kind ?? "nothing")
  }
}

extension Vocabulary {
  /// Reads an object of tokens and their ids.
  ///
  /// - Throws: `GraftError` that gives the byte offset when an id is no whole number, or a token is given twice.
  public static func entries(_ reader: inout JSONReader) throws -> [Entry] {
    var entries: [Entry] = []
    try reader.object(expecting: 1 << 15) { reader, token in entries.append((token, try reader.integer())) }
    return entries
  }
}

extension TokenizerCore {
  /// The texts that ``TokenizerDocument/read(_:defaults:_:)`` reads.
  ///
  /// - Parameter text: That of `tokenizer.json`.
  public func attributes(text: String) -> OrderedDictionary<String, JSON> {
    [
      TokenizerDocument.fileName: .string(text),
      TokenizerSettings.configurationName: .string(configuration.text(.sorted)),
    ]
  }
}
