import GraftTensors
import HeapModule

/// The pairs of tokens that a byte-pair model merges, in the order in which they were learnt.
///
/// Reference: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", 2016.
public struct MergeTable: Sendable {
  /// By the ids of two tokens: when the pair was learnt, as an index of `results`.
  private var ranks: PairTable
  /// By rank: the token that the pair becomes.
  private let results: [Int32]

  /// - Parameters:
  ///   - merges: The pairs in the order in which they were learnt. Of equal pairs the last counts.
  ///   - prefix: What a token that continues a word begins with; it goes when the token is merged.
  /// - Throws: `GraftError` for a merge of or into something that the vocabulary does not have.
  public init(_ merges: [TokenizerDocument.Merge], _ vocabulary: Vocabulary, prefix: String = "") throws {
    func id(_ token: String, _ number: Int) throws -> Int32 {
      guard let id = vocabulary.model.find(token) else {
        throw GraftError(
          .malformed, "the vocabulary has no token '\(token.prefix(80))'", subject: "merge \(number)",
          expected: "merges of tokens in the vocabulary, into tokens in the vocabulary")
      }
      return id
    }
    ranks = PairTable(capacity: merges.count)
    var results: [Int32] = []
    results.reserveCapacity(merges.count)
    for (rank, merge) in merges.enumerated() {
      let pair = try MergeTable.pair(id(merge.left, rank + 1), id(merge.right, rank + 1))
      guard prefix.isEmpty || merge.right.utf8.count >= prefix.utf8.count else {
        throw GraftError(
          .malformed, "a token without the prefix '\(prefix)'", subject: "merge \(rank + 1)",
          found: "'\(merge.right.prefix(80))'")
      }
      let rest =
        prefix.isEmpty
        ? merge.right : String(decoding: merge.right.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
      results.append(try id(merge.left + rest, rank + 1))
      ranks.insert(pair, rank: UInt32(truncatingIfNeeded: rank))
    }
    self.results = results
  }

  private static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// A hash table from pairs of ids to ranks.
  private struct PairTable: Sendable {
    private struct Slot {
      var pair: UInt64 = 0
      /// The largest number for a free slot.
      var rank = UInt32.max
    }

    private var slots: [Slot]
    /// Bits that some pairs have: most pairs that are not in the table are not found here, in memory that is near.
    private var filter: [UInt64]
    private let shift: UInt64
    /// Differs from table to table, so that no file can be made whose pairs all collide.
    private let factor = UInt64.random(in: 1...UInt64.max) | 1

    init(capacity: Int) {
      var bits = 4
      while 1 << bits < capacity * 2 { bits += 1 }
      slots = Array(repeating: Slot(), count: 1 << bits)
      filter = Array(repeating: 0, count: 1 << (bits - 4))
      shift = 64 - UInt64(bits)
    }

    @inline(__always)
    private func place(of pair: UInt64, _ slots: UnsafeBufferPointer<Slot>) -> Int {
      var index = Int(truncatingIfNeeded: (pair &* factor) >> shift)
      while slots[index].rank != UInt32.max, slots[index].pair != pair {
        index = (index + 1) & (slots.count - 1)
      }
      return index
    }

    /// The rank of a pair; the largest number when there is none.
    @inline(__always)
    func rank(of pair: UInt64) -> UInt32 {
      let bit = (pair &* factor) >> (shift - 2)
      guard filter[Int(truncatingIfNeeded: bit >> 6)] >> (bit & 63) & 1 != 0 else { return UInt32.max }
      return slots.withUnsafeBufferPointer { $0[place(of: pair, $0)].rank }
    }

    mutating func insert(_ pair: UInt64, rank: UInt32) {
      let index = slots.withUnsafeBufferPointer { place(of: pair, $0) }
      slots[index] = Slot(pair: pair, rank: rank)
      let bit = (pair &* factor) >> (shift - 2)
      filter[Int(truncatingIfNeeded: bit >> 6)] |= 1 << (bit & 63)
    }
  }

  fileprivate struct Symbol {
    var id: Int32
    /// 0 once the symbol has gone into the one before it.
    var length: Int32
    /// Indices of the symbols beside it, -1 for none.
    var previous: Int32
    var next: Int32
  }

  /// A word that is merged. It keeps its memory for the next one.
  public struct Word {
    fileprivate var symbols: [Symbol] = []
    fileprivate var candidates = Heap<UInt64>()

    /// - Parameter count: How many tokens are expected.
    public init(expecting count: Int = 0) { symbols.reserveCapacity(count) }

    public mutating func removeAll() { symbols.removeAll(keepingCapacity: true) }

    /// Appends a token.
    ///
    /// - Parameter length: In bytes, more than 0.
    public mutating func append(_ id: Int32, length: Int) {
      let index = symbols.count
      if index > 0 { symbols[index - 1].next = Int32(index) }
      symbols.append(Symbol(id: id, length: Int32(length), previous: Int32(index - 1), next: -1))
    }

    /// Gives the tokens and their places to `body`.
    public func forEach(_ body: (_ id: Int32, _ place: Range<Int>) -> Void) {
      var start = 0
      var index = symbols.isEmpty ? -1 : 0
      while index >= 0 {
        let symbol = symbols[index]
        body(symbol.id, start..<start + Int(symbol.length))
        start += Int(symbol.length)
        index = Int(symbol.next)
      }
    }
  }

  /// Words of more symbols are merged with a heap of candidates; in shorter ones it is faster to look at all pairs.
  private static let longestShortWord = 128
  private static let mostRanksOfShortWords = 1 << 24

  /// Merges pairs until there is none left that was learnt: the pair that was learnt first before the others, and from
  /// the left.
  public func merge(_ word: inout Word) {
    if word.symbols.count <= Self.longestShortWord, results.count <= Self.mostRanksOfShortWords {
      word.symbols.withUnsafeMutableBufferPointer { mergeShort($0) }
    } else {
      mergeLong(&word)
    }
  }

  private func mergeShort(_ symbols: UnsafeMutableBufferPointer<Symbol>) {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: symbols.count) { candidates in
      // By symbol: the rank of its pair with the next one, and behind it the symbol's index; the largest number where
      // there is no such pair.
      @inline(__always)
      func candidate(at index: Int) -> UInt32 {
        let rank = rank(at: index, symbols)
        return rank == UInt32.max ? rank : rank << 7 | UInt32(truncatingIfNeeded: index)
      }
      for index in symbols.indices { candidates.initializeElement(at: index, to: candidate(at: index)) }
      while true {
        var best = UInt32.max
        for candidate in candidates { best = min(best, candidate) }
        guard best != UInt32.max else { return }
        let index = Int(best & 0x7F)
        let next = Int(symbols[index].next)
        join(index, results[Int(best >> 7)], symbols)
        candidates[next] = UInt32.max
        candidates[index] = candidate(at: index)
        let previous = Int(symbols[index].previous)
        if previous >= 0 { candidates[previous] = candidate(at: previous) }
      }
    }
  }

