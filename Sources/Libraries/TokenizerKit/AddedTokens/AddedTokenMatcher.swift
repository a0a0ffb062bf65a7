import GraftTensors

/// Finds added tokens in text: the leftmost first, of those that begin there the longest.
public struct AddedTokenMatcher: Sendable {
  /// A place in a text that is an added token, with the white space that it takes.
  public struct Match {
    /// In bytes.
    public var range: Range<Int>
    public var token: AddedToken
    /// The white space in the range.
    public var margin: Pieces.Margin
  }

  private struct Node {
    var byte: UInt8
    var token: Int?
    var firstChild = 0
    var nextSibling = 0
  }

  private var tokens: [AddedToken] = []
  /// A trie of the tokens' bytes; the root is node 0, and so is "none".
  private var nodes = [Node(byte: 0, token: nil)]
  private var isFirstByte = [Bool](repeating: false, count: 256)
  /// Whether the same is found in a text that is cut before spaces that stand alone between other characters.
  public private(set) var allowsCuts = true

  /// The longest text that is looked for, in bytes: as much may be looked at again at each place.
  private static let longestPattern = 1024

  /// - Parameter patterns: What is looked for, and what it is then; empty texts are left out.
  /// - Throws: `GraftError` for a text of more than 1,024 bytes, and for one of white space that takes what follows it: each
  ///   space of many would begin a match to their end.
  public init(_ patterns: [(text: [UInt8], token: AddedToken)]) throws {
    for pattern in patterns where !pattern.text.isEmpty {
      guard pattern.text.count <= Self.longestPattern else {
        throw GraftError(
          .unsupported, "an added token is too long", subject: "token '\(pattern.token.content.prefix(80))'",
          expected: "at most \(Self.longestPattern) bytes once it is normalized",
          found: "\(pattern.text.count)")
      }
      guard !pattern.token.stripsRight || !Self.isWhiteSpace(pattern.text) else {
        throw GraftError(
          .unsupported, "an added token of white space cannot take the white space behind it",
          subject: "token '\(pattern.token.content)'", advice: "Set its 'rstrip' to false.")
      }
      let hasSpaceWithin = zip(pattern.text, pattern.text.dropFirst()).contains { $0 != 0x20 && $1 == 0x20 }
      if hasSpaceWithin || pattern.token.stripsRight || pattern.token.isSingleWord { allowsCuts = false }
      var node = 0
      for byte in pattern.text {
        if let next = child(of: node, byte) {
          node = next
        } else {
          nodes.append(Node(byte: byte, token: nil, nextSibling: nodes[node].firstChild))
          nodes[node].firstChild = nodes.count - 1
          node = nodes.count - 1
        }
      }
      isFirstByte[Int(pattern.text[0])] = true
      nodes[node].token = tokens.count
      tokens.append(pattern.token)
    }
  }

  public var isEmpty: Bool { tokens.isEmpty }

  private static func isWhiteSpace(_ text: [UInt8]) -> Bool {
    text.withUnsafeBufferPointer { text in
      var index = 0
      while index < text.count {
        guard
          UnicodeProperties.shared.flags(of: decodeScalar(text, &index, end: text.count)).contains(
            .whitespace)
        else { return false }
      }
      return true
    }
  }

  private func child(of node: Int, _ byte: UInt8) -> Int? {
    var next = nodes[node].firstChild
    while next != 0 {
      if nodes[next].byte == byte { return next }
      next = nodes[next].nextSibling
    }
    return nil
  }

  /// All matches in UTF-8 text, from left to right.
  ///
  /// A match that takes white space to its right may overlap a following token that begins with it; what
  /// follows a token that is not a single word, but should be, is only looked at from its end on. So does
  /// `tokenizers`.
  public func matches(in text: UnsafeBufferPointer<UInt8>) -> [Match] {
    var found: [Match] = []
    var taken = 0
    var index = 0
    isFirstByte.withUnsafeBufferPointer { isFirstByte in
      while index < text.count {
        guard isFirstByte[Int(text[index])], let (end, token) = longest(in: text, from: index) else {
          index += 1
          continue
        }
        let range = index..<end
        index = end
        if token.isSingleWord, touchesWord(range, in: text) { continue }
        var start = range.lowerBound
        var stop = range.upperBound
        if token.stripsLeft { start = startOfSpace(before: start, downTo: taken, in: text) }
        if token.stripsRight { stop = endOfSpace(after: stop, in: text) }
        // Nothing is left of a token of white space that the one before it took.
        guard start < stop else { continue }
        found.append(
          Match(range: start..<stop, token: token, margin: Self.margin(text[start..<stop])))
        taken = stop
      }
    }
    return found
  }

  /// How many scalars of white space a text begins and ends with. The byte-level sign of a space counts as one,
  /// as in `tokenizers`, which looks at tokens here.
  static func margin(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> Pieces.Margin {
    let properties = UnicodeProperties.shared
    var margin = Pieces.Margin()
    var isLeading = true
    var index = text.startIndex
    while index < text.endIndex {
      let scalar = decodeScalar(text.base, &index, end: text.endIndex)
      if scalar == ByteLevelAlphabet.space || properties.flags(of: scalar).contains(.whitespace) {
        if isLeading { margin.leading += 1 }
        margin.trailing += 1
      } else {
        isLeading = false
        margin.trailing = 0
      }
    }
    return margin
  }

  private func longest(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> (end: Int, token: AddedToken)?
  {
    var node = 0
    var index = start
    var best: (Int, AddedToken)?
    while index < text.count, let next = child(of: node, text[index]) {
      node = next
      index += 1
      if let token = nodes[node].token { best = (index, tokens[token]) }
    }
    return best
  }

  private func touchesWord(_ range: Range<Int>, in text: UnsafeBufferPointer<UInt8>) -> Bool {
    let properties = UnicodeProperties.shared
    if let (_, before) = scalar(before: range.lowerBound, in: text), properties.isWordCharacter(before) {
      return true
    }
    var index = range.upperBound
    guard index < text.count else { return false }
    return properties.isWordCharacter(decodeScalar(text, &index, end: text.count))
  }

  private func startOfSpace(
    before end: Int, downTo limit: Int, in text: UnsafeBufferPointer<UInt8>
  ) -> Int {
    var start = max(end, limit)
    while start > limit, let (index, value) = scalar(before: start, in: text), isSpace(value) {
      start = index
    }
    return start
  }

  private func endOfSpace(after start: Int, in text: UnsafeBufferPointer<UInt8>) -> Int {
    var end = start
    while end < text.count {
      var index = end
      guard isSpace(decodeScalar(text, &index, end: text.count)) else { break }
      end = index
    }
    return end
  }

  private func isSpace(_ scalar: UInt32) -> Bool {
    UnicodeProperties.shared.flags(of: scalar).contains(.whitespace)
  }

  private func scalar(before end: Int, in text: UnsafeBufferPointer<UInt8>) -> (index: Int, value: UInt32)? {
    var start = end - 1
    while start > 0, text[start] & 0xC0 == 0x80 { start -= 1 }
    guard start >= 0 else { return nil }
    var index = start
    return (start, decodeScalar(text, &index, end: end))
  }
}
