/// What normalizers and pre-tokenizers ask of a scalar.
@frozen
public struct ScalarFlags: OptionSet, Sendable {
  public var rawValue: UInt16

  @inlinable
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  @inlinable public static var whitespace: ScalarFlags { ScalarFlags(rawValue: 1) }
  @inlinable public static var removed: ScalarFlags { ScalarFlags(rawValue: 2) }
  @inlinable public static var punctuation: ScalarFlags { ScalarFlags(rawValue: 4) }
  @inlinable public static var chinese: ScalarFlags { ScalarFlags(rawValue: 8) }
  @inlinable public static var accent: ScalarFlags { ScalarFlags(rawValue: 16) }
  /// Its canonical combining class is not 0.
  @inlinable public static var combining: ScalarFlags { ScalarFlags(rawValue: 32) }
  @inlinable public static var decomposes: ScalarFlags { ScalarFlags(rawValue: 64) }
  @inlinable public static var hasLowerCase: ScalarFlags { ScalarFlags(rawValue: 128) }
  /// A regular expression's `\p{L}` matches.
  @inlinable public static var letter: ScalarFlags { ScalarFlags(rawValue: 256) }
  /// A regular expression's `\p{N}` matches.
  @inlinable public static var number: ScalarFlags { ScalarFlags(rawValue: 512) }
  /// A mark of any kind.
  @inlinable public static var mark: ScalarFlags { ScalarFlags(rawValue: 1024) }
  /// A number as `Digits` has it.
  @inlinable public static var numeric: ScalarFlags { ScalarFlags(rawValue: 2048) }
  /// A regular expression's `\w` matches.
  @inlinable public static var word: ScalarFlags { ScalarFlags(rawValue: 4096) }
  /// A regular expression's `\d` matches.
  @inlinable public static var digit: ScalarFlags { ScalarFlags(rawValue: 16384) }
  /// NFC changes it, or may change it where it stands behind others.
  @inlinable public static var unstable: ScalarFlags { ScalarFlags(rawValue: 32768) }
  /// Its compatibility decomposition is not the canonical one.
  @inlinable public static var decomposesCompatibly: ScalarFlags { ScalarFlags(rawValue: 8192) }
}

/// ``UnicodeTables`` and ``NormalizationTables``, unpacked for look-up.
public final class UnicodeProperties: Sendable {
  public static let shared = UnicodeProperties()

  /// One element per scalar value.
  @usableFromInline let flags: [UInt16]
  private let combiningClasses: ScalarMap
  private let decompositions: ScalarMap
  private let compatibilityDecompositions: ScalarMap
  private let lowerCase: ScalarMap
  private let compositions: [UInt64: UInt32]

  private init() {
    // Marked as plain numbers: half a million insertions into option sets take most of a debug build's start.
    var flags = [UInt16](repeating: 0, count: 0x110000)
    func mark(_ table: String, _ flag: ScalarFlags) {
      parse(table) { range, _ in mark(range, flag) }
    }
    func mark(_ range: ClosedRange<UInt32>, _ flag: ScalarFlags) {
      let bit = flag.rawValue
      flags.withUnsafeMutableBufferPointer { flags in
        var scalar = Int(range.lowerBound)
        while scalar <= Int(range.upperBound) {
          flags[scalar] |= bit
          scalar += 1
        }
      }
    }
    mark(UnicodeTables.whitespace, .whitespace)
    mark(UnicodeTables.removed, .removed)
    mark(UnicodeTables.punctuation, .punctuation)
    mark(UnicodeTables.chinese, .chinese)
    mark(UnicodeTables.accents, .accent)
    mark(UnicodeTables.letters, .letter)
    mark(UnicodeTables.numbers, .number)
    mark(UnicodeTables.combiningClasses, .combining)
    mark(UnicodeTables.decompositions, .decomposes)
    mark(UnicodeTables.lowerCase, .hasLowerCase)
    mark(UnicodeTables.wordCharacters, .word)
    mark(NormalizationTables.combiningMarks, .mark)
    mark(NormalizationTables.numerics, .numeric)
    mark(NormalizationTables.decimalDigits, .digit)
    mark(NormalizationTables.compatibilityDecompositions, .decomposesCompatibly)
    mark(Hangul.syllables, .decomposes)
    mark(UnicodeTables.decompositions, .unstable)
    combiningClasses = ScalarMap(UnicodeTables.combiningClasses)
    decompositions = ScalarMap(UnicodeTables.decompositions)
    compatibilityDecompositions = ScalarMap(NormalizationTables.compatibilityDecompositions)
    lowerCase = ScalarMap(UnicodeTables.lowerCase)
    compositions = Self.makeCompositions()
    for composite in compositions.values { flags[Int(composite)] &= ~ScalarFlags.unstable.rawValue }
    for pair in compositions.keys { flags[Int(pair & 0xFFFF_FFFF)] |= ScalarFlags.unstable.rawValue }
    for range in Hangul.joining { mark(range, .unstable) }
    mark(UnicodeTables.combiningClasses, .unstable)
    self.flags = flags
  }

