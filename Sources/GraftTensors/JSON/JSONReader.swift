import OrderedCollections

/// Reads JSON text value by value, so that callers can demand what they expect and skip the rest
/// without building it: a hostile header of 100 MB takes no memory beyond its own bytes.
///
///     var reader = JSONReader(bytes)
///     try reader.object { reader, key in
///       if key == "shape" { try reader.array { try shape.append($0.integer()) } } else { try reader.skip() }
///     }
///     try reader.finish()
///
/// Every error is a ``GraftError`` of kind `malformed` that gives the byte offset. Reference: RFC 8259.
public struct JSONReader {
  /// The deepest nesting that is read, the limit of Rust's serde as well.
  static let maximumDepth = 128

  private let bytes: [UInt8]
  private var position = 0
  private var depth = 0

  /// - Parameter bytes: UTF-8 text, with or without surrounding white space and byte order mark.
  public init(_ bytes: some Collection<UInt8>) {
    self.bytes = Array(bytes)
    if self.bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
  }

  /// Demands that nothing but white space follows.
  public mutating func finish() throws {
    skipWhitespace()
    guard position == bytes.count else { throw error("something follows the end of the JSON value") }
  }

  /// Reads any value as a tree.
  public mutating func value() throws -> JSON {
    switch try kind() {
    case .object: return try objectValue()
    case .array:
      var elements: [JSON] = []
      try array { try elements.append($0.value()) }
      return .array(elements)
    case .string: return .string(try string())
    case .number: return .number(try number())
    case .true: return try literal("true", .bool(true))
    case .false: return try literal("false", .bool(false))
    case .null: return try literal("null", .null)
    // Python's json module writes these; they have no other meaning, so they read as null.
    case .nan: return try literal("NaN", .null)
    case .infinity: return try literal("Infinity", .null)
    case .minusInfinity: return try literal("-Infinity", .null)
    }
  }

  private mutating func objectValue() throws -> JSON {
    var members: OrderedDictionary<String, JSON> = [:]
    // In use from the first two keys on that are the same to a dictionary and differ in their bytes.
    var list: [JSON.Member] = []
    var keys: Set<ExactKey> = []
    try forEachMember { reader, key, start in
      let value = try reader.value()
      if keys.isEmpty {
        guard let other = members.updateValue(value, forKey: key) else { return }
        members[key] = other
        list = members.map { JSON.Member($0.key, $0.value) }
        keys = Set(members.keys.map(ExactKey.init))
      }
      guard keys.insert(ExactKey(text: key)).inserted else {
        throw reader.error("the key '\(key)' is given twice", at: start)
      }
      list.append(JSON.Member(key, value))
    }
    return list.isEmpty ? .object(members) : .members(list)
  }

  /// Whether an object comes next.
  public mutating func isAtObject() throws -> Bool { try kind() == .object }

  /// Whether a list comes next.
  public mutating func isAtArray() throws -> Bool { try kind() == .array }

  /// Passes over any value.
  public mutating func skip() throws {
    switch try kind() {
    case .object: try object { reader, _ in try reader.skip() }
    case .array: try array { try $0.skip() }
    case .string: _ = try string()
    default: _ = try value()
    }
  }

  /// Reads an object. `member` is called with each key and has to read or skip its value.
  ///
  /// - Parameters:
  ///   - count: About how many members there will be, when there will be many.
  ///   - member: Called for each member, with the reader at its value.
  /// - Throws: when a key is given twice, or the value is not an object.
  public mutating func object(
    expecting count: Int = 0, _ member: (inout JSONReader, String) throws -> Void
  ) throws {
    var keys = Set<ExactKey>(minimumCapacity: count)
    try forEachMember { reader, key, start in
      guard keys.insert(ExactKey(text: key)).inserted else {
        throw reader.error("the key '\(key)' is given twice", at: start)
      }
      try member(&reader, key)
    }
  }

