import GraftTensors
import Synchronization
import Testing

@testable import GraftCompute

@Suite struct BatchPartsTests {
  private func offsets(_ lengths: [Int]) -> [Int] {
    lengths.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
  }

  @Test("parts are of about one size, and as many as threads take evenly") func sizes() {
    for (count, threads) in [(32, 2), (33, 2), (100, 3), (17, 2), (64, 4)] {
      let lengths = (0..<count).map { 60 - $0 % 7 }
      let ranges = BatchParts(offsets(lengths), threads: threads).ranges
      #expect(ranges.count.isMultiple(of: threads))
      #expect(ranges.flatMap(Array.init) == Array(0..<count))
      for range in ranges {
        let tokens = lengths[range].reduce(0, +)
        #expect(BatchParts.leastTokens - 60...BatchParts.mostTokens + 60 ~= tokens)
      }
    }
  }

  @Test("a batch that is small, uneven or for one thread stays whole") func whole() {
    for (lengths, threads) in [
      ([], 2), ([500], 2), ([60, 60], 2), (Array(repeating: 60, count: 32), 1),
      ([500, 20, 20, 20], 2), (Array(repeating: 60, count: 32), 64), ([0, 0, 300], 2),
    ] {
      #expect(BatchParts(offsets(lengths), threads: threads).ranges == [0..<lengths.count])
    }
  }

  /// A row for each token: what the batch says of it.
  private func described(_ batch: Batch, _ tape: Tape) -> Variable {
    let counted = batch.positions(after: 1).values
    let rows = zip(zip(batch.ids.values, batch.tokenTypes.values), zip(batch.positions.values, counted))
    return Variable(
      Tensor(rows.flatMap { [$0.0, $0.1, $1.0, $1.1].map(Float.init) }, shape: [batch.tokenCount, 4]))
  }

  private func batch() -> Batch {
    var batch = Batch()
    for sequence in 0..<Int32(40) {
      let ids = (0..<20 + sequence % 5).map { 2 + ($0 * 7 + sequence) % 50 }
      let types = ids.map { $0 % 2 }
      if sequence % 3 == 0 {
        // Padding in front, which positions count.
        let mask = ids.indices.map { $0 > 3 }
        batch.append(paddedRow: zip(ids, mask).map { $1 ? $0 : 1 }, tokenTypes: types, mask: mask)
      } else {
        batch.append(ids: ids, tokenTypes: types, positions: Array(0..<Int32(ids.count)))
      }
    }
    return batch
  }

  private func tape(threads: Int) throws -> Tape {
    let backend = try ReferenceBackend(threads: threads)
    let weights = PreparedWeights(precision: { _ in .float32 })
    let tape = Tape(backend, recording: false, pool: MemoryPool(), prepared: weights)
    let weight = Parameter("w", Tensor([1, 2], shape: [1, 2]), decays: false)
    // Something is packed.
    _ = tape.linear(Variable(Tensor([3, 4], shape: [1, 2])), weight: weight, bias: nil)
    return tape
  }

  @Test("a part says of its tokens what the batch does, and rows come in order") func values() throws {
    let batch = batch()
    let tape = try tape(threads: 3)
    let calls = Atomic(0)
    let y = try tape.inParts(of: batch, width: 4) {
      calls.add(1, ordering: .relaxed)
      return described($0, $1)
    }
    #expect(y.value.values == described(batch, tape).value.values)
    #expect(calls.load(ordering: .relaxed) == 6)
  }

  @Test("of parts that fail, the first says why") func failures() throws {
    let batch = batch()
    let ranges = BatchParts(batch.offsets, threads: 2).ranges
    #expect(ranges.count > 2)
    let error = #expect(throws: GraftError.self) {
      try tape(threads: 2).inParts(of: batch, width: 4) { part, tape in
        guard part != batch.part(ranges[0]) else { return described(part, tape) }
        throw GraftError(.mismatch, "\(part.ids.values[0])")
      }
    }
    #expect(error?.problem == "\(batch.part(ranges[1]).ids.values[0])")
  }
}
