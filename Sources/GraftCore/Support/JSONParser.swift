import OrderedCollections

extension JSON {
  /// Parses a whole JSON document.
  ///
  /// - Parameter bytes: UTF-8 text, with or without surrounding white space.
  /// - Throws: ``GraftError`` of kind `malformed` that gives the byte offset: broken syntax, invalid UTF-8,
  ///   a key that is given twice in one object, or nesting deeper than 128.
  public init(parsing bytes: some Collection<UInt8>) throws {
    var parser = JSONParser(bytes: Array(bytes))
    self = try parser.document()
  }

  /// Parses a whole JSON document.
  public init(parsing text: String) throws {
    try self.init(parsing: text.utf8)
  }
}

private struct JSONParser {
  let bytes: [UInt8]
  var position = 0
  let maximumDepth = 128

  init(bytes: [UInt8]) {
    self.bytes = bytes
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }  // a byte order mark
  }

  mutating func document() throws -> JSON {
    let value = try value(depth: 0)
    skipWhitespace()
    guard position == bytes.count else { throw error("something follows the end of the JSON value") }
    return value
  }

  private func error(_ problem: String, at offset: Int? = nil) -> GraftError {
    GraftError(.malformed, "invalid JSON at byte \(offset ?? position): \(problem)")
  }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipWhitespace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  private mutating func consume(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int) throws -> JSON {
    guard depth < maximumDepth else { throw error("nested deeper than \(maximumDepth) levels") }
    skipWhitespace()
    switch next {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    case .some(UInt8(ascii: "0")...UInt8(ascii: "9")), UInt8(ascii: "-"): return try number()
    // Python's json module writes these three; they have no other meaning, so they read as null.
    case UInt8(ascii: "N"): return try literal("NaN", .null)
    case UInt8(ascii: "I"): return try literal("Infinity", .null)
    case nil: throw error("the text ends where a value should stand")
    case .some: throw error("no value starts like this")
    }
  }

  private mutating func literal(_ word: String, _ value: JSON) throws -> JSON {
    guard bytes[position...].starts(with: word.utf8) else { throw error("expected '\(word)'") }
    position += word.utf8.count
    return value
  }

  private mutating func object(depth: Int) throws -> JSON {
    position += 1
    var members: OrderedDictionary<String, JSON> = [:]
    skipWhitespace()
    if consume("}") { return .object(members) }
    repeat {
      skipWhitespace()
      let start = position
      guard next == UInt8(ascii: "\"") else { throw error("expected a key in quotes") }
      let key = try string()
      skipWhitespace()
      guard consume(":") else { throw error("expected ':' after the key '\(key)'") }
      let value = try value(depth: depth + 1)
      guard members.updateValue(value, forKey: key) == nil else {
        throw error("the key '\(key)' is given twice", at: start)
      }
      skipWhitespace()
    } while consume(",")
    guard consume("}") else { throw error("expected ',' or '}'") }
    return .object(members)
  }

  private mutating func array(depth: Int) throws -> JSON {
    position += 1
    var elements: [JSON] = []
    skipWhitespace()
    if consume("]") { return .array(elements) }
    repeat {
      elements.append(try value(depth: depth + 1))
      skipWhitespace()
    } while consume(",")
    guard consume("]") else { throw error("expected ',' or ']'") }
    return .array(elements)
  }

  private mutating func number() throws -> JSON {
    let start = position
    func digits(_ parser: inout JSONParser) throws {
      let first = parser.position
      while let byte = parser.next, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte { parser.position += 1 }
      if parser.position == first { throw parser.error("expected a digit") }
    }
    _ = consume("-")
    if next == UInt8(ascii: "I") { return try literal("Infinity", .null) }
    if !consume("0") { try digits(&self) }
    if consume(".") { try digits(&self) }
    if consume("e") || consume("E") {
      if !consume("+") { _ = consume("-") }
      try digits(&self)
    }
    return .number(String(decoding: bytes[start..<position], as: UTF8.self))
  }

  private mutating func string() throws -> String {
    let start = position
    position += 1
    var text: [UInt8] = []
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        guard let string = String(validating: text, as: UTF8.self) else {
          throw error("a string that is not UTF-8", at: start)
        }
        return string
      case UInt8(ascii: "\\"):
        position += 1
        try escape(into: &text)
      case 0..<0x20: throw error("a control character in a string")
      default:
        text.append(byte)
        position += 1
      }
    }
    throw error("a string without an end", at: start)
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
    case UInt8(ascii: "u"):
      var code = try hexadecimal()
      if 0xD800..<0xDC00 ~= code, bytes[position...].starts(with: "\\u".utf8) {
        let mark = position
        position += 2
        let low = try hexadecimal()
        if 0xDC00..<0xE000 ~= low {
          code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
        } else {
          position = mark
        }
      }
      let scalar = Unicode.Scalar(code) ?? "\u{FFFD}"  // a lone surrogate
      text.append(contentsOf: Array(String(Character(scalar)).utf8))
    default: throw error("an unknown escape", at: position - 1)
    }
  }

  private mutating func hexadecimal() throws -> UInt32 {
    let end = position + 4
    guard end <= bytes.count, let text = String(validating: bytes[position..<end], as: UTF8.self),
      text.allSatisfy(\.isHexDigit), let value = UInt32(text, radix: 16)
    else { throw error("expected four hexadecimal digits") }
    position = end
    return value
  }
}
