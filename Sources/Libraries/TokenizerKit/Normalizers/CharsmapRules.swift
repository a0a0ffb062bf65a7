import GraftTensors

extension Charsmap {
  /// A text that is replaced, and what is put in its place; both UTF-8, the text not empty, neither with a zero byte.
  public typealias Rule = (text: [UInt8], replacement: [UInt8])

  /// The table of some rules, as SentencePiece reads it.
  ///
  /// - Parameter rules: Each text once.
  /// - Throws: `GraftError` when a rule is none, or there are more than a trie can hold.
  public convenience init(rules: [Rule]) throws {
    let rules = rules.sorted { $0.text.lexicographicallyPrecedes($1.text) }
    for (index, rule) in rules.enumerated() {
      guard !rule.text.isEmpty, !(rule.text + rule.replacement).contains(0),
        index == 0 || rules[index - 1].text != rule.text
      else {
        throw GraftError(
          .malformed, "not a valid charsmap rule", expected: "a text of its own, without a zero",
          found: "'\(String(decoding: rule.text, as: UTF8.self))'")
      }
    }
    var texts: [UInt8] = []
    var places: [[UInt8]: UInt32] = [:]
    let values = rules.map { rule in
      if let place = places[rule.replacement] { return place }
      let place = UInt32(texts.count)
      places[rule.replacement] = place
      texts += rule.replacement + [0]
      return place
    }
    var trie = TrieBuilder()
    try trie.add(rules.map(\.text), values)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(4 + 4 * trie.units.count + texts.count)
    for word in [UInt32(4 * trie.units.count)] + trie.units {
      withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
    }
    try self.init(bytes + (texts.isEmpty ? [0] : texts))
  }

  /// All rules of the table, by their texts.
  ///
  /// - Throws: `GraftError` when there are more than a published table has: one with cycles has no end of them.
  public func rules() throws -> [Rule] {
    var rules: [Rule] = []
    var ways: [(base: Int, text: [UInt8])] = [(Int(Self.offset(units[0])), [])]
    var steps = 0
    while let (base, text) = ways.popLast() {
      steps += 1
      guard steps <= Self.mostSteps, text.count <= Self.longestText else {
        throw GraftError(
          .unsupported, "a charsmap of too many rules",
          expected: "at most \(Self.mostSteps) ways through its trie")
      }
      for byte in 1...UInt8.max {
        let node = base ^ Int(byte)
        guard node < units.count, Self.label(units[node]) == UInt32(byte) else { continue }
        let next = node ^ Int(Self.offset(units[node]))
        if Self.hasValue(units[node]), Self.isLeaf(units[next]) {
          let start = self.texts + Int(Self.value(units[next]))
          rules.append((text + [byte], Array(bytes[start..<end(of: start)])))
        }
        ways.append((next, text + [byte]))
      }
    }
    return rules.sorted { $0.text.lexicographicallyPrecedes($1.text) }
  }

  /// In bytes; `nmt_nfkc` has 18.
  private static let longestText = 256
  /// More than ten times as many as `nmt_nfkc` has.
  private static let mostSteps = 1_000_000
}

/// The units of a double-array trie; see ``Charsmap``.
private struct TrieBuilder {
  /// No byte leads to a unit that is free: it is a value, which only a node that has one leads to.
  private static let free: UInt32 = 0x8000_0000
  /// Offsets of more bits have another form.
  private static let mostUnits = 1 << 21

  private(set) var units: [UInt32] = []
  private var isUsed: [Bool] = []
  /// Whether a place is that from which the children of some node are counted: no two nodes share one.
  private var isBase: [Bool] = []
  private var firstFree = 1

  init() {
    grow()
    isUsed[0] = true
    isBase[0] = true
  }

  private mutating func grow() {
    units += repeatElement(Self.free, count: 256)
    isUsed += repeatElement(false, count: 256)
    isBase += repeatElement(false, count: 256)
  }

  /// - Parameters:
  ///   - texts: Sorted.
  ///   - values: A value below 2³¹ for each.
  mutating func add(_ texts: [[UInt8]], _ values: [UInt32]) throws {
    units[0] = 0
    var open: [(node: Int, range: Range<Int>, depth: Int)] = [(0, texts.indices, 0)]
    while let (node, range, depth) = open.popLast() {
      // A text that ends here comes first, and its value is the child of byte 0.
      let ends = range.first.map { texts[$0].count == depth } ?? false
      var children: [(byte: UInt8, range: Range<Int>)] = []
      for index in range.dropFirst(ends ? 1 : 0) {
        let byte = texts[index][depth]
        if children.last?.byte == byte {
          children[children.count - 1].range = children[children.count - 1].range.lowerBound..<index + 1
        } else {
          children.append((byte, index..<index + 1))
        }
      }
      guard ends || !children.isEmpty else { continue }
      let base = try place(for: (ends ? [0] : []) + children.map(\.byte))
      isBase[base] = true
      units[node] |= UInt32(node ^ base) << 10
      if ends {
        units[node] |= 1 << 8
        units[base] = Self.free | values[range.lowerBound]
        isUsed[base] = true
      }
      for child in children {
        let place = base ^ Int(child.byte)
        units[place] = UInt32(child.byte)
        isUsed[place] = true
        open.append((place, child.range, depth + 1))
      }
    }
  }

  /// A place from which all of some bytes lead to free units.
  private mutating func place(for bytes: [UInt8]) throws -> Int {
    while firstFree < units.count, isUsed[firstFree] { firstFree += 1 }
    // Far back there is little room for more than one.
    let start = bytes.count > 1 ? max(firstFree, units.count - 16 * 256) : firstFree
    for index in start..<units.count where !isUsed[index] {
      let base = index ^ Int(bytes[0])
      if !isBase[base], bytes.allSatisfy({ !isUsed[base ^ Int($0)] }) { return base }
    }
    guard units.count + 256 <= Self.mostUnits else {
      throw GraftError(
        .unsupported, "a charsmap has too many rules", expected: "fewer than \(Self.mostUnits) units")
    }
    grow()
    return units.count - 256
  }
}
