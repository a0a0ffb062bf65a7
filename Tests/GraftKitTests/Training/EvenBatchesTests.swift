import GraftCompute
import Testing

@testable import GraftKit

@Suite struct EvenBatchesTests {
  @Test func everyExampleIsDealtOnce() {
    for (lengths, count) in [
      ([5, 5, 5, 5, 5, 5], 3), ([1, 9, 2, 8, 3, 7, 30], 2), ([0, 0, 4], 3), ([7], 1), ([90, 1, 1], 3),
    ] {
      let batches = EvenBatches.places(lengths, batches: count)
      #expect(batches.count == count)
      #expect(batches.flatMap { $0 }.sorted() == Array(lengths.indices))
      #expect(batches.allSatisfy { !$0.isEmpty && $0 == $0.sorted() })
    }
    // Of equal ones each batch has equally many.
    let even = EvenBatches.places([Int](repeating: 5, count: 24), batches: 4)
    #expect(even.allSatisfy { $0.count == 6 })
  }

  /// Against all ways to deal eleven examples to two batches.
  @Test func theLongestBatchIsAboutAsShortAsCanBe() {
    let lengths = [12, 90, 33, 51, 7, 64, 20, 41, 77, 18, 29]
    let least =
      (0..<1 << lengths.count).map { bits in
        let first = lengths.indices.reduce(0) { $0 + (bits >> $1 & 1) * lengths[$1] }
        return max(first, lengths.reduce(0, +) - first)
      }.min() ?? 0
    let dealt = EvenBatches.places(lengths, batches: 2).map { $0.reduce(0) { $0 + lengths[$1] } }.max() ?? 0
    #expect(dealt <= least + least / 50, "\(dealt), \(least)")
  }

  /// The same with all batches written down, the empty ones too.
  private func naive(_ lengths: [Int], _ count: Int) -> [[Int]] {
    typealias Batch = (tokens: Int, places: [Int])
    func difference(_ batches: [Batch]) -> Int { batches[0].tokens - batches[count - 1].tokens }
    var parts = lengths.indices.map { place -> [Batch] in
      [(max(1, lengths[place]), [place])] + Array(repeating: (0, []), count: count - 1)
    }
    parts.sort { difference($0) < difference($1) }
    while parts.count > 1 {
      let (first, second) = (parts.removeLast(), parts.removeLast())
      var joined =
        zip(first, second.reversed()).map { ($0.tokens + $1.tokens, $0.places + $1.places) } as [Batch]
      joined.sort { ($1.tokens, $0.places.first ?? .max) < ($0.tokens, $1.places.first ?? .max) }
      let place = parts.firstIndex { difference($0) >= difference(joined) } ?? parts.count
      parts.insert(joined, at: place)
    }
    return parts[0].map { $0.places.sorted() }.sorted { ($0.first ?? .max) < ($1.first ?? .max) }
  }

  @Test func dealsAsWithEmptyBatches() {
    var random = RandomKey(seed: 3).generator
    for _ in 0..<300 {
      let lengths = (0..<Int.random(in: 1...40, using: &random)).map { _ in
        Int.random(in: 0...50, using: &random)
      }
      let count = Int.random(in: 1...lengths.count, using: &random)
      #expect(
        EvenBatches.places(lengths, batches: count)
          == (count == lengths.count ? lengths.indices.map { [$0] } : naive(lengths, count)),
        "\(lengths), \(count)")
    }
  }

  /// Many batches of few examples take memory for the examples alone.
  @Test func manyBatchesAreCheap() {
    let batches = EvenBatches.places((0..<6000).map { $0 % 97 + 3 }, batches: 4000)
    #expect(batches.count == 4000 && batches.allSatisfy { !$0.isEmpty })
  }
}
