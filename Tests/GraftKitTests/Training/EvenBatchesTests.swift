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
}