  /// Reads an object without a look at whether a key is given twice.
  ///
  /// - Parameter member: Called with each key and the place where it starts; has to read or skip the value.
  private mutating func forEachMember(
    _ member: (inout JSONReader, _ key: String, _ start: Int) throws -> Void
  ) throws {
    try begin("{", "an object")
    skipWhitespace()
    if !consume("}") {
      repeat {
        skipWhitespace()
        let start = position
        guard next == UInt8(ascii: "\"") else { throw error("expected a key in quotes") }
        let key = try string()
        skipWhitespace()
        guard consume(":") else { throw error("expected ':' after the key '\(key)'") }
        try member(&self, key, start)
        skipWhitespace()
      } while consume(",")
      guard consume("}") else { throw error("expected ',' or '}'") }
    }
    depth -= 1
  }

  /// Reads a list. `element` is called at each element and has to read or skip it.
  ///
  /// - Throws: when the value is not a list.
  public mutating func array(_ element: (inout JSONReader) throws -> Void) throws {
    try begin("[", "a list")
    skipWhitespace()
    if !consume("]") {
      repeat {
        try element(&self)
        skipWhitespace()
      } while consume(",")
      guard consume("]") else { throw error("expected ',' or ']'") }
    }
    depth -= 1
  }

  /// Reads a string.
  ///
  /// - Throws: when the value is another one, or not UTF-8.
  public mutating func string() throws -> String {
    skipWhitespace()
    let start = position
    guard consume("\"") else { throw error("expected a string") }
    // What precedes an escape; few strings have one.
    var text: [UInt8] = []
    while true {
      let plain = position..<bytes[position...].prefix { $0 != 0x22 && $0 != 0x5C && $0 >= 0x20 }.endIndex
      position = plain.upperBound
      guard let byte = next else { throw error("a string without an end", at: start) }
      guard byte >= 0x20 else { throw error("a control character in a string") }
      position += 1
      if byte == UInt8(ascii: "\\") {
        text += bytes[plain]
        try escape(into: &text)
        continue
      }
      let string =
        text.isEmpty
        ? String(validating: bytes[plain], as: UTF8.self)
        : String(validating: text + bytes[plain], as: UTF8.self)
      guard let string else { throw error("a string that is not UTF-8", at: start) }
      return string
    }
  }

  /// Reads a number that is written as a whole one.
  ///
  /// - Throws: when the value is another one, a fraction or exponent, or too large for `Int`.
  public mutating func integer() throws -> Int {
    skipWhitespace()
    let start = position
    guard let next, next == UInt8(ascii: "-") || isDigit(next) else {
      throw error("expected a whole number")
    }
    let text = try number()
    if let value = Int(text) { return value }
    guard text.utf8.dropFirst().allSatisfy(isDigit) else {
      throw error("expected a whole number, found \(text.prefix(40))", at: start)
    }
    throw error("the number \(text.prefix(40)) is too large", at: start)
  }

  /// Reads a number.
  ///
  /// - Throws: when the value is another one, or too large.
  public mutating func double() throws -> Double { try spelledDouble().value }

  /// Reads a number, and gives its spelling as well.
  ///
  /// - Throws: As ``double()``.
  public mutating func spelledDouble() throws -> (value: Double, spelling: String) {
    skipWhitespace()
    let start = position
    guard let next, next == UInt8(ascii: "-") || isDigit(next) else { throw error("expected a number") }
    let text = try number()
    guard let value = Double(text), value.isFinite else {
      throw error("the number \(text.prefix(40)) is too large", at: start)
    }
    return (value, text)
  }

  /// Consumes `null` if it comes next.
  public mutating func null() throws -> Bool {
    guard try kind() == .null else { return false }
    _ = try literal("null", .null)
    return true
  }
}

// MARK: - Syntax

extension JSONReader {
  private enum Kind {
    case object, array, string, number, `true`, `false`, null, nan, infinity, minusInfinity
  }

