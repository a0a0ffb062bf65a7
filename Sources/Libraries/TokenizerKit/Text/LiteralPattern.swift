/// A text, wherever it stands.
///
/// Reference: Knuth, Morris, Pratt, "Fast Pattern Matching in Strings", 1977.
public struct LiteralPattern: TextPattern {
  public let text: [UInt8]
  /// By length of what has matched, the length of the longest shorter beginning that also matches there.
  private let fallbacks: [Int]

  /// - Parameter text: Not empty.
  public init(_ text: [UInt8]) {
    self.text = text
    var fallbacks = [0, 0]
    var length = 0
    for byte in text.dropFirst() {
      while length > 0, text[length] != byte { length = fallbacks[length] }
      if text[length] == byte { length += 1 }
      fallbacks.append(length)
    }
    self.fallbacks = fallbacks
  }

  /// Whether it stands in a text.
  public func isFound(in other: UnsafeBufferPointer<UInt8>) -> Bool {
    guard let first = text.first else { return false }
    // Few texts have as much as its first byte.
    guard other.contains(first) else { return false }
    var isFound = false
    forEachMatch(in: other) { _ in isFound = true }
    return isFound
  }

  public func forEachMatch(in other: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>) -> Void) {
    guard !text.isEmpty else { return }
    var length = 0
    for (index, byte) in other.enumerated() {
      while length > 0, text[length] != byte { length = fallbacks[length] }
      if text[length] == byte { length += 1 }
      guard length == text.count else { continue }
      body(index + 1 - length..<index + 1)
      length = 0
    }
  }
}
