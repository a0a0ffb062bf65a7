import TokenizerKit

/// A fast path for what most SentencePiece models do: `Precompiled`, runs of spaces collapsed, and a marker before each
/// word. Text goes from its bytes to the words of the model in one pass.
///
/// It gives the same as the components one by one, and says so when it cannot.
final class SentencePiecePath: Sendable {
  private enum Spaces {
    /// Text is split at white space, and each word gets a marker.
    case split
    /// The spaces themselves become the marker: one for all that follow each other.
    case joined(stripsBoth: Bool, stripsRight: Bool)
  }

  private let charsmap: Charsmap?
  private let spaces: Spaces
  private let marker: UInt32
  private let model: any TokenModel
  /// By byte: what stands for it when ASCII follows it; 0 where that takes a closer look.
  private let plain: [UInt8]
  /// What goes before the charsmap.
  private let normalizers: [any Normalizer]
  /// These leave text as it is, but for ASCII capitals, where none of these texts is in it and no other scalar has one of
  /// these properties.
  private let replacedTexts: [LiteralPattern]
  private let affected: ScalarFlags

  /// - Returns: `nil` when the components are other ones.
  init?(_ normalizers: [any Normalizer], _ preTokenizer: (any PreTokenizer)?, _ model: any TokenModel) {
    var normalizers = normalizers.flatMap(\.flattened)
    var preTokenizers = preTokenizer?.flattened ?? []
    guard let metaspace = preTokenizers.popLast() as? MetaspacePreTokenizer,
      metaspace.prependScheme == .always, metaspace.splits, metaspace.replacement > 0x7F
    else { return nil }
    marker = metaspace.replacement
    self.model = model
    let splitsAtSpaces = preTokenizers.count == 1 && preTokenizers[0] is WhitespaceSplitPreTokenizer
    guard preTokenizers.isEmpty || splitsAtSpaces else { return nil }
    let joins = Self.popSpaces(&normalizers, marker)
    guard splitsAtSpaces || joins else { return nil }
    var (stripsBoth, stripsRight) = (false, false)
    if !splitsAtSpaces, let strip = normalizers.last as? StripNormalizer, !strip.left, strip.right {
      stripsRight = true
      normalizers.removeLast()
    }
    let charsmap = (normalizers.last as? PrecompiledNormalizer)?.charsmap
    if charsmap != nil { normalizers.removeLast() }
    if !splitsAtSpaces, let strip = normalizers.last as? StripNormalizer, strip.left, strip.right {
      stripsBoth = true
      normalizers.removeLast()
    }
    spaces = splitsAtSpaces ? .split : .joined(stripsBoth: stripsBoth, stripsRight: stripsRight)
    self.charsmap = charsmap
    self.normalizers = normalizers
    var lowers = false
    var replacedTexts: [LiteralPattern] = []
    var affected: ScalarFlags = []
    for normalizer in normalizers {
      if normalizer is LowercaseNormalizer { lowers = true }
      if let flags = normalizer.affected {
        affected.formUnion(flags)
      } else if let text = (normalizer as? ReplaceNormalizer)?.pattern.pattern as? LiteralPattern, !lowers {
        // A text of other letters than the one before has made would be looked for in what that one makes.
        replacedTexts.append(text)
      } else {
        return nil
      }
    }
    self.replacedTexts = replacedTexts
    self.affected = affected
    plain = (0...UInt8.max).map { byte in
      guard 0x21...0x7E ~= byte else { return 0 }
      let isUpper = UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
      let byte = lowers && isUpper ? byte + 0x20 : byte
      let isReplaced = [byte].withUnsafeBufferPointer { charsmap?.replacement(0..<1, of: $0) } != nil
      return isReplaced ? 0 : byte
    }
    // A capital that is looked at closely would not have been made a small letter.
    guard !lowers || (UInt8(ascii: "A")...UInt8(ascii: "Z")).allSatisfy({ plain[Int($0)] != 0 }) else {
      return nil
    }
  }

  /// Takes the normalizer that collapses runs of spaces from the end.
  private static func popSpaces(_ normalizers: inout [any Normalizer], _ marker: UInt32) -> Bool {
    guard let replace = normalizers.last as? ReplaceNormalizer,
      replace.pattern.json == ComponentPattern.spaces.json,
      [" ", String(Character(Unicode.Scalar(marker) ?? " "))].contains(replace.content)
    else { return false }
    normalizers.removeLast()
    return true
  }

  /// A word that is being read.
  fileprivate struct Word {
    var bytes: [UInt8] = []
    /// By byte: which scalar of the text it stands for.
    var places: [Int32] = []
    /// Spaces that have been read and not become a marker yet: the place of the last one; -1 for none.
    var space: Int32 = -1
    /// Whether nothing has come before.
    var isFirst = true

    mutating func removeAll() {
      bytes.removeAll(keepingCapacity: true)
      places.removeAll(keepingCapacity: true)
      (space, isFirst) = (-1, true)
    }
  }

