import GraftTensors

/// The table of a `Precompiled` normalizer: a double-array trie of texts, and the texts that are put in their place.
///
/// The size of the trie in bytes as a number of 32 bits, the units of the trie with 32 bits each, and the texts, each with
/// a zero byte behind it; all little-endian. The trie is that of the library darts-clone. Reference:
/// `precompiled_charsmap` in google/sentencepiece, src/normalizer.h; the layout of units in s-yata/darts-clone.
public final class Charsmap: Sendable {
  /// The table as it stands in files.
  public let bytes: [UInt8]
  let units: [UInt32]
  /// Where the texts begin in ``bytes``.
  let texts: Int
  /// The length of the longest text that is put in the place of another, in bytes.
  public let longestReplacement: Int

  /// - Throws: `GraftError` when the trie or a text lies outside the table, or a text is not UTF-8.
  public init(_ bytes: [UInt8]) throws {
    self.bytes = bytes
    func malformed(_ problem: String, expected: String? = nil, found: String? = nil) -> GraftError {
      GraftError(.malformed, problem, expected: expected, found: found)
    }
    guard bytes.count >= 4 else {
      throw malformed("a table without a trie", expected: "4 bytes or more", found: "\(bytes.count)")
    }
    func word(_ index: Int) -> UInt32 {
      UInt32(bytes[index]) | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2]) << 16
        | UInt32(bytes[index + 3]) << 24
    }
    let size = Int(word(0))
    guard size > 0, size.isMultiple(of: 4), size <= bytes.count - 4 else {
      throw malformed(
        "the trie is larger than the table", expected: "at most \(bytes.count - 4) bytes in units of 4",
        found: "\(size)")
    }
    units = stride(from: 4, to: 4 + size, by: 4).map(word)
    texts = 4 + size
    guard String(validating: bytes[texts...], as: UTF8.self) != nil else {
      throw malformed("a text that is not UTF-8")
    }
    // How far it is to the zero byte behind each place.
    var longest = 0
    var ends = [Int](repeating: bytes.count, count: bytes.count - texts)
    for index in ends.indices.reversed() {
      ends[index] =
        bytes[texts + index] == 0 ? texts + index : index + 1 < ends.count ? ends[index + 1] : bytes.count
    }
    for (index, unit) in units.enumerated() {
      if Self.isLeaf(unit) {
        let place = Int(Self.value(unit))
        guard place < ends.count, bytes[texts + place] & 0xC0 != 0x80 else {
          throw malformed(
            "unit \(index) of the trie stands for no text", expected: "a place below \(ends.count)",
            found: "\(place)")
        }
        longest = max(longest, ends[place] - texts - place)
      } else if index ^ Int(Self.offset(unit)) | 0xFF >= units.count {
        throw malformed("unit \(index) of the trie points outside", expected: "below \(units.count)")
      }
    }
    guard !Self.isLeaf(units[0]) else { throw malformed("the trie has no root") }
    longestReplacement = longest
  }

  // A unit is a node, or the value of the node above it.
  @inline(__always) static func isLeaf(_ unit: UInt32) -> Bool { unit >> 31 == 1 }
  @inline(__always) static func value(_ unit: UInt32) -> UInt32 { unit & 0x7FFF_FFFF }
  /// The byte that leads to a node; no byte for a value.
  @inline(__always) static func label(_ unit: UInt32) -> UInt32 { unit & 0x8000_00FF }
  @inline(__always) static func hasValue(_ unit: UInt32) -> Bool { unit >> 8 & 1 == 1 }
  @inline(__always) static func offset(_ unit: UInt32) -> UInt32 {
    (unit >> 10) << ((unit & 0x200) >> 6)
  }

  /// What is put in the place of the shortest text of the table that a part of a text begins with: its place in
  /// ``bytes``; `nil` when it begins with none.
  @inline(__always)
  public func replacement(_ range: Range<Int>, of text: UnsafeBufferPointer<UInt8>) -> Range<Int>? {
    // The first unit that is a value was checked to point inside, and so was every other.
    units.withUnsafeBufferPointer { units in
      var node = Int(Self.offset(units[0]))
      for index in range {
        let byte = text[index]
        guard byte != 0 else { return nil }
        node ^= Int(byte)
        let unit = units[node]
        guard Self.label(unit) == UInt32(byte) else { return nil }
        node ^= Int(Self.offset(unit))
        if Self.hasValue(unit) {
          let start = texts + Int(Self.value(units[node]))
          return Self.isLeaf(units[node]) ? start..<end(of: start) : nil
        }
      }
      return nil
    }
  }

  func end(of start: Int) -> Int {
    var end = start
    while end < bytes.count, bytes[end] != 0 { end += 1 }
    return end
  }

  /// The scalars of a replacement.
  public func forEachScalar(of range: Range<Int>, _ body: (UInt32) -> Void) {
    bytes.withUnsafeBufferPointer { bytes in
      var index = range.lowerBound
      while index < range.upperBound { body(decodeScalar(bytes, &index, end: range.upperBound)) }
    }
  }
}
