import TokenizerKit

/// Text after normalization: scalars, and which scalar of the original text each of them stands for.
struct NormalizedText {
  private(set) var scalars: [UInt32] = []
  private(set) var origins: [Int] = []
  private var lowercases = false
  /// Decomposed non-starters that await canonical ordering.
  private var marks: [Mark] = []
  /// The origin of what was decomposed last.
  private var latestOrigin = 0

  private struct Mark {
    var scalar: UInt32
    var combiningClass: UInt32
    /// Where its whole came from, if it is the first part of that.
    var origin: Int?
    var isAccent: Bool
  }

  /// Replaces the content by the normalization of a text.
  ///
  /// - Parameters:
  ///   - text: UTF-8 that begins and ends between scalars. Its neighbours are not looked at: unless they are
  ///     ASCII, marks do not move past its ends as they would in the whole.
  ///   - firstOrigin: What the first scalar of `text` is counted as.
  mutating func normalize(
    _ text: Slice<UnsafeBufferPointer<UInt8>>, firstOrigin: Int, with options: BertNormalizer
  ) {
    scalars.removeAll(keepingCapacity: true)
    origins.removeAll(keepingCapacity: true)
    lowercases = options.lowercase
    let properties = UnicodeProperties.shared
    let strips = options.stripsAccents
    var origin = firstOrigin
    var index = text.startIndex
    while index < text.endIndex {
      var scalar = decodeScalar(text.base, &index, end: text.endIndex)
      defer { origin += 1 }
      let flags = properties.flags(of: scalar)
      if options.cleanText {
        if flags.contains(.removed) { continue }
        if flags.contains(.whitespace) { scalar = 0x20 }
      }
      let isolated = options.handleChineseCharacters && flags.contains(.chinese)
      if isolated { appendSpace(origin) }
      if strips { decompose(scalar, origin) } else { append(scalar, origin) }
      if isolated { appendSpace(origin) }
    }
    flushMarks()
  }

  private mutating func appendSpace(_ origin: Int) {
    flushMarks()
    append(0x20, origin)
  }

  private mutating func append(_ scalar: UInt32, _ origin: Int) {
    if lowercases {
      UnicodeProperties.shared.lowercase(scalar) {
        scalars.append($0)
        origins.append(origin)
      }
    } else {
      scalars.append(scalar)
      origins.append(origin)
    }
  }

  /// Appends the canonical decomposition without accents. Starters go out at once, the others wait.
  private mutating func decompose(_ scalar: UInt32, _ origin: Int) {
    let properties = UnicodeProperties.shared
    var firstOrigin: Int? = origin
    properties.decompose(scalar) { part in
      let flags = properties.flags(of: part)
      if flags.contains(.combining) {
        let combiningClass = properties.combiningClass(of: part)
        let isAccent = flags.contains(.accent)
        marks.append(
          Mark(scalar: part, combiningClass: combiningClass, origin: firstOrigin, isAccent: isAccent))
      } else {
        flushMarks()
        latestOrigin = firstOrigin ?? latestOrigin
        if !flags.contains(.accent) { append(part, latestOrigin) }
      }
      firstOrigin = nil
    }
  }

  /// Appends the waiting marks in canonical order.
  ///
  /// `tokenizers` does not move a mark's origin with it: the marks that come out take the origins in the
  /// order in which those stood, and the further parts of a decomposition share that of the mark before them.
  private mutating func flushMarks() {
    guard !marks.isEmpty else { return }
    if marks.allSatisfy(\.isAccent) {  // as nearly always: nothing is left to order
      latestOrigin = marks.last(where: { $0.origin != nil })?.origin ?? latestOrigin
    } else {
      var origins = marks.compactMap(\.origin)[...]
      let order = marks.indices.sorted { (marks[$0].combiningClass, $0) < (marks[$1].combiningClass, $1) }
      for mark in order.map({ marks[$0] }) {
        if mark.origin != nil, let next = origins.popFirst() { latestOrigin = next }
        if !mark.isAccent { append(mark.scalar, latestOrigin) }
      }
    }
    marks.removeAll(keepingCapacity: true)
  }
}
