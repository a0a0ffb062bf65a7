/// Splits text into words as GPT-2 does:
///
///     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
///
/// Every scalar is in one word, and a space before letters, digits or symbols belongs to them.
///
/// Reference: openai/gpt-2, src/encoder.py; `ByteLevel` in Hugging Face `tokenizers`.
public struct GPT2Pattern: TextPattern {
  static let text =
    #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  /// What a scalar is to the regular expression.
  private enum Kind: UInt8 {
    case letter, number, space, symbol

    init(_ scalar: UInt32) {
      let flags = UnicodeProperties.shared.flags(of: scalar)
      self =
        flags.contains(.letter)
        ? .letter : flags.contains(.number) ? .number : flags.contains(.whitespace) ? .space : .symbol
    }
  }

  private static let apostrophe = UInt8(ascii: "'")
  private static let contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"].map { Array($0.utf8) }

  /// Where the word that begins at a place ends.
  ///
  /// - Parameters:
  ///   - start: A place between scalars, before the end.
  ///   - text: UTF-8.
  public static func endOfWord(at start: Int, in text: UnsafeBufferPointer<UInt8>) -> Int {
    if text[start] == apostrophe, let end = endOfContraction(at: start, in: text) { return end }
    var index = start
    var kind = takeKind(&index, text)
    if kind == .space {
      // Only U+0020 joins what follows it, and only when it is the last white space before it.
      var next = index
      guard text[start] == 0x20, index < text.count, takeKind(&next, text) != .space else {
        return endOfSpace(at: start, in: text)
      }
      kind = takeKind(&index, text)
    }
    while index < text.count {
      var next = index
      guard takeKind(&next, text) == kind else { break }
      index = next
    }
    return index
  }

  private static func takeKind(_ index: inout Int, _ text: UnsafeBufferPointer<UInt8>) -> Kind {
    Kind(decodeScalar(text, &index, end: text.count))
  }

  private static func endOfContraction(at start: Int, in text: UnsafeBufferPointer<UInt8>) -> Int? {
    for contraction in contractions where text[start...].starts(with: contraction) {
      return start + contraction.count
    }
    return nil
  }

  /// The end of a word of white space: without the last scalar of several when something follows, which may take
  /// that one.
  private static func endOfSpace(at start: Int, in text: UnsafeBufferPointer<UInt8>) -> Int {
    var last = start
    var index = start
    while index < text.count {
      var next = index
      guard takeKind(&next, text) == .space else { return last == start ? index : last }
      (last, index) = (index, next)
    }
    return index
  }

  public init() {}

  public func forEachMatch(in text: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>) -> Void) {
    var index = 0
    while index < text.count {
      let end = Self.endOfWord(at: index, in: text)
      body(index..<end)
      index = end
    }
  }
}
