import GraftTensors
import HeapModule

/// The pairs of tokens that a byte-pair model merges, in the order in which they were learnt.
///
/// Reference: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", 2016.
public struct MergeTable: Sendable {
  /// By the ids of two tokens: when the pair was learnt, as an index of `results`.
  private let ranks: [UInt64: UInt32]
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
    var ranks: [UInt64: UInt32] = [:]
    ranks.reserveCapacity(merges.count)
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
      ranks[pair] = UInt32(truncatingIfNeeded: rank)
    }
    self.ranks = ranks
    self.results = results
  }

  private static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  fileprivate struct Symbol {
    var id: Int32
    /// 0 once the symbol has gone into the one before it.
    var length: Int
    /// Indices of the symbols beside it, -1 for none.
    var previous: Int
    var next: Int
  }

  /// A word that is merged. It keeps its memory for the next one.
  public struct Word {
    fileprivate var symbols: [Symbol] = []
    fileprivate var candidates = Heap<UInt64>()

    public init() {}

    public mutating func removeAll() { symbols.removeAll(keepingCapacity: true) }

    /// Appends a token.
    ///
    /// - Parameter length: In bytes, more than 0.
    public mutating func append(_ id: Int32, length: Int) {
      let index = symbols.count
      if index > 0 { symbols[index - 1].next = index }
      symbols.append(Symbol(id: id, length: length, previous: index - 1, next: -1))
    }

    /// Gives the tokens and their places to `body`.
    public func forEach(_ body: (_ id: Int32, _ place: Range<Int>) -> Void) {
      var start = 0
      var index = symbols.isEmpty ? -1 : 0
      while index >= 0 {
        let symbol = symbols[index]
        body(symbol.id, start..<start + symbol.length)
        start += symbol.length
        index = symbol.next
      }
    }
  }

  /// Merges pairs until there is none left that was learnt: the pair that was learnt first before the others, and from
  /// the left.
  public func merge(_ word: inout Word) {
    // The heap is empty: each call leaves it so.
    word.symbols.withUnsafeMutableBufferPointer { symbols in
      word.candidates.insert(contentsOf: symbols.indices.compactMap { candidate(at: $0, symbols) })
      while let top = word.candidates.popMin() {
        let index = Int(top & 0xFFFF_FFFF)
        let result = results[Int(top >> 32)]
        let symbol = symbols[index]
        guard symbol.length > 0, symbol.next >= 0 else { continue }
        let right = symbols[symbol.next]
        // One of the two may have become another token since.
        guard let rank = ranks[MergeTable.pair(symbol.id, right.id)], results[Int(rank)] == result else {
          continue
        }
        symbols[symbol.next].length = 0
        symbols[index].id = result
        symbols[index].length += right.length
        symbols[index].next = right.next
        if right.next >= 0 { symbols[right.next].previous = index }
        if symbol.previous >= 0, let candidate = candidate(at: symbol.previous, symbols) {
          word.candidates.insert(candidate)
        }
        if let candidate = candidate(at: index, symbols) { word.candidates.insert(candidate) }
      }
    }
  }

  /// The rank of a symbol's pair with the next one, and behind it the symbol's index: what is least is merged first.
  private func candidate(at index: Int, _ symbols: UnsafeMutableBufferPointer<Symbol>) -> UInt64? {
    let symbol = symbols[index]
    guard symbol.next >= 0, let rank = ranks[MergeTable.pair(symbol.id, symbols[symbol.next].id)] else {
      return nil
    }
    return UInt64(rank) << 32 | UInt64(UInt32(truncatingIfNeeded: index))
  }
}
