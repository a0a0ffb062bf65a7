import GraftTensors
import HeapModule

/// The pairs of tokens that a byte-pair model merges, in the order in which they were learnt.
///
/// Reference: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", 2016.
public struct MergeTable: Sendable {
  private var table: PairTable
  /// How many pairs there are.
  private let count: Int

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
    table = PairTable(capacity: merges.count)
    count = merges.count
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
      let result = try id(merge.left + rest, rank + 1)
      table.append(pair, result: result)
    }
  }

  private static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// What becomes of a pair.
  private struct Merge: Sendable {
    /// When the pair was learnt; the largest number for a pair that was not.
    var rank = UInt32.max
    /// The token that it becomes.
    var result: Int32 = 0
  }

  /// A hash table from pairs of ids to merges.
  ///
  /// Its slots are small, so that many of them are in memory that is near. Pairs that were learnt early are met most, and
  /// stand together.
  private struct PairTable: Sendable {
    private struct Entry {
      var pair: UInt64
      var result: Int32
    }

    /// By rank.
    private var entries: [Entry] = []
    /// A part of the hash, and in the low bits the rank; the largest number for a free slot.
    private var slots: [UInt32]
    private let rankBits: UInt32
    /// Bits that some pairs have: most pairs that are not in the table are not found here.
    private var filter: [UInt64]
    private let shift: UInt64
    /// Differs from table to table, so that no file can be made whose pairs all collide.
    private let factor = UInt64.random(in: 1...UInt64.max) | 1

    init(capacity: Int) {
      var bits = 4
      while 1 << bits < capacity * 2 { bits += 1 }
      entries.reserveCapacity(capacity)
      slots = Array(repeating: UInt32.max, count: 1 << bits)
      filter = Array(repeating: 0, count: 1 << (bits - 4))
      // No rank has all bits set, because there are at most half as many as slots.
      rankBits = UInt32(bits)
      shift = 64 - UInt64(bits)
    }

    @inline(__always)
    func merge(of pair: UInt64) -> Merge {
      let hash = pair &* factor
      let bit = hash >> (shift - 2)
      guard filter[Int(truncatingIfNeeded: bit >> 6)] >> (bit & 63) & 1 != 0 else { return Merge() }
      let tag = tag(of: hash)
      return slots.withUnsafeBufferPointer { slots in
        entries.withUnsafeBufferPointer { entries in
          var index = Int(truncatingIfNeeded: hash >> shift)
          while slots[index] != UInt32.max {
            let rank = slots[index] & (1 << rankBits &- 1)
            if slots[index] &- rank == tag, entries[Int(rank)].pair == pair {
              return Merge(rank: rank, result: entries[Int(rank)].result)
            }
            index = (index + 1) & (slots.count - 1)
          }
          return Merge()
        }
      }
    }

    /// The part of a hash that is kept in a slot: bits that follow those which say where the slot is.
    @inline(__always)
    private func tag(of hash: UInt64) -> UInt32 {
      UInt32(truncatingIfNeeded: hash >> 16) & ~(1 << rankBits &- 1)
    }

    /// Appends a pair. Of equal pairs the last counts.
    mutating func append(_ pair: UInt64, result: Int32) {
      let hash = pair &* factor
      let rank = UInt32(truncatingIfNeeded: entries.count)
      entries.append(Entry(pair: pair, result: result))
      var index = Int(truncatingIfNeeded: hash >> shift)
      while slots[index] != UInt32.max,
        entries[Int(slots[index] & (1 << rankBits &- 1))].pair != pair
      {
        index = (index + 1) & (slots.count - 1)
      }
      slots[index] = tag(of: hash) | rank
      let bit = hash >> (shift - 2)
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

  /// A word that is merged.
  public struct Word {
    private let memory: UnsafeMutableBufferPointer<Symbol>
    private var count = 0

    fileprivate init(_ memory: UnsafeMutableBufferPointer<Symbol>) { self.memory = memory }

    fileprivate var symbols: UnsafeMutableBufferPointer<Symbol> {
      UnsafeMutableBufferPointer(rebasing: memory[..<count])
    }

    /// Appends a token.
    ///
    /// - Parameter length: In bytes, more than 0.
    @inline(__always)
    public mutating func append(_ id: Int32, length: Int) {
      let index = count
      precondition(index < memory.count)
      if index > 0 { memory[index - 1].next = Int32(truncatingIfNeeded: index) }
      memory.initializeElement(
        at: index,
        to: Symbol(
          id: id, length: Int32(truncatingIfNeeded: length), previous: Int32(truncatingIfNeeded: index - 1),
          next: -1))
      count += 1
    }
  }

  /// Makes a word of tokens and merges pairs until there is none left that was learnt: the pair that was learnt first
  /// before the others, and from the left.
  ///
  /// - Parameters:
  ///   - capacity: The most tokens that there may be.
  ///   - layOut: Appends the tokens.
  ///   - body: Gets the tokens that are left, and their places in the word.
  @inline(__always)
  public func merge(
    capacity: Int, layOut: (inout Word) -> Void, _ body: (_ id: Int32, _ place: Range<Int>) -> Void
  ) {
    withUnsafeTemporaryAllocation(of: Symbol.self, capacity: capacity) { memory in
      var word = Word(memory)
      layOut(&word)
      let symbols = word.symbols
      if symbols.count <= Self.longestShortWord, count <= Self.mostRanksOfShortWords {
        mergeShort(symbols)
      } else {
        mergeLong(symbols)
      }
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

  private func mergeShort(_ symbols: UnsafeMutableBufferPointer<Symbol>) {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: symbols.count) { candidates in
      withUnsafeTemporaryAllocation(of: Int32.self, capacity: symbols.count) { results in
        // By symbol: the rank of its pair with the next one, and behind it the symbol's index, the largest number where
        // there is no such pair; and what the pair becomes.
        @inline(__always)
        func look(at index: Int) {
          let merge = merge(at: index, symbols)
          candidates[index] =
            merge.rank == UInt32.max ? merge.rank : merge.rank << 7 | UInt32(truncatingIfNeeded: index)
          results[index] = merge.result
        }
        for index in symbols.indices { look(at: index) }
        while true {
          var best = UInt32.max
          for candidate in candidates { best = min(best, candidate) }
          guard best != UInt32.max else { return }
          let index = Int(best & 0x7F)
          candidates[Int(symbols[index].next)] = UInt32.max
          join(index, results[index], symbols)
          look(at: index)
          let previous = Int(symbols[index].previous)
          if previous >= 0 { look(at: previous) }
        }
      }
    }
  }

  private func mergeLong(_ symbols: UnsafeMutableBufferPointer<Symbol>) {
    var candidates = Heap(symbols.indices.compactMap { candidate(at: $0, symbols) })
    while let top = candidates.popMin() {
      let index = Int(top & 0xFFFF_FFFF)
      // One of the two may have become another token since; what they make is longer then, and was learnt otherwise.
      guard symbols[index].length > 0 else { continue }
      let merge = merge(at: index, symbols)
      guard merge.rank == UInt32(top >> 32) else { continue }
      join(index, merge.result, symbols)
      let previous = Int(symbols[index].previous)
      if previous >= 0, let candidate = candidate(at: previous, symbols) { candidates.insert(candidate) }
      if let candidate = candidate(at: index, symbols) { candidates.insert(candidate) }
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
    if right.next >= 0 { symbols[Int(right.next)].previous = Int32(truncatingIfNeeded: index) }
  }

  /// What becomes of a symbol's pair with the next one.
  @inline(__always)
  private func merge(at index: Int, _ symbols: UnsafeMutableBufferPointer<Symbol>) -> Merge {
    let symbol = symbols[index]
    guard symbol.next >= 0 else { return Merge() }
    return table.merge(of: MergeTable.pair(symbol.id, symbols[Int(symbol.next)].id))
  }

  /// The rank of a symbol's pair with the next one, and behind it the symbol's index: what is least is merged first.
  private func candidate(at index: Int, _ symbols: UnsafeMutableBufferPointer<Symbol>) -> UInt64? {
    let rank = merge(at: index, symbols).rank
    return rank == UInt32.max ? nil : UInt64(rank) << 32 | UInt64(UInt32(truncatingIfNeeded: index))
  }
}
