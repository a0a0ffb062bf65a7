import GraftCompute
import GraftTensors
import OrderedCollections

/// A model's `config.json`: what Graft reads by name, and every other key untouched.
public struct Configuration: Sendable, Equatable {
  public var values: OrderedDictionary<String, JSON>
  /// How a family spells keys, by their usual names; see ``Family/configurationKeys``.
  public var aliases: [String: String] = [:]
  /// What a task is told beside `config.json`: by other files of the checkpoint's folder, or by the options of a run. No
  /// file's keys get in here, and nothing writes it.
  public var taskSettings: OrderedDictionary<String, JSON> = [:]

  public init(_ values: OrderedDictionary<String, JSON> = [:]) { self.values = values }

  /// What a task is told beside a configuration.
  public init(taskSettings: OrderedDictionary<String, JSON>) {
    (values, self.taskSettings) = ([:], taskSettings)
  }

  /// Parses a configuration file.
  ///
  /// - Throws: `GraftError` when the text is not a JSON object.
  public init(parsing bytes: some Collection<UInt8>) throws {
    let json = try JSON(parsing: bytes)
    guard let object = json.object else {
      throw GraftError(.malformed, "not a configuration", expected: "a JSON object", found: json.kind)
    }
    values = object
  }

  /// The value of a key, or of what the family calls it; `nil` where there is none or it is null.
  public subscript(key: String) -> JSON? {
    get {
      if let value = values[spelling(of: key)] ?? values[key], value != .null { return value }
      return nil
    }
    set { values[spelling(of: key)] = newValue }
  }

  /// What the family calls a key.
  public func spelling(of key: String) -> String { aliases[key] ?? key }

  /// The same with every key as the family spells it.
  var inOwnSpelling: Configuration {
    var copy = self
    for (usual, own) in aliases where copy.values[own] == nil {
      if let value = copy.values.removeValue(forKey: usual) { copy.values[own] = value }
    }
    return copy
  }

  /// The text of `config.json`, keys sorted as `transformers` writes them.
  public var text: String { JSON.object(values).text(.sorted) + "\n" }

  /// The same configuration, with values for keys that have none.
  ///
  /// - Parameter defaults: The values, by the usual keys.
  public func filling(_ defaults: [String: JSON]) -> Configuration {
    var filled = self
    for (key, value) in defaults where filled[key] == nil { filled[key] = value }
    return filled
  }

  /// A positive integer. An absent key means `fallback`, and without one is an error.
  ///
  /// - Throws: `GraftError` naming the key.
  public func size(_ key: String, default fallback: Int? = nil) throws -> Int {
    guard let value = self[key] else {
      if let fallback { return fallback }
      throw missing(key, "a positive integer")
    }
    guard let size = value.int, size > 0, size <= Int(Int32.max) else {
      throw wrongValue(key, "a positive integer", value)
    }
    return size
  }

  /// A number.
  ///
  /// - Throws: `GraftError` naming the key when it is there and no number.
  public func number(_ key: String, default fallback: Double) throws -> Double {
    guard let value = self[key] else { return fallback }
    guard let number = value.double, number.isFinite else { throw wrongValue(key, "a number", value) }
    return number
  }

  /// A text.
  ///
  /// - Throws: `GraftError` naming the key when it is there and no text.
  public func string(_ key: String, default fallback: String) throws -> String {
    guard let value = self[key] else { return fallback }
    guard let string = value.string else { throw wrongValue(key, "a string", value) }
    return string
  }

  /// A truth value.
  ///
  /// - Throws: `GraftError` naming the key when it is there and neither true nor false.
  public func bool(_ key: String, default fallback: Bool) throws -> Bool {
    guard let value = self[key] else { return fallback }
    guard let bool = value.bool else { throw wrongValue(key, "true or false", value) }
    return bool
  }

  /// How many there are of something that a model may not have: 0 where the key is absent, or below 0.
  ///
  /// - Throws: `GraftError` naming the key when it is there and no whole number.
  public func count(_ key: String) throws -> Int {
    guard let value = self[key] else { return 0 }
    guard let count = value.int, count <= Int(Int32.max) else {
      throw wrongValue(key, "a whole number", value)
    }
    return max(0, count)
  }

  /// The settings under a key; none where the key is absent.
  ///
  /// - Throws: `GraftError` naming the key when it is there and no object.
  public func object(_ key: String) throws -> Configuration {
    guard let value = self[key] else { return Configuration() }
    guard let object = value.object else { throw wrongValue(key, "an object", value) }
    return Configuration(object)
  }

  /// The padding token's id, whose row of the word embedding starts as 0; `nil` for none, which is not the default: a
  /// configuration that does not say it means 0.
  ///
  /// - Throws: `GraftError` when it is there and no whole number.
  public func paddingID() throws -> Int? {
    guard let value = self["pad_token_id"] else { return values["pad_token_id"] == .null ? nil : 0 }
    guard let id = value.int else { throw wrongValue("pad_token_id", "the id of a token", value) }
    return id
  }

  /// The error for a value that a model may have, and Graft does not.
  public func unsupported(_ key: String, expected: String, found: String) -> GraftError {
    GraftError(
      .unsupported, "not supported", file: "config.json", subject: "key '\(spelling(of: key))'",
      expected: expected, found: found)
  }

  private func missing(_ key: String, _ expected: String) -> GraftError {
    GraftError(
      .missing, "is missing", file: "config.json", subject: "key '\(spelling(of: key))'", expected: expected)
  }

  /// The error for a value of the wrong type.
  public func wrongValue(_ key: String, _ expected: String, _ value: JSON) -> GraftError {
    GraftError(
      .malformed,
      "wrong value",
      file: "config.json",
      subject: "key '\(spelling(of: key))'",
      expected: expected,
      found: value.kind
    )
  }
}

extension Configuration {
  /// An activation by the name that `transformers` gives it.
  ///
  /// - Throws: `GraftError` listing the known names.
  public func activation(_ key: String, default fallback: String) throws -> Activation {
    let names: KeyValuePairs<String, Activation> = [
      "gelu": .gelu, "gelu_python": .gelu, "gelu_new": .geluTanh, "gelu_accurate": .geluTanh,
      "gelu_fast": .geluTanh, "gelu_python_tanh": .geluTanh, "gelu_pytorch_tanh": .geluTanh,
      "gelu_10": .clippedGELU, "quick_gelu": .quickGELU, "relu": .relu, "silu": .silu, "swish": .silu,
      "mish": .mish, "tanh": .tanh, "sigmoid": .sigmoid, "linear": .identity,
    ]
    let name = try string(key, default: fallback)
    guard let match = names.first(where: { $0.key == name }) else {
      throw GraftError(
        .unsupported,
        "unknown activation '\(name)'",
        file: "config.json",
        subject: "key '\(spelling(of: key))'",
        advice: "Known: \(names.map(\.key).joined(separator: ", "))."
      )
    }
    return match.value
  }

  /// A probability of dropout.
  ///
  /// - Throws: `GraftError` when it is not in `0 ..< 1`.
  public func probability(_ key: String, default fallback: Double) throws -> Float {
    let value = try number(key, default: fallback)
    // What is dropped is compared with a Float, which rounds values just below 1 to it.
    guard (0..<1).contains(value), Float(value) < 1 else {
      throw GraftError(
        .malformed,
        "wrong value",
        file: "config.json",
        subject: "key '\(spelling(of: key))'",
        expected: "at least 0 and below 1",
        found: "\(value)"
      )
    }
    return Float(value)
  }
}
