import GraftTensors

/// The few Python literals that a NumPy header is made of.
struct PythonLiteral {
  private let text: [UInt8]
  private var position = 0

  init(_ text: ArraySlice<UInt8>) { self.text = Array(text) }

  static func broken(_ what: String) -> GraftError {
    GraftError(
      .malformed, "the header of the NumPy array is broken: \(what)", advice: "Copy or download it again.")
  }

  /// The next byte that is no white space; it stays.
  mutating func peek() throws -> UInt8 {
    while position < text.count, [0x20, 0x09, 0x0A, 0x0D].contains(text[position]) { position += 1 }
    guard position < text.count else { throw Self.broken("it ends early") }
    return text[position]
  }

  private mutating func take(_ character: Unicode.Scalar) throws {
    guard try peek() == UInt8(ascii: character) else {
      throw Self.broken("expected '\(character)' at byte \(position)")
    }
    position += 1
  }

  private mutating func takes(_ character: Unicode.Scalar) throws -> Bool {
    guard try peek() == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  /// A dictionary with strings for keys, and nothing after it.
  mutating func dictionary(_ value: (_ key: String, inout PythonLiteral) throws -> Void) throws {
    try take("{")
    while try !takes("}") {
      let key = try string()
      try take(":")
      try value(key, &self)
      guard try takes(",") else {
        try take("}")
        break
      }
    }
    guard (try? peek()) == nil else { throw Self.broken("something follows it") }
  }

  /// A string in either kind of quotes, without escapes.
  mutating func string() throws -> String {
    let quote = try peek()
    guard quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
      throw Self.broken("expected a string at byte \(position)")
    }
    position += 1
    guard let end = text[position...].firstIndex(of: quote),
      let string = String(validating: text[position..<end], as: UTF8.self), !string.contains("\\")
    else { throw Self.broken("a string without an end") }
    position = end + 1
    return string
  }

  mutating func bool() throws -> Bool {
    _ = try peek()
    for (word, value) in [("True", true), ("False", false)] where text[position...].starts(with: word.utf8) {
      position += word.utf8.count
      return value
    }
    throw Self.broken("expected True or False at byte \(position)")
  }

  /// A tuple of sizes; Python 2 wrote an L after some of them.
  mutating func tuple() throws -> [Int] {
    try take("(")
    var numbers: [Int] = []
    while try !takes(")") {
      numbers.append(try size())
      _ = try takes("L")
      guard try takes(",") else {
        // One number in parentheses is no tuple.
        guard numbers.count > 1 else { throw Self.broken("expected ',' at byte \(position)") }
        try take(")")
        break
      }
    }
    return numbers
  }

  private mutating func size() throws -> Int {
    _ = try peek()
    let digits = text[position...].prefix { 0x30...0x39 ~= $0 }
    guard let number = Int(String(decoding: digits, as: UTF8.self)) else {
      throw Self.broken("expected a size at byte \(position)")
    }
    position += digits.count
    return number
  }
}
