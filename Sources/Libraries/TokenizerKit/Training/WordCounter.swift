import GraftCompute
import GraftCore
import GraftTensors

/// Counts the words that a normalizer and a pre-tokenizer make of texts.
///
/// Texts are cut at spaces first and equal parts are counted, so that each part goes through the pipeline once however
/// often it occurs. Where that could change the result, texts go through it whole.
public struct WordCounter: Sendable {
  /// A word, in UTF-8, and how often it occurs.
  public typealias Word = (bytes: [UInt8], count: Int)

  private let normalizer: (any Normalizer)?
  private let preTokenizer: (any PreTokenizer)?
  private let cutsAtSpaces: Bool
  /// By worker.
  private var parts: [ByteCounts] = []

  /// How many texts a thread takes at a time.
  private static let block = 256

  /// - Parameter cutsAtSpaces: Whether equal parts of texts may be counted first; where it would change the result, that
  ///   is not done.
  public init(_ normalizer: (any Normalizer)?, _ preTokenizer: (any PreTokenizer)?, cutsAtSpaces: Bool = true)
  {
    self.normalizer = normalizer
    self.preTokenizer = preTokenizer
    self.cutsAtSpaces = cutsAtSpaces && Self.isLocal(normalizer) && Self.isLocal(preTokenizer)
  }

  /// Counts the parts of texts.
  public mutating func add(_ texts: [String], threads: ThreadPool) {
    while parts.count < threads.count { parts.append(ByteCounts()) }
    let cuts = cutsAtSpaces
    parts.withUnsafeMutableBufferPointer { parts in
      let blocks = (texts.count + Self.block - 1) / Self.block
      threads.run(blocks) { block, worker in
        for index in block * Self.block..<min(texts.count, (block + 1) * Self.block) {
          var text = texts[index]
          text.withUTF8 { bytes in
            guard cuts else { return parts[worker].add(bytes) }
            Self.forEachPart(of: bytes) { parts[worker].add($0) }
          }
        }
      }
    }
  }

  /// The words of all texts, in the order of their bytes.
  public func words(threads: ThreadPool) -> [Word] {
    var texts = parts.first ?? ByteCounts()
    for other in parts.dropFirst() { texts.merge(other) }
    var words = [ByteCounts](repeating: ByteCounts(), count: threads.count)
    words.withUnsafeMutableBufferPointer { words in
      threads.run((texts.count + Self.block - 1) / Self.block) { block, worker in
        texts.forEach(in: block * Self.block..<min(texts.count, (block + 1) * Self.block)) { text, count in
          forEachWord(of: text) { words[worker].add($0, times: count) }
        }
      }
    }
    var all = words[0]
    for other in words.dropFirst() { all.merge(other) }
    return all.sorted()
  }

  private func forEachWord(
    of text: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Void
  ) {
    var normalized = AlignedText(text, origin: 0)
    normalizer?.normalize(&normalized)
    var tokens = PreTokens(normalized, 0..<normalized.bytes.count)
    preTokenizer?.split(&tokens)
    tokens.text.bytes.withUnsafeBufferPointer { bytes in
      for piece in tokens.pieces { body(UnsafeBufferPointer(rebasing: bytes[piece.range])) }
    }
  }

  /// Cuts a text before every space that stands alone between two characters that are neither white space nor anything
  /// else that a pipeline might take for it. All parts but the first begin with a space.
  static func forEachPart(
    of text: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Void
  ) {
    let properties = UnicodeProperties.shared
    /// Whether a part may end or begin with a scalar.
    func isVisible(_ scalar: UInt32) -> Bool {
      scalar < 0x80
        ? scalar > 0x20 && scalar < 0x7F
        : !properties.flags(of: scalar).isDisjoint(with: [.letter, .number])
    }
    var start = 0
    var index = 0
    var before: UInt32 = 0
    while index < text.count {
      let place = index
      let scalar = decodeScalar(text, &index, end: text.count)
      if scalar == 0x20, index < text.count, isVisible(before) {
        var next = index
        if isVisible(decodeScalar(text, &next, end: text.count)) {
          body(UnsafeBufferPointer(rebasing: text[start..<place]))
          start = place
        }
      }
      before = scalar
    }
    if start < text.count { body(UnsafeBufferPointer(rebasing: text[start...])) }
  }

  /// Whether what a normalizer makes of a text is what it makes of its parts.
  private static func isLocal(_ normalizer: (any Normalizer)?) -> Bool {
    switch normalizer {
    case nil, is BertNormalizer, is LowercaseNormalizer, is StripAccentsNormalizer, is NmtNormalizer,
      is NFCNormalizer, is NFDNormalizer, is NFKCNormalizer, is NFKDNormalizer:
      true
    case let replace as ReplaceNormalizer: replace.isLocal
    case let sequence as SequenceNormalizer: sequence.normalizers.allSatisfy { isLocal($0) }
    default: false
    }
  }

  /// Whether a pre-tokenizer splits at each space that stands alone, and looks at nothing beyond it.
  private static func isLocal(_ preTokenizer: (any PreTokenizer)?) -> Bool {
    switch preTokenizer {
    case is BertPreTokenizer, is WhitespaceSplitPreTokenizer, is WhitespacePreTokenizer: true
    case let byteLevel as ByteLevelPreTokenizer: byteLevel.splitsWords
    case let metaspace as MetaspacePreTokenizer: metaspace.splits
    case let sequence as SequencePreTokenizer:
      // After white space is gone, each word is by itself.
      sequence.preTokenizers.first is WhitespaceSplitPreTokenizer
        && sequence.preTokenizers.dropFirst().allSatisfy {
          ($0 as? MetaspacePreTokenizer)?.prependScheme == .always
        }
    default: false
    }
  }
}

extension ReplaceNormalizer {
  /// Whether what it makes of a text is what it makes of its parts: it matches no space that stands alone, and leaves
  /// none.
  fileprivate var isLocal: Bool {
    if pattern.json["Regex"] == " {2,}" { return content == " " }
    return pattern.json["String"]?.string?.contains(" ") == false && !content.isEmpty
      && !content.contains(" ")
  }
}