  private mutating func kind() throws -> Kind {
    skipWhitespace()
    switch next {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "t"): return .true
    case UInt8(ascii: "f"): return .false
    case UInt8(ascii: "n"): return .null
    case UInt8(ascii: "N"): return .nan
    case UInt8(ascii: "I"): return .infinity
    case UInt8(ascii: "-"):
      return position + 1 < bytes.count && bytes[position + 1] == UInt8(ascii: "I") ? .minusInfinity : .number
    case .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return .number
    case nil: throw error("the text ends where a value should stand")
    case .some: throw error("no value starts like this")
    }
  }

  private func error(_ problem: String, at offset: Int? = nil) -> GraftError {
    GraftError(.malformed, "invalid JSON at byte \(offset ?? position): \(problem)")
  }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

  private mutating func skipWhitespace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  private mutating func consume(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func begin(_ bracket: Unicode.Scalar, _ expected: String) throws {
    skipWhitespace()
    guard next == UInt8(ascii: bracket) else { throw error("expected \(expected)") }
    guard depth < Self.maximumDepth else { throw error("nested deeper than \(Self.maximumDepth) levels") }
    position += 1
    depth += 1
  }

  private mutating func literal(_ word: String, _ value: JSON) throws -> JSON {
    guard bytes[position...].starts(with: word.utf8) else {
      let isNear = bytes[position...].starts(with: word.utf8.prefix(2))
      throw error(isNear ? "expected '\(word)'" : "no value starts like this")
    }
    position += word.utf8.count
    return value
  }

  private mutating func number() throws -> String {
    let start = position
    _ = consume("-")
    if !consume("0") { try digits() }
    if consume(".") { try digits() }
    if consume("e") || consume("E") {
      if !consume("+") { _ = consume("-") }
      try digits()
    }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private mutating func digits() throws {
    let first = position
    while let byte = next, isDigit(byte) { position += 1 }
    if position == first { throw error("expected a digit") }
  }

  private mutating func escape(into text: inout [UInt8]) throws {
    guard let byte = next else { throw error("a string without an end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"): text.append(contentsOf: Array(String(Character(try unicodeEscape())).utf8))
    default: throw error("an unknown escape", at: position - 1)
    }
  }

  /// The scalar of `\uXXXX`, or of a surrogate pair; U+FFFD for a lone surrogate.
  private mutating func unicodeEscape() throws -> Unicode.Scalar {
    let code = try hexadecimal()
    if 0xD800..<0xDC00 ~= code, bytes[position...].starts(with: "\\u".utf8) {
      let mark = position
      position += 2
      let low = try hexadecimal()
      if 0xDC00..<0xE000 ~= low {
        return Unicode.Scalar(0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)) ?? "\u{FFFD}"
      }
      position = mark
    }
    return Unicode.Scalar(code) ?? "\u{FFFD}"
  }

  private mutating func hexadecimal() throws -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw error("expected four hexadecimal digits")
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }
}

/// A key compared by its bytes: `String` takes canonically equivalent texts for the same, JSON does not.
private struct ExactKey: Hashable {
  var text: String

  static func == (left: ExactKey, right: ExactKey) -> Bool {
    left.text == right.text && left.text.utf8.elementsEqual(right.text.utf8)
  }

  func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}

extension JSON {
  /// Parses a whole JSON document.
  ///
  /// - Parameter bytes: UTF-8 text, with or without surrounding white space.
  /// - Throws: ``GraftError`` of kind `malformed` that gives the byte offset: broken syntax, invalid UTF-8,
  ///   a key that is given twice in one object, or nesting deeper than 128.
  public init(parsing bytes: some Collection<UInt8>) throws {
    var reader = JSONReader(bytes)
    self = try reader.value()
    try reader.finish()
  }

  /// Parses a whole JSON document.
  public init(parsing text: String) throws {
    try self.init(parsing: text.utf8)
  }
}