  /// What pairs compose to. All but the last scalar of a decomposition compose to one, which the last one joins.
  private static func makeCompositions() -> [UInt64: UInt32] {
    var excluded: Set<UInt32> = []
    parse(NormalizationTables.compositionExclusions) { range, _ in excluded.formUnion(range) }
    var whole: [[UInt32]: UInt32] = [:]
    parse(UnicodeTables.decompositions) { range, parts in
      if parts.count > 1, !excluded.contains(range.lowerBound) { whole[parts] = range.lowerBound }
    }
    var compositions: [UInt64: UInt32] = [:]
    for (parts, composite) in whole {
      guard let first = parts.count == 2 ? parts[0] : whole[Array(parts.dropLast())] else { continue }
      compositions[pair(first, parts[parts.count - 1])] = composite
    }
    return compositions
  }

  private static func pair(_ first: UInt32, _ second: UInt32) -> UInt64 {
    UInt64(first) << 32 | UInt64(second)
  }

  /// - Parameter scalar: Below 0x110000.
  @inlinable
  public func flags(of scalar: UInt32) -> ScalarFlags { ScalarFlags(rawValue: flags[Int(scalar)]) }

  /// Whether UTF-8 text has a scalar with any of some flags.
  func contains(_ wanted: ScalarFlags, in text: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
    flags.withUnsafeBufferPointer { flags in
      var index = text.startIndex
      while index < text.endIndex {
        let scalar = decodeScalar(text.base, &index, end: text.endIndex)
        if flags[Int(scalar)] & wanted.rawValue != 0 { return true }
      }
      return false
    }
  }

  /// The canonical combining class.
  public func combiningClass(of scalar: UInt32) -> UInt32 {
    guard flags(of: scalar).contains(.combining) else { return 0 }
    return combiningClasses[scalar]?.first ?? 0
  }

  /// Gives the full canonical decomposition to `body`, scalar by scalar.
  public func decompose(_ scalar: UInt32, _ body: (UInt32) -> Void) {
    guard flags(of: scalar).contains(.decomposes) else { return body(scalar) }
    if Hangul.syllables.contains(scalar) {
      Hangul.decompose(scalar, body)
    } else {
      decompositions[scalar]?.forEach(body)
    }
  }

  /// Gives the full compatibility decomposition to `body`, scalar by scalar.
  public func decomposeCompatibly(_ scalar: UInt32, _ body: (UInt32) -> Void) {
    guard flags(of: scalar).contains(.decomposesCompatibly) else { return decompose(scalar, body) }
    compatibilityDecompositions[scalar]?.forEach(body)
  }