  /// Memory that one text after the other uses again.
  struct Workspace {
    fileprivate var word = Word()
  }

  /// Appends the pieces of text without added tokens.
  ///
  /// - Returns: Whether it could; where not, nothing is appended.
  func split(
    _ text: Slice<UnsafeBufferPointer<UInt8>>, firstScalar: Int, into pieces: inout Pieces,
    _ workspace: inout Workspace
  ) -> Bool {
    let first = pieces.ids.count
    let text = UnsafeBufferPointer(rebasing: text)
    workspace.word.removeAll()
    var reader = Reader(path: self, scalar: Int32(truncatingIfNeeded: firstScalar))
    swap(&reader.word, &workspace.word)
    defer { swap(&reader.word, &workspace.word) }
    let isRead =
      isChanged(text)
      ? reader.read(normalizing: text, firstScalar: firstScalar, into: &pieces)
      : reader.read(text, into: &pieces)
    if !isRead { pieces.removeAll(from: first) }
    return isRead
  }

  /// Whether the normalizers before the charsmap would change more than ASCII capitals between ASCII characters.
  private func isChanged(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    if !affected.isEmpty {
      var index = 0
      while index < text.count {
        let isApart = index == 0 || text[index - 1] < 0x80
        let scalar = decodeScalar(text, &index, end: text.count)
        if scalar < 0x80, isApart, index == text.count || text[index] < 0x80 { continue }
        if !UnicodeProperties.shared.flags(of: scalar).isDisjoint(with: affected) { return true }
      }
    }
    return replacedTexts.contains { $0.isFound(in: text) }
  }

  private struct Reader {
    let path: SentencePiecePath
    var word = Word()
    /// The number of the next scalar.
    var scalar: Int32
    /// By scalar of text that was normalized before: its place in the original text; `nil` where it is the original.
    var places: [Range<Int32>]?
    /// Whether the last scalar that was put down replaces nothing of its own.
    var lastIsAdded = false

    init(path: SentencePiecePath, scalar: Int32) {
      self.path = path
      self.scalar = scalar
    }

    /// The text without white space at its ends.
    mutating func trim(_ text: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
      let properties = UnicodeProperties.shared
      var (start, end) = (0, 0)
      var isLeading = true
      var index = 0
      while index < text.count {
        let place = index
        let isSpace = properties.flags(of: decodeScalar(text, &index, end: text.count)).contains(.whitespace)
        if isSpace {
          if isLeading { scalar += 1 }
          continue
        }
        if isLeading { (start, isLeading) = (place, false) }
        end = index
      }
      return UnsafeBufferPointer(rebasing: isLeading ? text[..<0] : text[start..<end])
    }

    /// Reads text that the normalizers before the charsmap change.
    ///
    /// - Returns: Whether all of the text could be read.
    mutating func read(
      normalizing original: UnsafeBufferPointer<UInt8>, firstScalar: Int, into pieces: inout Pieces
    ) -> Bool {
      var text = AlignedText(original, origin: firstScalar)
      for normalizer in path.normalizers { normalizer.normalize(&text) }
      places = []
      places?.reserveCapacity(text.bytes.count)
      for (index, byte) in text.bytes.enumerated() where byte & 0xC0 != 0x80 {
        places?.append(text.starts[index]..<max(text.starts[index], text.ends[index]))
      }
      scalar = 0
      return text.bytes.withUnsafeBufferPointer { read($0, into: &pieces) }
    }

    /// - Returns: Whether all of the text could be read.
    mutating func read(_ text: UnsafeBufferPointer<UInt8>, into pieces: inout Pieces) -> Bool {
      var text = text
      if case .joined(true, _) = path.spaces { text = trim(text) }
      let plain = path.plain
      return plain.withUnsafeBufferPointer { plain in
        var index = 0
        while index < text.count {
          if pieces.isFull { return true }
          let byte = text[index]
          let next = index + 1
          if next == text.count || text[next] < 0x80 {
            let standIn = plain[Int(byte)]
            if standIn != 0 {
              beginWord(into: &pieces)
              word.bytes.append(standIn)
              word.places.append(scalar)
              lastIsAdded = false
              scalar += 1
              index = next
              continue
            }
            if byte == 0x20, path.charsmap?.replacement(index..<next, of: text) == nil {
              putSpace(scalar, into: &pieces)
              scalar += 1
              index = next
              continue
            }
          }
          guard let end = readCluster(at: index, text, into: &pieces) else { return false }
          index = end
        }
        return finish(into: &pieces)
      }
    }

