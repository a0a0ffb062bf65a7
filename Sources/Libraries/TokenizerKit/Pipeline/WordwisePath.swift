/// Tokenizes texts word by word, and remembers what became of each word.
///
/// A word here is what stands between two cuts. Text is cut before each space that stands alone between two characters of
/// which the normalizers make something that is no white space, and that join no space. Most pipelines make of words what
/// they make of the whole text; there is no path for the others.
public struct WordwisePath: Sendable {
  /// What a part of a text is: what stands at the ends of a text may be treated in another way.
  public struct Position: Sendable, Equatable {
    public var isFirst: Bool
    public var isLast: Bool

    /// Its place in ``all``.
    public var index: Int { (isFirst ? 2 : 0) + (isLast ? 1 : 0) }

    public static let within = Position(isFirst: false, isLast: false)
    public static let whole = Position(isFirst: true, isLast: true)
    public static let all = [false, true].flatMap { isFirst in
      [false, true].map { Position(isFirst: isFirst, isLast: $0) }
    }
  }

  /// What is done within a text.
  private let normalizers: [any Normalizer]
  /// Whether a text gets something in front.
  private let marksFirst: Bool
  /// Whether white space at an end of a text goes.
  private let strips: (left: Bool, right: Bool)
  /// Whether a character that is removed at the beginning of a text moves the places of all that follows, as
  /// `Precompiled` has it.
  private let losesPlaces: Bool
  private let caches = WordCaches()
  /// The most bytes that a character with its marks may have beside a cut.
  private static let longestCharacter = 24

  /// - Parameter added: The added tokens that are looked for in normalized text.
  /// - Returns: `nil` when text cannot be tokenized word by word.
  public init?(
    _ normalizer: (any Normalizer)?, _ preTokenizer: (any PreTokenizer)?, added: AddedTokenMatcher
  ) {
    guard let preTokenizer, preTokenizer.atLoneSpaces == .splits, added.allowsCuts,
      let normalizers = Self.normalizers(of: normalizer, .within)
    else { return nil }
    self.normalizers = normalizers
    let parts = normalizer?.flattened ?? []
    marksFirst =
      parts.contains { $0 is PrependNormalizer }
      || preTokenizer.flattened.contains { ($0 as? MetaspacePreTokenizer)?.prependScheme == .first }
    let stripping = parts.compactMap { $0 as? StripNormalizer }
    strips = (stripping.contains(where: \.left), stripping.contains(where: \.right))
    losesPlaces = parts.contains { $0 is PrecompiledNormalizer }
    // What takes the place of several characters may come to stand beside a space.
    for case let replace as ReplaceNormalizer in parts where replace.pattern.pattern is LiteralPattern {
      guard let first = replace.content.unicodeScalars.first, let last = replace.content.unicodeScalars.last,
        isEdge(Array(String(first).utf8)), isEdge(Array(String(last).utf8))
      else { return nil }
    }
  }

  /// What normalizes a part of a text at a position, one after the other; `nil` where nothing can.
  public static func normalizers(of normalizer: (any Normalizer)?, _ position: Position)
    -> [any Normalizer]?
  {
    guard let normalizer else { return [] }
    return position == .whole
      ? [normalizer] : normalizer.parts(isFirst: position.isFirst, isLast: position.isLast)
  }

  /// Appends the pieces of text without verbatim added tokens.
  ///
  /// - Parameters:
  ///   - text: UTF-8 that begins and ends between scalars.
  ///   - firstScalar: What its first scalar is counted as.
  ///   - tokenize: Appends the pieces of a part of the text that was not seen before.
  public func split(
    _ text: Slice<UnsafeBufferPointer<UInt8>>, firstScalar: Int, into pieces: inout Pieces,
    _ tokenize: (
      Slice<UnsafeBufferPointer<UInt8>>, _ firstScalar: Int, _ position: Position, inout Pieces
    ) -> Void
  ) {
    caches.withCache { cache in
      if losesPlaces, !keepsBeginning(of: text, &cache) {
        return tokenize(text, firstScalar, .whole, &pieces)
      }
      var start = text.startIndex
      var scalar = firstScalar
      while start < text.endIndex, !pieces.isFull {
        let end = endOfWord(at: start, in: text, &cache)
        let word = text[start..<end]
        let position = Position(isFirst: start == text.startIndex, isLast: end == text.endIndex)
        start = end
        guard word.count <= WordCache.longestWord, isLikeOthers(word, position, &cache) else {
          tokenize(word, scalar, position, &pieces)
          scalar += countScalars(word)
          continue
        }
        withPadding(word, in: text) { bytes in
          if let scalarCount = cache.append(bytes, word.count, at: scalar, to: &pieces) {
            scalar += scalarCount
            return
          }
          let (first, marginCount) = (pieces.ids.count, pieces.margins.count)
          tokenize(word, scalar, .within, &pieces)
          let scalarCount = countScalars(word)
          // What stops early, or takes white space along, is not all that there is to know.
          if !pieces.isFull, pieces.margins.count == marginCount {
            cache.insert(
              bytes, word.count, scalarCount: scalarCount, at: scalar, pieces, from: first)
          }
          scalar += scalarCount
        }
      }
    }
  }