  /// The scalar that two compose to, or `nil` when they do not.
  public func compose(_ first: UInt32, _ second: UInt32) -> UInt32? {
    Hangul.compose(first, second) ?? compositions[Self.pair(first, second)]
  }

  /// Gives the lower-case form to `body`, scalar by scalar.
  public func lowercase(_ scalar: UInt32, _ body: (UInt32) -> Void) {
    guard flags(of: scalar).contains(.hasLowerCase) else { return body(scalar) }
    lowerCase[scalar]?.forEach(body)
  }

  /// Whether a regular expression's `\w` matches.
  public func isWordCharacter(_ scalar: UInt32) -> Bool {
    flags(of: scalar).contains(.word)
  }
}

/// Hangul syllables decompose by arithmetic. Reference: The Unicode Standard, section 3.12.
private enum Hangul {
  static let syllables: ClosedRange<UInt32> = 0xAC00...0xD7A3
  /// What composes with what stands before it.
  static let joining: [ClosedRange<UInt32>] = [0x1161...0x1175, 0x11A8...0x11C2]

  static func decompose(_ syllable: UInt32, _ body: (UInt32) -> Void) {
    let index = syllable - syllables.lowerBound
    body(0x1100 + index / 588)
    body(0x1161 + index % 588 / 28)
    if index % 28 != 0 { body(0x11A7 + index % 28) }
  }

  static func compose(_ first: UInt32, _ second: UInt32) -> UInt32? {
    if 0x1100..<0x1113 ~= first, 0x1161..<0x1176 ~= second {
      return syllables.lowerBound + (first - 0x1100) * 588 + (second - 0x1161) * 28
    }
    if syllables.contains(first), (first - syllables.lowerBound) % 28 == 0, 0x11A8..<0x11C3 ~= second {
      return first + second - 0x11A7
    }
    return nil
  }
}

/// Sorted ranges of scalars, each with the scalars it maps to.
private struct ScalarMap: Sendable {
  private var ranges: [ClosedRange<UInt32>] = []
  private var starts: [Int] = [0]
  private var values: [UInt32] = []

  init(_ table: String) {
    var entries: [(range: ClosedRange<UInt32>, values: [UInt32])] = []
    parse(table) { entries.append(($0, $1)) }
    for entry in entries.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
      ranges.append(entry.range)
      values += entry.values
      starts.append(values.count)
    }
  }

  subscript(scalar: UInt32) -> ArraySlice<UInt32>? {
    let index = partition(ranges.count) { ranges[$0].upperBound < scalar }
    guard index < ranges.count, ranges[index].contains(scalar) else { return nil }
    return values[starts[index]..<starts[index + 1]]
  }
}

/// The first of `count` sorted places that does not precede what is looked for.
private func partition(_ count: Int, precedes: (Int) -> Bool) -> Int {
  var low = 0
  var high = count
  while low < high {
    let middle = (low + high) / 2
    if precedes(middle) { low = middle + 1 } else { high = middle }
  }
  return low
}

/// Reads a table of scalars: `first-last=value,value` with spaces between.
func parse(_ table: String, _ body: (ClosedRange<UInt32>, [UInt32]) -> Void) {
  var first: UInt32?
  var number: UInt32 = 0
  var range: ClosedRange<UInt32>?
  var values: [UInt32] = []
  for byte in Array(table.utf8) + [UInt8(ascii: " ")] {
    switch byte {
    case UInt8(ascii: "-"):
      first = number
    case UInt8(ascii: "="):
      range = (first ?? number)...number
    case UInt8(ascii: ","):
      values.append(number)
    case UInt8(ascii: " "), UInt8(ascii: "\n"):
      if range != nil { values.append(number) }
      body(range ?? (first ?? number)...number, values)
      first = nil
      range = nil
      values.removeAll(keepingCapacity: true)
    default:
      number = number << 4 | UInt32(byte < 0x40 ? byte & 0xF : byte - 0x37)
      continue
    }
    number = 0
  }
}
