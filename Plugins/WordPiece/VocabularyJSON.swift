import GraftCore

/// Reads a `tokenizer.json` with its vocabulary apart.
///
/// Two reasons not to leave the vocabulary to ``JSON``: its keys are Swift strings, which compare as equal what looks
/// the same (U+212B and U+00C5), where a vocabulary tells them apart; and it has tens of thousands of entries.
struct VocabularyJSON {
  /// The file without the vocabulary's entries.
  let document: JSON
  private let bytes: [UInt8]
  private let range: Range<Int>?

  /// - Throws: ``GraftError`` that gives the byte offset when this is no JSON.
  init(parsing bytes: [UInt8]) throws {
    self.bytes = bytes
    var scanner = Scanner(bytes: bytes)
    range = scanner.seek("model") && scanner.seek("vocab") ? scanner.skipValue() : nil
    guard let range, bytes[range.lowerBound] == UInt8(ascii: "{") else {
      document = try JSON(parsing: bytes)
      return
    }
    // Blanks in its place keep the offsets in messages right.
    var rest = bytes
    for index in range.dropFirst().dropLast() { rest[index] = UInt8(ascii: " ") }
    document = try JSON(parsing: rest)
  }

  /// The vocabulary's tokens in the file's order, or `nil` when there is none.
  ///
  /// - Throws: ``GraftError`` when it is no JSON object of whole numbers, or a token is given twice.
  func entries() throws -> [Vocabulary.Entry]? {
    guard let range, bytes[range.lowerBound] == UInt8(ascii: "{") else { return nil }
    var scanner = Scanner(bytes: bytes)
    scanner.index = range.lowerBound + 1
    var entries: [Vocabulary.Entry] = []
    var seen: Set<[UInt8]> = []
    scanner.skipWhitespace()
    if scanner.index == range.upperBound - 1 { return [] }
    repeat {
      let start = scanner.skipped()
      guard let key = scanner.skipString() else { throw error("expected a token in quotes", at: start) }
      let token = try token(key)
      guard scanner.consume(UInt8(ascii: ":")) else { throw error("expected ':'", at: scanner.index) }
      guard let value = scanner.skipValue(), let id = Int(String(decoding: bytes[value], as: UTF8.self)) else {
        throw GraftError(
          .malformed, "the id is not a whole number",
          subject: "key 'model.vocab', token '\(String(decoding: token, as: UTF8.self))'")
      }
      guard seen.insert(token).inserted else {
        throw error("the token '\(String(decoding: token, as: UTF8.self))' is given twice", at: start)
      }
      entries.append((token, id))
    } while scanner.consume(UInt8(ascii: ","))
    guard scanner.skipped() == range.upperBound - 1 else {
      throw error("expected ',' or '}'", at: scanner.index)
    }
    return entries
  }

  private func error(_ problem: String, at offset: Int) -> GraftError {
    GraftError(.malformed, "invalid JSON at byte \(offset): \(problem)")
  }

  private func token(_ literal: Range<Int>) throws -> [UInt8] {
    let content = bytes[literal].dropFirst().dropLast()
    // Only the few with escapes need a parser, but all need to be UTF-8.
    guard content.contains(UInt8(ascii: "\\")) else {
      guard String(validating: content, as: UTF8.self) != nil else {
        throw error("a token that is not UTF-8", at: literal.lowerBound)
      }
      return Array(content)
    }
    do {
      return Array((try JSON(parsing: bytes[literal]).string ?? "").utf8)
    } catch {
      throw self.error("a token with a broken escape", at: literal.lowerBound)
    }
  }
}

/// Finds its way through JSON text without judging it.
private struct Scanner {
  let bytes: [UInt8]
  var index = 0

  mutating func skipWhitespace() {
    while index < bytes.count, bytes[index] <= 0x20 { index += 1 }
  }

  /// The place after white space.
  mutating func skipped() -> Int {
    skipWhitespace()
    return index
  }

  mutating func consume(_ byte: UInt8) -> Bool {
    skipWhitespace()
    guard index < bytes.count, bytes[index] == byte else { return false }
    index += 1
    return true
  }

  /// Steps into the object that stands here, to the value of a key.
  mutating func seek(_ key: String) -> Bool {
    guard consume(UInt8(ascii: "{")) else { return false }
    repeat {
      skipWhitespace()
      guard let name = skipString(), consume(UInt8(ascii: ":")) else { return false }
      if bytes[name].dropFirst().dropLast().elementsEqual(key.utf8) {
        skipWhitespace()
        return true
      }
      guard skipValue() != nil else { return false }
    } while consume(UInt8(ascii: ","))
    return false
  }

  /// Passes a string; the result includes the quotes.
  mutating func skipString() -> Range<Int>? {
    let start = index
    guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else { return nil }
    index += 1
    while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
      index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
    }
    guard index < bytes.count else { return nil }
    index += 1
    return start..<index
  }

  mutating func skipValue() -> Range<Int>? {
    let start = skipped()
    var depth = 0
    while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: "\""):
        guard skipString() != nil else { return nil }
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        index += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ","), 0...0x20:
        if depth == 0 { return start < index ? start..<index : nil }
        if bytes[index] == UInt8(ascii: "}") || bytes[index] == UInt8(ascii: "]") { depth -= 1 }
        index += 1
        if depth == 0 { return start..<index }
      default:
        index += 1
      }
    }
    return nil
  }
}