    /// - Returns: The cluster's end; `nil` where the places of scalars would not be right.
    private mutating func readCluster(
      at start: Int, _ text: UnsafeBufferPointer<UInt8>, into pieces: inout Pieces
    ) -> Int? {
      let end = GraphemeClusters.shared.endOfCluster(at: start, in: text)
      let isShort = end - start <= PrecompiledNormalizer.longestCluster
      if let charsmap = path.charsmap, isShort,
        let replacement = charsmap.replacement(start..<end, of: text)
      {
        let count = Int32(truncatingIfNeeded: countScalars(text[start..<end]))
        return put(replacement, for: count, charsmap, into: &pieces) ? end : nil
      }
      var index = start
      while index < end {
        var next = index
        let value = decodeScalar(text, &next, end: end)
        // What a cluster does not begin with, its first scalar does not either.
        if let charsmap = path.charsmap, index > start || !isShort,
          let replacement = charsmap.replacement(index..<next, of: text)
        {
          guard put(replacement, for: 1, charsmap, into: &pieces) else { return nil }
        } else {
          guard put(value, scalar, into: &pieces) else { return nil }
          lastIsAdded = false
          scalar += 1
        }
        index = next
      }
      return end
    }

    /// Puts down what replaces as many scalars.
    private mutating func put(
      _ replacement: Range<Int>, for count: Int32, _ charsmap: Charsmap, into pieces: inout Pieces
    ) -> Bool {
      var written: Int32 = 0
      var isWhole = true
      charsmap.forEachScalar(of: replacement) { value in
        isWhole = put(value, scalar + min(written, count - 1), into: &pieces) && isWhole
        written += 1
      }
      // What is removed counts for the scalar before. There has to be one, and it must not be an added one.
      if written < count, written == 0, word.isFirst || lastIsAdded { return false }
      if written > 0 { lastIsAdded = written > count }
      scalar += count
      return isWhole
    }

    @inline(__always)
    private mutating func put(_ value: UInt32, _ place: Int32, into pieces: inout Pieces) -> Bool {
      if value == 0x20 {
        putSpace(place, into: &pieces)
        return true
      }
      if value == path.marker {
        putSign(place, into: &pieces)
        return true
      }
      if UnicodeProperties.shared.flags(of: value).contains(.whitespace) {
        guard case .split = path.spaces else { return false }
        putSpace(place, into: &pieces)
        return true
      }
      beginWord(into: &pieces, place)
      appendScalar(value, to: &word.bytes)
      while word.places.count < word.bytes.count { word.places.append(place) }
      return true
    }

    private mutating func putSpace(_ place: Int32, into pieces: inout Pieces) {
      flush(into: &pieces)
      word.space = place
      word.isFirst = false
      lastIsAdded = false
    }

    /// A marker that is in the text begins a word.
    private mutating func putSign(_ place: Int32, into pieces: inout Pieces) {
      if case .joined = path.spaces, word.space >= 0 { beginWord(into: &pieces) }
      flush(into: &pieces)
      word.space = -1
      word.isFirst = false
      appendSign(place)
    }

    /// Puts a marker before a word that has none.
    @inline(__always)
    private mutating func beginWord(into pieces: inout Pieces, _ place: Int32? = nil) {
      guard word.bytes.isEmpty else { return }
      if case .joined = path.spaces, word.space >= 0 {
        appendSign(word.space)
      } else {
        appendSign(place ?? scalar)
      }
      word.space = -1
      word.isFirst = false
    }

    private mutating func appendSign(_ place: Int32) {
      appendScalar(path.marker, to: &word.bytes)
      while word.places.count < word.bytes.count { word.places.append(place) }
    }

    private mutating func flush(into pieces: inout Pieces) {
      guard !word.bytes.isEmpty else { return }
      let count = word.bytes.count
      word.bytes.append(contentsOf: repeatElement(0, count: PieceTable.padding))
      let first = pieces.ids.count
      word.bytes.withUnsafeBufferPointer {
        path.model.split(UnsafeBufferPointer(rebasing: $0[..<count]), into: &pieces)
      }
      word.places.withUnsafeBufferPointer { places in
        if let original = self.places {
          pieces.relocate(from: first) {
            let start = original[Int(places[$0.lowerBound])].lowerBound
            return Int(start)..<Int(max(start, original[Int(places[$0.upperBound - 1])].upperBound))
          }
        } else {
          pieces.relocate(from: first) {
            Int(places[$0.lowerBound])..<Int(places[$0.upperBound - 1]) + 1
          }
        }
      }
      word.bytes.removeAll(keepingCapacity: true)
      word.places.removeAll(keepingCapacity: true)
    }

    private mutating func finish(into pieces: inout Pieces) -> Bool {
      flush(into: &pieces)
      if case .joined(_, let stripsRight) = path.spaces, word.space >= 0, !stripsRight {
        appendSign(word.space)
        flush(into: &pieces)
      }
      return true
    }
  }
}

extension Pieces {
  /// Takes the last pieces back.
  fileprivate mutating func removeAll(from first: Int) {
    ids.removeSubrange(first...)
    offsets.removeSubrange(first...)
  }
}
