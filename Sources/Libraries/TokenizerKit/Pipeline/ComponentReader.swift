import GraftTensors

/// A component of a `tokenizer.json` while it is read, and where in the file it stands.
public struct ComponentReader: Sendable {
  /// How deep a `Sequence` may stand in others.
  static let maximumDepth = 16
  /// How many components there may be in a place of the pipeline: every text goes through each.
  static let maximumCount = 64
  /// How many times longer a component may make a text.
  static let maximumGrowth: Double = 16_384

  public let json: JSON
  /// `normalizer.normalizers[2]`.
  public let path: String
  private let depth: Int

  public init(_ json: JSON, _ path: String) { self.init(json, path, depth: 0) }

  /// A component that may be a `Sequence` of others.
  ///
  /// - Throws: `GraftError` when there are too many.
  static func root(_ json: JSON, _ path: String) throws -> ComponentReader {
    guard count(json) <= maximumCount else {
      throw GraftError(
        .unsupported, "too many components", subject: "key '\(path)'", expected: "at most \(maximumCount)")
    }
    return ComponentReader(json, path)
  }

  private static func count(_ json: JSON) -> Int {
    switch json {
    case .array(let elements): elements.reduce(0) { $0 + count($1) }
    case .object, .members: (json.members ?? []).reduce(json["type"] == nil ? 0 : 1) { $0 + count($1.value) }
    default: 0
    }
  }

  private init(_ json: JSON, _ path: String, depth: Int) {
    self.json = json
    self.path = path
    self.depth = depth
  }

  /// The `type`; empty where there is none.
  public var kind: String { json["type"]?.string ?? "" }

  private func error(_ key: String, expected: String) -> GraftError {
    GraftError(
      .malformed, "wrong value", subject: "key '\(path).\(key)'", expected: expected,
      found: json[key]?.kind ?? "nothing")
  }

  /// The error for a component of a kind that is not among those that are known.
  public func unsupported(_ known: some Sequence<String>) -> GraftError {
    TokenizerDocument.unsupported(path, json, expected: "one of " + known.sorted().joined(separator: ", "))
  }

  /// The error for a setting that is not supported.
  public func unsupported(_ key: String, expected: String) -> GraftError {
    GraftError(
      .unsupported, "a setting that Graft does not know", subject: "key '\(path).\(key)'", expected: expected,
      found: json[key].map { String($0.text().prefix(200)) } ?? "nothing")
  }

  /// A setting that is on or off; `nil` when it is not given.
  public func flag(_ key: String) throws -> Bool? {
    guard let value = json[key], value != .null else { return nil }
    guard let flag = value.bool else { throw error(key, expected: "true or false") }
    return flag
  }

  public func string(_ key: String) throws -> String {
    guard let text = json[key]?.string else { throw error(key, expected: "a string") }
    return text
  }

  /// A string, or `nil` where there is none.
  public func optionalString(_ key: String) throws -> String? {
    [nil, .null].contains(json[key]) ? nil : try string(key)
  }

  /// A single character.
  public func scalar(_ key: String) throws -> UInt32 {
    guard let scalars = json[key]?.string?.unicodeScalars, let scalar = scalars.first, scalars.count == 1
    else {
      throw error(key, expected: "one character")
    }
    return scalar.value
  }

  /// A count, 0 or more.
  public func count(_ key: String) throws -> Int {
    guard let count = json[key]?.int, count >= 0 else {
      throw error(key, expected: "a whole number, 0 or more")
    }
    return count
  }

  /// One of some words.
  public func choice<Choice: RawRepresentable & CaseIterable>(_ key: String) throws -> Choice
  where Choice.RawValue == String {
    guard let choice = json[key]?.string.flatMap(Choice.init) else {
      throw error(key, expected: "one of " + Choice.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return choice
  }

  /// The components of a `Sequence`.
  ///
  /// - Throws: `GraftError` when they stand too deep.
  public func children(_ key: String) throws -> [ComponentReader] {
    guard let list = json[key]?.array else { throw error(key, expected: "a list") }
    guard depth < Self.maximumDepth else {
      throw GraftError(
        .unsupported, "a Sequence in too many others", subject: "key '\(path)'",
        expected: "at most \(Self.maximumDepth)")
    }
    return list.enumerated().map { ComponentReader($1, "\(path).\(key)[\($0)]", depth: depth + 1) }
  }

  /// - Throws: `GraftError` for a component that could make much of little text.
  func check(growth: Double) throws {
    guard growth <= Self.maximumGrowth else {
      throw GraftError(
        .unsupported, "it makes texts too long", subject: "key '\(path)'",
        expected: "at most \(Int(Self.maximumGrowth)) times as long")
    }
  }

  /// The pattern of a `Split` or `Replace`.
  public func pattern() throws -> ComponentPattern {
    guard let json = json["pattern"], let pattern = try ComponentPattern(json) else {
      throw unsupported("pattern", expected: ComponentPattern.known)
    }
    return pattern
  }
}

/// A part of a pipeline that is described in `tokenizer.json`.
public protocol PipelineComponent: Sendable {
  /// The `type` in the file.
  static var kind: String { get }

  /// - Throws: `GraftError` that names the key.
  init(_ reader: ComponentReader) throws

  /// What describes it in the file.
  var json: JSON { get }
}

/// A component without settings.
public protocol PlainComponent: PipelineComponent {
  init()
}

extension PlainComponent {
  public init(_ reader: ComponentReader) throws { self.init() }

  public var json: JSON { ["type": .string(Self.kind)] }
}

/// What a `Split` splits at and a `Replace` replaces: a text, or a regular expression.
public struct ComponentPattern: Sendable {
  public let json: JSON
  public let pattern: any TextPattern

  static let known =
    "a text, or a regular expression of characters, classes and repetitions, such as ' {2,}', or that of GPT-2"

  /// - Returns: `nil` for one that is not supported.
  public init?(_ json: JSON) throws {
    self.json = json
    if let text = json["String"]?.string, !text.isEmpty {
      pattern = LiteralPattern(Array(text.utf8))
    } else if let text = json["Regex"]?.string {
      if text == GPT2Pattern.text {
        pattern = GPT2Pattern()
      } else if let regex = SimpleRegex(text) {
        pattern = regex
      } else {
        return nil
      }
    } else {
      return nil
    }
  }

  /// A text.
  public init(text: String) {
    json = ["String": .string(text)]
    pattern = LiteralPattern(Array(text.utf8))
  }

  /// Two or more spaces.
  public static let spaces = ComponentPattern(
    json: ["Regex": " {2,}"], pattern: SimpleRegex(repeating: " ", atLeast: 2))

  private init(json: JSON, pattern: any TextPattern) {
    self.json = json
    self.pattern = pattern
  }
}
