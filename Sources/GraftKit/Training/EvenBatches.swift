/// A step's examples dealt out to its batches, so that each has about as many tokens as the others.
///
/// Ranks then compute for about as long, and none waits for the one that got the long texts. Who gets what depends on the
/// examples alone: one process that accumulates the batches has the same ones.
enum EvenBatches {
  /// The examples of some batches; each has an example at most at first, and all of them in the end.
  private struct Parts {
    /// The longest first.
    var batches: [(tokens: Int, places: [Int])]
    var difference: Int { batches[0].tokens - batches[batches.count - 1].tokens }

    /// Puts what others have much of to what this has little of.
    mutating func add(_ others: Parts) {
      for (index, other) in others.batches.reversed().enumerated() {
        batches[index].tokens += other.tokens
        batches[index].places += other.places
      }
      batches.sort { ($1.tokens, $0.places.first ?? .max) < ($0.tokens, $1.places.first ?? .max) }
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
    // By their differences, the least first.
    var parts = lengths.indices.map { place in
      Parts(
        batches: [(max(1, lengths[place]), [place])] + Array(repeating: (0, []), count: count - 1))
    }
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
