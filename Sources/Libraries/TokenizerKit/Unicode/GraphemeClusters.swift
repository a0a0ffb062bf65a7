/// Breaks text into extended grapheme clusters: what a reader takes for one character.
///
/// Reference: Unicode Standard Annex #29, rules GB3 to GB999, without those for pairs of flags: `Precompiled`, for which
/// this is, treats clusters of six bytes and more scalar by scalar, and two flag letters have eight.
public final class GraphemeClusters: Sendable {
  /// What a scalar is to the rules.
  enum Kind: UInt8 {
    case other, control, extend, joiner, spacing, prepend, pictographic
    case leading, vowel, trailing, openSyllable, closedSyllable
    /// A consonant of an Indic script, a linker of such, and what may stand beside one.
    case consonant, linker, conjunctExtend
  }

  public static let shared = GraphemeClusters()

  /// By scalar below 0x110000.
  private let kinds: [Kind]

  private init() {
    var kinds = [Kind](repeating: .other, count: 0x110000)
    func mark(_ range: some Sequence<UInt32>, _ kind: Kind) {
      for scalar in range { kinds[Int(scalar)] = kind }
    }
    for (table, kind) in [
      (GraphemeTables.control, Kind.control), (GraphemeTables.extends, .extend),
      (GraphemeTables.spacing, .spacing),
      (GraphemeTables.prepend, .prepend), (GraphemeTables.pictographic, .pictographic),
      (GraphemeTables.consonant, .consonant), (GraphemeTables.conjunctExtends, .conjunctExtend),
      (GraphemeTables.linker, .linker),
    ] {
      parse(table) { range, _ in mark(range, kind) }
    }
    mark([0, 0x0A, 0x0D], .control)
    mark([0x200D], .joiner)
    mark(Array(0x1100..<0x1160) + Array(0xA960..<0xA97D), .leading)
    mark(Array(0x1160..<0x11A8) + Array(0xD7B0..<0xD7C7), .vowel)
    mark(Array(0x11A8..<0x1200) + Array(0xD7CB..<0xD7FC), .trailing)
    for scalar: UInt32 in 0xAC00..<0xD7A4 {
      kinds[Int(scalar)] = (scalar - 0xAC00) % 28 == 0 ? .openSyllable : .closedSyllable
    }
    self.kinds = kinds
  }

  /// Whether a scalar is in a cluster with whatever comes before it.
  func joinsBefore(_ scalar: UInt32) -> Bool {
    [.extend, .joiner, .spacing, .linker, .conjunctExtend].contains(kinds[Int(scalar)])
  }

  /// Whether a scalar is in a cluster with whatever comes behind it.
  func joinsBehind(_ scalar: UInt32) -> Bool { kinds[Int(scalar)] == .prepend }

  /// The end of the cluster that begins at a place.
  ///
  /// - Parameters:
  ///   - start: A place between scalars, before the end.
  ///   - text: UTF-8.
  public func endOfCluster(at start: Int, in text: UnsafeBufferPointer<UInt8>) -> Int {
    var index = start
    let first = decodeScalar(text, &index, end: text.count)
    var last = kinds[Int(first)]
    var state = State(last)
    while index < text.count {
      // Most text is of letters, and no letter joins an ASCII one.
      if text[index] < 0x80, last != .prepend {
        return first == 0x0D && index == start + 1 && text[index] == 0x0A ? index + 1 : index
      }
      var next = index
      let kind = kinds[Int(decodeScalar(text, &next, end: text.count))]
      guard joins(last, kind, state) else { return index }
      state.append(kind)
      last = kind
      index = next
    }
    return index
  }

  /// What the cluster has had that a later scalar may join.
  private struct State {
    /// An emoji, and after it only what extends it.
    var isPictographic: Bool
    /// The same with a joiner at the end.
    var awaitsPictographic = false
    /// A consonant, and after it only what may stand in a conjunct.
    var isConjunct: Bool
    /// Whether there was a linker since.
    var hasLinker = false

    init(_ kind: Kind) {
      isPictographic = kind == .pictographic
      isConjunct = kind == .consonant
    }

    mutating func append(_ kind: Kind) {
      awaitsPictographic = isPictographic && kind == .joiner
      isPictographic =
        kind == .pictographic
        || isPictographic && (kind == .extend || kind == .linker || kind == .conjunctExtend)
      if kind == .consonant {
        (isConjunct, hasLinker) = (true, false)
      } else {
        isConjunct =
          isConjunct && (kind == .linker || kind == .conjunctExtend || kind == .joiner)
        hasLinker = isConjunct && (hasLinker || kind == .linker)
      }
    }
  }

  private func joins(_ last: Kind, _ next: Kind, _ state: State) -> Bool {
    if last == .control || next == .control { return false }
    switch next {
    case .extend, .joiner, .spacing, .linker, .conjunctExtend: return true
    default: break
    }
    if last == .prepend { return true }
    switch (last, next) {
    case (.leading, .leading), (.leading, .vowel), (.leading, .openSyllable), (.leading, .closedSyllable),
      (.openSyllable, .vowel), (.vowel, .vowel), (.openSyllable, .trailing), (.vowel, .trailing),
      (.closedSyllable, .trailing), (.trailing, .trailing):
      return true
    case (_, .pictographic): return state.awaitsPictographic
    case (_, .consonant): return state.isConjunct && state.hasLinker
    default: return false
    }
  }
}
