import GraftCompute
import GraftTensors
import OrderedCollections

/// A model's `config.json`: what Graft reads by name, and every other key untouched.
public struct Configuration: Sendable, Equatable {
  public var values: OrderedDictionary<String, JSON>

  public init(_ values: OrderedDictionary<String, JSON> = [:]) { self.values = values }

  /// Parses a configuration file.
  ///
  /// - Throws: ``GraftError`` when the text is not a JSON object.
  public init(parsing bytes: some Collection<UInt8>) throws {
    let json = try JSON(parsing: bytes)
    guard let object = json.object else {
      throw GraftError(.malformed, "not a configuration", expected: "a JSON object", found: json.kind)
    }
    values = object
  }

  public subscript(key: String) -> JSON? {
    get {
      if let value = values[key], value != .null { return value }
      return nil
    }
    set { values[key] = newValue }
  }

  /// The text of `config.json`, keys sorted as `transformers` writes them.
  public var text: String { JSON.object(values).text(.sorted) + "\n" }

  /// A positive integer. An absent key means `fallback`, and without one is an error.
  ///
  /// - Throws: ``GraftError`` naming the key.
  public func size(_ key: String, default fallback: Int? = nil) throws -> Int {
    guard let value = self[key] else {
      if let fallback { return fallback }
      throw missing(key, "a positive integer")
    }
    guard let size = value.int, size > 0, size <= Int(Int32.max) else {
      throw wrong(key, "a positive integer", value)
    }
    return size
  }

  /// A number.
  ///
  /// - Throws: ``GraftError`` naming the key when it is there and no number.
  public func number(_ key: String, default fallback: Double) throws -> Double {
    guard let value = self[key] else { return fallback }
    guard let number = value.double, number.isFinite else { throw wrong(key, "a number", value) }
    return number
  }

  /// A text.
  ///
  /// - Throws: ``GraftError`` naming the key when it is there and no text.
  public func string(_ key: String, default fallback: String) throws -> String {
    guard let value = self[key] else { return fallback }
    guard let string = value.string else { throw wrong(key, "a string", value) }
    return string
  }

  /// A truth value.
  ///
  /// - Throws: ``GraftError`` naming the key when it is there and neither true nor false.
  public func bool(_ key: String, default fallback: Bool) throws -> Bool {
    guard let value = self[key] else { return fallback }
    guard let bool = value.bool else { throw wrong(key, "true or false", value) }
    return bool
  }

  private func missing(_ key: String, _ expected: String) -> GraftError {
    GraftError(.missing, "is missing", file: "config.json", subject: "key '\(key)'", expected: expected)
  }

  private func wrong(_ key: String, _ expected: String, _ value: JSON) -> GraftError {
    GraftError(
      .malformed,
      "wrong value",
      file: "config.json",
      subject: "key '\(key)'",
      expected: expected,
      found: value.kind
    )
  }
}

// MARK: - What heads read

/// How a classification head's labels are read and its loss is computed.
public enum ProblemType: String, Sendable {
  /// Each text has one label; softmax cross-entropy.
  case singleLabel = "single_label_classification"
  /// Each text has any number of labels; a sigmoid for each.
  case multiLabel = "multi_label_classification"
  /// Each text has one number per output; mean squared error.
  case regression
}

extension Configuration {
  /// More labels than this are a mistake in the file, not a task.
  static let maximumLabels = 1_000_000

  /// The names of a classifier's outputs, in their order: `id2label`, whose keys are numbers as strings.
  ///
  /// - Returns: `LABEL_0 …` when only `num_labels` is known; two of them when nothing is, which is what
  ///   `transformers` assumes.
  /// - Throws: ``GraftError`` when `id2label` does not number its labels 0, 1, 2, …, or `num_labels` is
  ///   beyond a million.
  public func labels() throws -> [String] {
    guard let map = self["id2label"] else {
      let count = try size("num_labels", default: 2)
      guard count <= Self.maximumLabels else {
        throw wrong("num_labels", "at most \(Self.maximumLabels)", JSON(count))
      }
      return Self.numberedLabels(count)
    }
    let numbered = map.object?.compactMap { key, value in
      Int(key).flatMap { number in value.string.map { (number, $0) } }
    }.sorted { $0.0 < $1.0 }
    guard let numbered, numbered.count == map.object?.count, !numbered.isEmpty,
      numbered.enumerated().allSatisfy({ $0.offset == $0.element.0 })
    else { throw wrong("id2label", "labels numbered from \"0\" on", map) }
    return numbered.map(\.1)
  }

  /// What labels are called that have no names: `LABEL_0`, `LABEL_1`, …
  public static func numberedLabels(_ count: Int) -> [String] { (0..<count).map { "LABEL_\($0)" } }

  /// Sets `id2label` and `label2id`.
  public mutating func setLabels(_ labels: [String]) {
    values["num_labels"] = nil
    self["id2label"] = .object(
      OrderedDictionary(
        uniqueKeysWithValues: labels.enumerated().map { (String($0.offset), .string($0.element)) }
      )
    )
    self["label2id"] = .object(
      OrderedDictionary(
        labels.enumerated().map { ($0.element, JSON($0.offset)) },
        uniquingKeysWith: { first, _ in first }
      )
    )
  }

  /// `problem_type`, or what `transformers` infers without it: regression for one output, else one label.
  ///
  /// - Throws: ``GraftError`` when the value is none of the three.
  public func problemType() throws -> ProblemType {
    guard let value = self["problem_type"] else {
      return try labels().count == 1 ? .regression : .singleLabel
    }
    guard let type = value.string.flatMap(ProblemType.init) else {
      throw wrong(
        "problem_type",
        "single_label_classification, multi_label_classification or regression",
        value
      )
    }
    return type
  }
}

// MARK: - What backbones and heads read

extension Configuration {
  /// An activation by the name that `transformers` gives it.
  ///
  /// - Throws: ``GraftError`` listing the known names.
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
        subject: "key '\(key)'",
        advice: "Known: \(names.map(\.key).joined(separator: ", "))."
      )
    }
    return match.value
  }

  /// A probability of dropout.
  ///
  /// - Throws: ``GraftError`` when it is not in `0 ..< 1`.
  public func probability(_ key: String, default fallback: Double) throws -> Float {
    let value = try number(key, default: fallback)
    guard (0..<1).contains(value) else {
      throw GraftError(
        .malformed,
        "wrong value",
        file: "config.json",
        subject: "key '\(key)'",
        expected: "at least 0 and below 1",
        found: "\(value)"
      )
    }
    return Float(value)
  }
}
