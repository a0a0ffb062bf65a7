/// A step's examples dealt out to its batches, so that each has about as many tokens as the others.
///
/// Ranks then compute for about as long, and none waits for the one that got the long texts. Who gets what depends on the
/// examples alone: one process that accumulates the batches has the same ones.
enum EvenBatches {
  private typealias Batch = (tokens: Int, places: [Int])

  /// The examples of some batches: one example at first, all of them in the end.
  private struct Parts {
    /// How many batches there are.
    let count: Int
    /// Those that are not empty, the longest first.
    var batches: [Batch]
    var difference: Int {
      batches[0].tokens - (batches.count < count ? 0 : batches[batches.count - 1].tokens)
    }

    /// Puts what others have much of to what this has little of, which is nothing where there are empty ones.
    mutating func add(_ others: Parts) {
      let joined = max(0, batches.count + others.batches.count - count)
      for index in 0..<joined {
        let (own, other) = (batches.count - 1 - index, others.batches.count - joined + index)
        batches[own].tokens += others.batches[other].tokens
        batches[own].places += others.batches[other].places
      }
      let (changed, rest) = (batches.suffix(joined).sorted(by: Self.precedes), batches.dropLast(joined))
      batches = Self.merged(Self.merged(rest, changed[...]), others.batches.dropLast(joined)[...])
    }

    private static func precedes(_ first: Batch, _ second: Batch) -> Bool {
      (second.tokens, first.places[0]) < (first.tokens, second.places[0])
    }

    private static func merged(_ first: some Collection<Batch>, _ second: some Collection<Batch>) -> [Batch] {
      var (merged, rest) = ([Batch](), second[...])
      merged.reserveCapacity(first.count + second.count)
      for batch in first {
        while let next = rest.first, precedes(next, batch) { merged.append(rest.removeFirst()) }
        merged.append(batch)
      }
      return merged + rest
    }
  }

  /// The places of each batch's examples, in their order.
  ///
  /// Again and again the two are joined that are the least even, so that their differences cancel out. Karmarkar & Karp,
  /// "The Differencing Method of Set Partitioning", UCB/CSD 82/113, 1982.
  ///
  /// - Parameters:
  ///   - lengths: The tokens of each example.
  ///   - count: How many batches there are, at most as many as examples; none stays empty.
  static func places(_ lengths: [Int], batches count: Int) -> [[Int]] {
    if count == lengths.count { return lengths.indices.map { [$0] } }
    // By their differences, the least first.
    var parts = lengths.indices.map { Parts(count: count, batches: [(max(1, lengths[$0]), [$0])]) }
      .sorted { $0.difference < $1.difference }
    while parts.count > 1, var joined = parts.popLast(), let other = parts.popLast() {
      joined.add(other)
      var (low, high) = (0, parts.count)
      while low < high {
        let middle = (low + high) / 2
        if parts[middle].difference < joined.difference { low = middle + 1 } else { high = middle }
      }
      parts.insert(joined, at: low)
    }
    let batches = parts.first?.batches.map { $0.places.sorted() } ?? []
    return batches.sorted { ($0.first ?? .max) < ($1.first ?? .max) }
  }
}