  /// Gives the bytes of a word to a body so that ``PieceTable/padding`` more can be read.
  @inline(__always)
  private func withPadding(
    _ word: Slice<UnsafeBufferPointer<UInt8>>, in text: Slice<UnsafeBufferPointer<UInt8>>,
    _ body: (UnsafePointer<UInt8>) -> Void
  ) {
    guard let base = text.base.baseAddress else { return }
    if word.endIndex + PieceTable.padding <= text.endIndex { return body(base + word.startIndex) }
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: word.count + PieceTable.padding) { copy in
      copy.initialize(repeating: 0)
      for (index, byte) in word.enumerated() { copy[index] = byte }
      if let base = copy.baseAddress { body(base) }
    }
  }

  /// Whether something of the first scalar stays.
  private func keepsBeginning(of text: Slice<UnsafeBufferPointer<UInt8>>, _ cache: inout WordCache) -> Bool {
    var start = text.startIndex
    while strips.left, start < text.endIndex {
      var next = start
      let scalar = decodeScalar(text.base, &next, end: text.endIndex)
      guard UnicodeProperties.shared.flags(of: scalar).contains(.whitespace) else { break }
      start = next
    }
    guard start < text.endIndex, text.base[start] != 0x20 else { return true }
    var end = start
    _ = decodeScalar(text.base, &end, end: text.endIndex)
    let scalar = text.base[start..<end]
    return cache.isEdge(scalar) { isEdge(scalar) }
  }

  /// Whether a word becomes the same here as anywhere in a text.
  @inline(__always)
  private func isLikeOthers(
    _ word: Slice<UnsafeBufferPointer<UInt8>>, _ position: Position, _ cache: inout WordCache
  ) -> Bool {
    if position.isFirst {
      if marksFirst { return false }
      if strips.left, !isEdge(after: word.startIndex, in: word, &cache) { return false }
    }
    return !position.isLast || !strips.right || isEdge(before: word.endIndex, in: word, &cache)
  }

  // MARK: - Cuts

  @inline(__always)
  private func endOfWord(
    at start: Int, in text: Slice<UnsafeBufferPointer<UInt8>>, _ cache: inout WordCache
  ) -> Int {
    var index = start + 1
    while index < text.endIndex {
      if text.base[index] == 0x20, isEdge(before: index, in: text, &cache),
        isEdge(after: index + 1, in: text, &cache)
      {
        return index
      }
      index += 1
    }
    return index
  }

  /// Whether there is an edge before a place.
  @inline(__always)
  private func isEdge(
    before end: Int, in text: Slice<UnsafeBufferPointer<UInt8>>, _ cache: inout WordCache
  ) -> Bool {
    let bytes = text.base
    let isASCII = bytes[end - 1] < 0x80 && (end - 1 == text.startIndex || bytes[end - 2] < 0x80)
    var start = end - 1
    if !isASCII {
      // The character with the marks on it.
      start = end
      var scalar: UInt32
      repeat {
        scalar = Self.scalar(before: &start, in: text)
      } while end - start < Self.longestCharacter
        && start > text.startIndex && GraphemeClusters.shared.joinsBefore(scalar)
      var before = start
      // One that is in a cluster with the character before it becomes what that one becomes.
      if start > text.startIndex,
        GraphemeClusters.shared.joinsBehind(Self.scalar(before: &before, in: text))
      {
        return false
      }
    }
    return cache.isEdge(bytes[start..<end]) { isEdge(bytes[start..<end]) }
  }

  /// Whether there is an edge at a place.
  @inline(__always)
  private func isEdge(
    after start: Int, in text: Slice<UnsafeBufferPointer<UInt8>>, _ cache: inout WordCache
  ) -> Bool {
    let bytes = text.base
    guard start < text.endIndex else { return false }
    var end = start + 1
    if bytes[start] >= 0x80 || end < text.endIndex && bytes[end] >= 0x80 {
      end = start
      _ = decodeScalar(bytes, &end, end: text.endIndex)
      while end < text.endIndex, end - start < Self.longestCharacter {
        var next = end
        guard GraphemeClusters.shared.joinsBefore(decodeScalar(bytes, &next, end: text.endIndex)) else {
          break
        }
        end = next
      }
    }
    return cache.isEdge(bytes[start..<end]) { isEdge(bytes[start..<end]) }
  }

  /// The scalar before a place, which moves before it.
  private static func scalar(before end: inout Int, in text: Slice<UnsafeBufferPointer<UInt8>>) -> UInt32 {
    var index = end - 1
    while index > text.startIndex, text.base[index] & 0xC0 == 0x80 { index -= 1 }
    let limit = end
    end = index
    return decodeScalar(text.base, &index, end: limit)
  }

  /// Whether a character with its marks stays beside a space: it neither is one nor joins one, and neither does what
  /// the normalizers make of it.
  private func isEdge(_ character: some Collection<UInt8>) -> Bool {
    var text = AlignedText(character, origin: 0)
    guard let original = text.outermostScalars else { return false }
    for normalizer in normalizers { normalizer.normalize(&text) }
    guard let changed = text.outermostScalars else { return false }
    let clusters = GraphemeClusters.shared
    return !clusters.joinsBefore(original.first) && !clusters.joinsBehind(original.last)
      && [original.first, changed.first].allSatisfy {
        UnicodeProperties.shared.flags(of: $0).isDisjoint(with: [.whitespace, .combining, .mark, .accent])
      }
      && [original.last, changed.last].allSatisfy {
        UnicodeProperties.shared.flags(of: $0).isDisjoint(with: .whitespace)
      }
  }
}

extension AlignedText {
  /// The first and the last scalar; `nil` when there is none.
  fileprivate var outermostScalars: (first: UInt32, last: UInt32)? {
    var scalars: (first: UInt32, last: UInt32)?
    forEachScalar { scalar, _ in scalars = (scalars?.first ?? scalar, scalar) }
    return scalars
  }
}
