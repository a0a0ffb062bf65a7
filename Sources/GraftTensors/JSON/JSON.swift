import OrderedCollections

/// A JSON value that keeps what Foundation's parser loses: the order of keys, the spelling of numbers
/// (`1e-12`, 64-bit integers), and the knowledge that a key was given twice.
///
/// Configuration files are read and written back with keys that Graft does not know; a safetensors header
/// with a duplicate name has to be an error. Reference: RFC 8259.
public enum JSON: Sendable, Equatable {
  case null
  case bool(Bool)
  /// A number in its original spelling.
  case number(String)
  case string(String)
  case array([JSON])
  case object(OrderedDictionary<String, JSON>)
  /// An object with keys that differ in their bytes and are the same to `String`, such as "é" composed and
  /// decomposed. A dictionary cannot hold both, and nearly every object is an ``object(_:)``.
  case members([Member])

  /// A key and its value. Keys are equal when their bytes are, as in RFC 8259.
  public struct Member: Sendable, Equatable {
    public var key: String
    public var value: JSON

    public init(_ key: String, _ value: JSON) {
      self.key = key
      self.value = value
    }

    public static func == (left: Member, right: Member) -> Bool {
      left.key.utf8.elementsEqual(right.key.utf8) && left.value == right.value
    }
  }
}

extension JSON {
  /// The value of a key, when this is an object that has it. Keys are compared by their bytes.
  public subscript(key: String) -> JSON? {
    switch self {
    case .object(let members):
      guard let index = members.index(forKey: key) else { return nil }
      let member = members.elements[index]
      return member.key.utf8.elementsEqual(key.utf8) ? member.value : nil
    case .members(let members): return members.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
    default: return nil
    }
  }

  /// The number as an integer, when it is one.
  public var int: Int? {
    guard case .number(let text) = self else { return nil }
    if let value = Int(text) { return value }
    guard let value = Double(text), value == value.rounded() else { return nil }
    return Int(exactly: value)
  }

  public var double: Double? {
    if case .number(let text) = self { return Double(text) }
    return nil
  }

  public var bool: Bool? {
    if case .bool(let value) = self { return value }
    return nil
  }

  public var string: String? {
    if case .string(let value) = self { return value }
    return nil
  }

  public var array: [JSON]? {
    if case .array(let value) = self { return value }
    return nil
  }

  /// The members of an object whose keys a dictionary can hold. ``members`` has those of any object.
  public var object: OrderedDictionary<String, JSON>? {
    if case .object(let value) = self { return value }
    return nil
  }

  /// The members of an object, in their order.
  public var members: [Member]? {
    switch self {
    case .object(let members): members.map { Member($0.key, $0.value) }
    case .members(let members): members
    default: nil
    }
  }

  /// The kind of value, for messages: "a string".
  public var kind: String {
    switch self {
    case .null: "null"
    case .bool: "true or false"
    case .number(let text): "the number \(text)"
    case .string(let text): "the string \"\(text.prefix(40))\""
    case .array: "a list"
    case .object, .members: "an object"
    }
  }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int) { self = .number(String(value)) }
  public init(floatLiteral value: Double) { self.init(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(OrderedDictionary(elements, uniquingKeysWith: { $1 }))
  }

  /// An object: ``object(_:)`` when a dictionary can hold the keys, and otherwise ``members(_:)``.
  ///
  /// - Parameter members: No key twice.
  public init(members: [Member]) {
    let dictionary = OrderedDictionary(members.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
    self = dictionary.count == members.count ? .object(dictionary) : .members(members)
  }

  public init(_ value: Int) { self = .number(String(value)) }
  public init(_ value: String) { self = .string(value) }
  public init(_ value: Bool) { self = .bool(value) }

  /// The shortest spelling that reads back as the same number; `null` for what JSON cannot say.
  public init(_ value: Double) {
    self = value.isFinite ? .number(value.description) : .null
  }

  /// A count, which has no decimals: `3`, not `3.0`. A number that is no integer stays what it is.
  public init(count value: Double) {
    self = Int(exactly: value).map { JSON($0) } ?? JSON(value)
  }

  /// The shortest decimal that reads back as the same `Float`.
  public init(_ value: Float) {
    self = value.isFinite ? .number(value.description) : .null
  }
}

// MARK: - Writing

extension JSON {
  /// How a value is laid out as text.
  public enum Style: Sendable {
    /// No white space.
    case compact
    /// Two-space indentation, keys sorted by code point: Python's `json.dumps(indent=2, sort_keys=True,
    /// ensure_ascii=False)`, which is what `transformers` writes.
    case sorted
    /// Two-space indentation, keys in their own order.
    case pretty
  }

  /// The value as JSON text, without a final line feed.
  public func text(_ style: Style = .compact) -> String {
    var output = ""
    write(to: &output, style: style, depth: 0)
    return output
  }

  private func write(to output: inout String, style: Style, depth: Int) {
    switch self {
    case .null: output += "null"
    case .bool(let value): output += value ? "true" : "false"
    case .number(let text): output += text
    case .string(let text): JSON.quote(text, to: &output)
    case .array(let elements):
      JSON.writeList(elements, open: "[", close: "]", to: &output, style, depth) { element, output in
        element.write(to: &output, style: style, depth: depth + 1)
      }
    case .object, .members:
      let members = members ?? []
      JSON.writeList(
        style == .sorted ? JSON.sorted(members) : members, open: "{", close: "}", to: &output, style, depth
      ) { member, output in
        JSON.quote(member.key, to: &output)
        output += style == .compact ? ":" : ": "
        member.value.write(to: &output, style: style, depth: depth + 1)
      }
    }
  }

  /// Code points decide, not Unicode's notion of equal texts that `String` compares by.
  private static func sorted(_ members: [Member]) -> [Member] {
    members.sorted { $0.key.unicodeScalars.lexicographicallyPrecedes($1.key.unicodeScalars) }
  }

  private static func writeList<Element>(
    _ elements: [Element],
    open: String,
    close: String,
    to output: inout String,
    _ style: Style,
    _ depth: Int,
    _ write: (Element, inout String) -> Void
  ) {
    output += open
    for (index, element) in elements.enumerated() {
      if index > 0 { output += "," }
      if style != .compact { output += "\n" + String(repeating: "  ", count: depth + 1) }
      write(element, &output)
    }
    if style != .compact, !elements.isEmpty { output += "\n" + String(repeating: "  ", count: depth) }
    output += close
  }

  private static func quote(_ text: String, to output: inout String) {
    output += "\""
    defer { output += "\"" }
    guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x22 || $0 == 0x5C }) else { return output += text }
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": output += "\\\""
      case "\\": output += "\\\\"
      case "\n": output += "\\n"
      case "\r": output += "\\r"
      case "\t": output += "\\t"
      case "\u{8}": output += "\\b"
      case "\u{C}": output += "\\f"
      case "\u{0}"..<"\u{20}":
        let hex = String(scalar.value, radix: 16)
        output += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: output.unicodeScalars.append(scalar)
      }
    }
  }
}
