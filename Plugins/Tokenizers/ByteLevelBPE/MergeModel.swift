import GraftTensors
import HeapModule
import TokenizerKit

/// The byte-pair model: the bytes of a word become tokens, and pairs of tokens become one, the pair that was
/// learnt first before the others and from the left.
///
/// Reference: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", 2016; Radford et al.,
/// "Language Models are Unsupervised Multitask Learners", 2019, section 2.2.
struct MergeModel: Sendable {
  /// What stands for bytes that the vocabulary does not have.
  struct Unknown: Sendable {
    var id: Int32
    /// Whether one token stands for all that follow each other.
    var isFused: Bool
  }

  /// By byte: its token, or `nil` when the vocabulary has none.
  private let byteTokens: [Int32?]
  /// By byte: how long it is where tokens are laid out for offsets.
  private let lengths: [Int]
  /// By the ids of two tokens: when the pair was learnt, as an index of `results`.
  private let ranks: [UInt64: UInt32]
  /// By rank: the token that the pair becomes.
  private let results: [Int32]
  private let unknown: Unknown?
  /// The vocabulary, where words that are in it are not split.
  private let wholeWords: PieceTable?

  /// - Parameters:
  ///   - vocabulary: Has the tokens in ``ByteLevelAlphabet``.
  ///   - merges: The pairs in the order in which they were learnt. Of equal pairs the last counts.
  ///   - keepsWholeWords: Whether a word that the vocabulary has is not split.
  /// - Throws: ``GraftError`` for a merge of or into something that the vocabulary does not have.
  init(
    _ vocabulary: Vocabulary, merges: [TokenizerDocument.Merge], unknown: Unknown?, keepsWholeWords: Bool
  ) throws {
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
      let pair = try MergeModel.pair(id(merge.left, rank + 1), id(merge.right, rank + 1))
      results.append(try id(merge.left + merge.right, rank + 1))
      ranks[pair] = UInt32(truncatingIfNeeded: rank)
    }
    self.ranks = ranks
    self.results = results
    byteTokens = (0...UInt8.max).map { byte in
      vocabulary.model.find(String(decoding: ByteLevelAlphabet.token(of: [byte]), as: UTF8.self))
    }
    // A byte without a token is left out, and what follows it moves up: in `tokenizers` by as much as the byte's
    // spelling takes in UTF-8.
    let isComplete = unknown != nil || !byteTokens.contains(nil)
    lengths = (0...UInt8.max).map { isComplete ? 1 : ByteLevelAlphabet.token(of: [$0]).count }
    self.unknown = unknown
    wholeWords = keepsWholeWords ? vocabulary.model : nil
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

  /// Memory that one word after the other uses again.
  struct Workspace {
    fileprivate var symbols: [Symbol] = []
    /// Which scalars of the text the bytes of the word belong to.
    var origins: [Int] = []
    fileprivate var candidates = Heap<UInt64>()
  }

  /// Appends the tokens of a word.
  ///
  /// - Parameters:
  ///   - word: Any bytes.
  ///   - workspace: With the origins of the bytes.
  func split(
    _ word: Slice<UnsafeBufferPointer<UInt8>>, into pieces: inout Pieces, _ workspace: inout Workspace
  ) {
    if let wholeWords, let id = find(word, wholeWords), let first = workspace.origins.first,
      let last = workspace.origins.last
    {
      return pieces.append(id, first..<last + 1)
    }
    layOut(word, &workspace)
    merge(&workspace)
    var start = 0
    var index = workspace.symbols.isEmpty ? -1 : 0
    while index >= 0 {
      let symbol = workspace.symbols[index]
      let end = start + symbol.length
      pieces.append(symbol.id, workspace.origins[start]..<workspace.origins[end - 1] + 1)
      start = end
      index = symbol.next
    }
  }

  private func find(_ word: Slice<UnsafeBufferPointer<UInt8>>, _ table: PieceTable) -> Int32? {
    guard word.count <= table.maximumLength else { return nil }
    let spelling = ByteLevelAlphabet.token(of: word) + Array(repeating: 0, count: PieceTable.padding)
    return spelling.withUnsafeBufferPointer { spelling in
      spelling.baseAddress.flatMap { table.find($0, spelling.count - PieceTable.padding) }
    }
  }

  /// Makes a symbol of each byte.
  private func layOut(_ word: Slice<UnsafeBufferPointer<UInt8>>, _ workspace: inout Workspace) {
    workspace.symbols.removeAll(keepingCapacity: true)
    func append(_ id: Int32, _ length: Int) {
      let index = workspace.symbols.count
      if index > 0 { workspace.symbols[index - 1].next = index }
      workspace.symbols.append(Symbol(id: id, length: length, previous: index - 1, next: -1))
    }
    var unknownLength = 0
    for byte in word {
      let length = lengths[Int(byte)]
      if let id = byteTokens[Int(byte)] {
        if let unknown, unknownLength > 0 { append(unknown.id, unknownLength) }
        unknownLength = 0
        append(id, length)
      } else if let unknown {
        if unknownLength > 0, !unknown.isFused {
          append(unknown.id, unknownLength)
          unknownLength = 0
        }
        unknownLength += length
      }
    }
    if let unknown, unknownLength > 0 { append(unknown.id, unknownLength) }
    guard lengths[0] != 1 || lengths[0x20] != 1 else { return }
    workspace.origins = zip(word, workspace.origins).flatMap { byte, origin in
      repeatElement(origin, count: lengths[Int(byte)])
    }
  }

  /// Merges pairs until there is none left that was learnt.
  private func merge(_ workspace: inout Workspace) {
    // The heap is empty: each call leaves it so.
    workspace.symbols.withUnsafeMutableBufferPointer { symbols in
      workspace.candidates.insert(contentsOf: symbols.indices.compactMap { candidate(at: $0, symbols) })
      while let top = workspace.candidates.popMin() {
        let index = Int(top & 0xFFFF_FFFF)
        let result = results[Int(top >> 32)]
        let symbol = symbols[index]
        guard symbol.length > 0, symbol.next >= 0 else { continue }
        let right = symbols[symbol.next]
        // One of the two may have become another token since.
        guard let rank = ranks[MergeModel.pair(symbol.id, right.id)], results[Int(rank)] == result else {
          continue
        }
        symbols[symbol.next].length = 0
        symbols[index].id = result
        symbols[index].length += right.length
        symbols[index].next = right.next
        if right.next >= 0 { symbols[right.next].previous = index }
        if symbol.previous >= 0, let candidate = candidate(at: symbol.previous, symbols) {
          workspace.candidates.insert(candidate)
        }
        if let candidate = candidate(at: index, symbols) { workspace.candidates.insert(candidate) }
      }
    }
  }

  /// The rank of a symbol's pair with the next one, and behind it the symbol's index: what is least is merged first.
  private func candidate(at index: Int, _ symbols: UnsafeMutableBufferPointer<Symbol>) -> UInt64? {
    let symbol = symbols[index]
    guard symbol.next >= 0, let rank = ranks[MergeModel.pair(symbol.id, symbols[symbol.next].id)] else {
      return nil
    }
    return UInt64(rank) << 32 | UInt64(UInt32(truncatingIfNeeded: index))
  }
}