  private func mergeLong(_ word: inout Word) {
    // The heap is empty: each call leaves it so.
    word.symbols.withUnsafeMutableBufferPointer { symbols in
      word.candidates.insert(contentsOf: symbols.indices.compactMap { candidate(at: $0, symbols) })
      while let top = word.candidates.popMin() {
        let index = Int(top & 0xFFFF_FFFF)
        // One of the two may have become another token since; what they make is longer then, and was learnt otherwise.
        guard symbols[index].length > 0, rank(at: index, symbols) == UInt32(top >> 32) else { continue }
        join(index, results[Int(top >> 32)], symbols)
        let previous = Int(symbols[index].previous)
        if previous >= 0, let candidate = candidate(at: previous, symbols) {
          word.candidates.insert(candidate)
        }
        if let candidate = candidate(at: index, symbols) { word.candidates.insert(candidate) }
      }
    }
  }

  /// Makes one of a symbol and the next.
  @inline(__always)
  private func join(_ index: Int, _ result: Int32, _ symbols: UnsafeMutableBufferPointer<Symbol>) {
    let next = Int(symbols[index].next)
    let right = symbols[next]
    symbols[next].length = 0
    symbols[index].id = result
    symbols[index].length += right.length
    symbols[index].next = right.next
    if right.next >= 0 { symbols[Int(right.next)].previous = Int32(index) }
  }

  /// The rank of a symbol's pair with the next one; the largest number when there is none.
  @inline(__always)
  private func rank(at index: Int, _ symbols: UnsafeMutableBufferPointer<Symbol>) -> UInt32 {
    let symbol = symbols[index]
    guard symbol.next >= 0 else { return UInt32.max }
    return ranks.rank(of: MergeTable.pair(symbol.id, symbols[Int(symbol.next)].id))
  }

  /// The rank of a symbol's pair with the next one, and behind it the symbol's index: what is least is merged first.
  private func candidate(at index: Int, _ symbols: UnsafeMutableBufferPointer<Symbol>) -> UInt64? {
    let rank = rank(at: index, symbols)
    return rank == UInt32.max ? nil : UInt64(rank) << 32 | UInt64(UInt32(truncatingIfNeeded: index))
  }
}
