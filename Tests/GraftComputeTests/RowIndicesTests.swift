import GraftCompute
import Testing

/// Row numbers: their values, and where they say they come from.
@Suite struct IndicesTests {
  private func batch(_ sequences: [[Int32]]) -> Batch {
    var batch = Batch()
    for ids in sequences {
      batch.append(
        ids: ids, tokenTypes: [Int32](repeating: 0, count: ids.count), positions: Array(0..<Int32(ids.count)))
    }
    return batch
  }

  @Test("positions after padding count what is not padding, anew in each sequence")
  func positionsAfterPadding() {
    let batch = batch([[0, 7, 1, 9], [], [1, 1, 5], [4]])
    #expect(batch.positions(after: 1).values == [2, 3, 1, 4, 1, 1, 2, 2])
    #expect(batch.positions(after: 7).values == [8, 7, 9, 10, 8, 9, 10, 8])
  }

  @Test func derivedValues() {
    let batch = batch([[4, 5], [6]])
    #expect((batch.positions + 2).values == [2, 3, 2])
    #expect(RowIndices(repeating: 0, like: batch.ids).values == [0, 0, 0])
    #expect(batch.firstTokens.values == [0, 2])
  }

  @Test("the origin tells what an index is, and the values do not")
  func origins() {
    var batch = batch([[0, 1]])
    // Ids that look like positions.
    #expect(batch.ids == batch.positions)
    #expect(batch.ids.origin != batch.positions.origin)
    #expect(batch.positions(after: 1).origin == self.batch([[9, 9]]).positions(after: 1).origin)
    #expect(batch.positions(after: 1).origin != batch.positions(after: 0).origin)
    #expect((batch.positions + 2).origin != (batch.positions + 3).origin)
    #expect((batch.positions + 2).origin != (batch.ids + 2).origin)
    #expect((batch.ids + 1).origin.hashValue == (batch.ids + 1).origin.hashValue)
    // What masking writes are still the batch's ids.
    let origin = batch.ids.origin
    batch.ids[1] = 103
    #expect(batch.ids.values == [0, 103] && batch.ids.origin == origin)
    let literal: RowIndices = [0, 103]
    #expect(literal == batch.ids && literal.origin == .none)
  }
}
