import GraftTensors

/// A double-array trie of the bytes of tokens: finds all tokens that a text begins with.
///
/// A node's children lie at its base with their bytes exclusive-or'ed to it. No two nodes have the same base, so that a
/// byte is enough to tell whether a place is a child. Reference: Aoe, "An Efficient Digital Search Algorithm by Using a
/// Double-Array Structure", 1989; s-yata/darts-clone.
public struct ByteTrie: Sendable {
  /// From the low bits: the byte that leads to the node (8 bits; 0 for a free place), 1 for a place that is in use (1),
  /// the base (27), and the token that ends here and 1, or 0 (28).
  @usableFromInline let units: [UInt64]

  @usableFromInline static let baseShift: UInt64 = 9
  @usableFromInline static let baseMask: UInt64 = 1 << 27 - 1
  @usableFromInline static let valueShift: UInt64 = 36

  /// - Parameter entries: Tokens and their ids. Empty ones are left out; of equal ones the last counts.
  /// - Throws: `GraftError` when there are more than can be numbered.
  public init(_ entries: [Vocabulary.Entry]) throws {
    var builder = Builder(entries)
    units = try builder.build()
  }

  /// Calls a body with what finds tokens.
  @inlinable
  public func withReader<Result>(_ body: (Reader) -> Result) -> Result {
    units.withUnsafeBufferPointer { body(Reader(units: $0)) }
  }

  /// Finds tokens while the trie is at hand.
  public struct Reader {
    @usableFromInline let units: UnsafeBufferPointer<UInt64>

    @inlinable
    init(units: UnsafeBufferPointer<UInt64>) { self.units = units }

    /// Gives the tokens that the text begins with at a place to `body`: where they end, and which they are, the shortest
    /// first.
    @inlinable @inline(__always)
    public func forEachPrefix(
      of text: UnsafeBufferPointer<UInt8>, from start: Int, _ body: (_ end: Int, _ id: Int32) -> Void
    ) {
      var base = Int(units[0] >> ByteTrie.baseShift & ByteTrie.baseMask)
      var index = start
      while index < text.count {
        let byte = text[index]
        let unit = units[base ^ Int(byte)]
        guard unit & 0x1FF == UInt64(byte) | 0x100 else { return }
        index += 1
        let value = unit >> ByteTrie.valueShift
        if value != 0 { body(index, Int32(truncatingIfNeeded: value) &- 1) }
        base = Int(unit >> ByteTrie.baseShift & ByteTrie.baseMask)
      }
    }
  }
}

extension ByteTrie {
  /// Builds the array from a trie of linked nodes.
  private struct Builder {
    private struct Node {
      var byte: UInt8
      /// The token's id and 1; 0 for none.
      var value: UInt32 = 0
      /// 0 for none; the root is no child.
      var firstChild: UInt32 = 0
      var nextSibling: UInt32 = 0
    }

    private var nodes = [Node(byte: 0)]
    private var units: [UInt64] = []
    /// By place: whether it is some node's base.
    private var isBase: [Bool] = []
    /// The base that nodes without children share: the block there stays empty.
    private static let childless = 256
    /// Free places, some of which have been taken since.
    private var free: [Int] = []

    init(_ entries: [Vocabulary.Entry]) {
      // The children of the root are found at once, being many and asked for by every token.
      var roots = [UInt32](repeating: 0, count: 256)
      nodes.reserveCapacity(entries.count * 3)
      for entry in entries {
        var node: UInt32 = 0
        for byte in entry.token.utf8 {
          if node == 0 {
            if roots[Int(byte)] == 0 { roots[Int(byte)] = add(byte, to: 0) }
            node = roots[Int(byte)]
          } else {
            node = child(of: node, byte) ?? add(byte, to: node)
          }
        }
        if node != 0 { nodes[Int(node)].value = UInt32(clamping: entry.id) &+ 1 }
      }
    }

    private func child(of node: UInt32, _ byte: UInt8) -> UInt32? {
      var next = nodes[Int(node)].firstChild
      while next != 0 {
        if nodes[Int(next)].byte == byte { return next }
        next = nodes[Int(next)].nextSibling
      }
      return nil
    }

    private mutating func add(_ byte: UInt8, to node: UInt32) -> UInt32 {
      nodes.append(Node(byte: byte, nextSibling: nodes[Int(node)].firstChild))
      nodes[Int(node)].firstChild = UInt32(nodes.count - 1)
      return UInt32(nodes.count - 1)
    }

    mutating func build() throws -> [UInt64] {
      addBlock()
      units += repeatElement(0, count: 256)
      isBase += repeatElement(false, count: 256)
      // The root's place is taken, and found by no byte.
      units[0] = 0xFF
      var queue: [(node: UInt32, place: Int)] = [(0, 0)]
      var next = 0
      while next < queue.count {
        let (node, place) = queue[next]
        next += 1
        var children: [UInt32] = []
        var child = nodes[Int(node)].firstChild
        while child != 0 {
          children.append(child)
          child = nodes[Int(child)].nextSibling
        }
        let base = findBase(children)
        if !children.isEmpty { isBase[base] = true }
        for child in children {
          let byte = nodes[Int(child)].byte
          let position = base ^ Int(byte)
          units[position] = UInt64(byte) | 0x100 | UInt64(nodes[Int(child)].value) << ByteTrie.valueShift
          queue.append((child, position))
        }
        units[place] |= UInt64(base) << ByteTrie.baseShift
      }
      guard units.count <= 1 << 27, nodes.allSatisfy({ $0.value < 1 << 28 }) else {
        throw GraftError(.unsupported, "the vocabulary is too large", subject: "key 'model.vocab'")
      }
      return units
    }

    private mutating func addBlock() {
      let start = units.count
      units += repeatElement(0, count: 256)
      isBase += repeatElement(false, count: 256)
      free += (start..<start + 256).reversed()
    }

    /// A base that is not in use, at which the places of all children are free.
    private mutating func findBase(_ children: [UInt32]) -> Int {
      let bytes = children.map { Int(nodes[Int($0)].byte) }
      guard let first = bytes.first else { return Self.childless }
      var tries = 0
      var index = free.count - 1
      while index >= 0, tries < 64 {
        let place = free[index]
        if units[place] != 0 {
          free.swapAt(index, free.count - 1)
          free.removeLast()
          index = min(index, free.count) - 1
          continue
        }
        let base = place ^ first
        if !isBase[base], bytes.allSatisfy({ units[base ^ $0] == 0 }) { return base }
        tries += 1
        index -= 1
      }
      let base = units.count
      addBlock()
      return base
    }
  }
}
