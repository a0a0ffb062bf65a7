import Foundation
import TestSupport
import Testing

@testable import GraftCompute

/// Attention's options and the ops beside BERT's, against finite differences and against plain loops.
@Suite struct OptionGradientTests {
  private let offsets = [0, 3, 3, 4, 9]

  /// Attention in plain loops and double precision; `seen` and `added` are given head, sequence and two places.
  private func naive(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, heads: Int, scale: Double,
    seen: (_ i: Int, _ j: Int) -> Bool = { _, _ in true },
    added: (_ sequence: Int, _ head: Int, _ i: Int, _ j: Int) -> Double = { _, _, _, _ in 0 }
  ) -> [Float] {
    let (hidden, width) = (q.columns, q.columns / heads)
    var y = [Double](repeating: 0, count: q.count)
    for (sequence, (start, end)) in zip(offsets, offsets.dropFirst()).enumerated() {
      for head in 0..<heads {
        for i in 0..<(end - start) {
          let weights = (0..<(end - start)).map { j -> Double in
            guard seen(i, j) else { return 0 }
            let product = (0..<width).reduce(0.0) { sum, c in
              let column = head * width + c
              return sum + Double(q.pointer[(start + i) * hidden + column])
                * Double(k.pointer[(start + j) * hidden + column])
            }
            return exp(scale * product + added(sequence, head, i, j))
          }
          let total = weights.reduce(0, +)
          for (j, weight) in weights.enumerated() {
            for c in 0..<width {
              let column = head * width + c
              y[(start + i) * hidden + column] +=
                weight / total * Double(v.pointer[(start + j) * hidden + column])
            }
          }
        }
      }
    }
    return y.map { Float($0) }
  }

  private func expectSame(_ found: Tensor, _ expected: [Float]) {
    #expect(relativeError(found, Tensor(expected, shape: found.shape)) < 1e-6)
  }

  private let query = randomVariable([9, 6], seed: 1)
  private let key = randomVariable([9, 6], seed: 2)
  private let value = randomVariable([9, 6], seed: 3)

  @Test func defaultsAreTheSameBits() throws {
    let tape = Tape(try ReferenceBackend(threads: 2), recording: false)
    let plain = tape.attention(
      query: query, key: key, value: value, heads: 2, offsets: offsets, dropout: 0)
    let spelled = tape.attention(
      query: query, key: key, value: value, heads: 2, offsets: offsets, dropout: 0,
      scale: 1 / Float(3).squareRoot())
    #expect(plain.value.values == spelled.value.values)
    let wide = tape.attention(
      query: query, key: key, value: value, heads: 2, offsets: offsets, dropout: 0, window: 5)
    #expect(plain.value.values == wide.value.values)
  }

  @Test("a bias follows the columns of tokens where others were left out between them")
  func biasByColumns() throws {
    let columns: [Int32] = [1, 2, 5, 4, 0, 1, 3, 4, 9]
    let table = randomVariable([7, 2], seed: 4)
    let bias = RelativeBias(table: table, buckets: RelativeBuckets(reach: 3) { $0 + 3 })
    let added = randomVariable([2 * (9 + 1 + 25), 1], seed: 5)
    func attention(_ tape: Tape, _ added: Variable? = nil, columns: [Int32]) -> Variable {
      tape.attention(
        query: query, key: key, value: value, heads: 2, offsets: offsets, dropout: 0, bias: bias,
        columns: RowIndices(columns), addedScores: added)
    }
    func expected(_ columns: [Int32]) -> [Float] {
      naive(
        query.value, key.value, value.value, heads: 2, scale: 1 / 3.0.squareRoot(),
        added: { sequence, head, i, j in
          let start = offsets[sequence]
          let distance = Int(columns[start + j] - columns[start + i])
          return Double(table.value.pointer[(min(3, max(-3, distance)) + 3) * 2 + head])
        })
    }
    let tape = Tape(try ReferenceBackend(threads: 1), recording: false)
    expectSame(attention(tape, columns: columns).value, expected(columns))
    // Without gaps, wherever a sequence begins.
    let consecutive: [Int32] = [7, 8, 9, 0, 2, 3, 4, 5, 6]
    expectSame(attention(tape, columns: consecutive).value, expected(consecutive))
    try expectGradientsMatchDifferences(of: [query, key, value, table]) { attention($0, columns: columns) }
    try expectGradientsMatchDifferences(of: [table, added]) { attention($0, added, columns: columns) }
  }

  @Test(arguments: [0, 1, 3])
  func window(_ window: Int) throws {
    let tape = Tape(try ReferenceBackend(threads: 1), recording: false)
    let y = tape.attention(
      query: query, key: key, value: value, heads: 2, offsets: offsets, dropout: 0, scale: 0.4,
      window: window)
    expectSame(
      y.value,
      naive(
        query.value, key.value, value.value, heads: 2, scale: Double(Float(0.4)),
        seen: { abs($0 - $1) <= window }))
    guard window > 0 else { return }
    for dropout: Float in [0, 0.3] {
      try expectGradientsMatchDifferences(of: [query, key, value], dropoutKey: RandomKey(seed: 7)) {
        $0.attention(
          query: query, key: key, value: value, heads: 2, offsets: offsets, dropout: dropout, scale: 0.4,
          window: window)
      }
    }
  }

  @Test func biasByDistance() throws {
    let buckets = RelativeBuckets(reach: 3) { $0 < 0 ? -$0 : $0 == 0 ? 0 : 3 + $0 }
    #expect(buckets.count == 7 && buckets[-20] == 3 && buckets[20] == 6)
    // A row more than there are buckets.
    let table = randomVariable([8, 2], seed: 4)
    let bias = RelativeBias(table: table, buckets: buckets)
    for threads in [1, 2] {
      let tape = Tape(try ReferenceBackend(threads: threads), recording: false)
      let y = tape.attention(
        query: query, key: key, value: value, heads: 2, offsets: offsets, dropout: 0, scale: 0.5, window: 3,
        bias: bias)
      let expected = naive(
        query.value, key.value, value.value, heads: 2, scale: 0.5, seen: { abs($0 - $1) <= 3 },
        added: { _, head, i, j in Double(table.value.pointer[buckets[j - i] * 2 + head]) })
      expectSame(y.value, expected)
    }
    for dropout: Float in [0, 0.3] {
      try expectGradientsMatchDifferences(of: [query, key, value, table], dropoutKey: RandomKey(seed: 7)) {
        $0.attention(
          query: query, key: key, value: value, heads: 2, offsets: offsets, dropout: dropout, scale: 0.5,
          bias: bias)
      }
    }
    #expect(table.gradient?.values[14...] == [0, 0])
  }

  @Test func aTableSharedByTwoLayersGetsBothGradients() throws {
    let table = randomVariable([5, 2], seed: 4)
    let bias = RelativeBias(table: table, buckets: RelativeBuckets(reach: 2) { $0 + 2 })
    try expectGradientsMatchDifferences(of: [table]) { tape in
      let first = tape.attention(
        query: query, key: key, value: value, heads: 2, offsets: offsets, dropout: 0, bias: bias)
      return tape.attention(
        query: first, key: key, value: value, heads: 2, offsets: offsets, dropout: 0, bias: bias)
    }
  }

  @Test func addedScores() throws {
    // Two heads of sequences of 3, 0, 1 and 5 tokens.
    let scores = randomVariable([2 * (9 + 1 + 25), 1], seed: 4)
    let starts = [0, 18, 18, 20]
    let tape = Tape(try ReferenceBackend(threads: 2), recording: false)
    let y = tape.attention(
      query: query, key: key, value: value, heads: 2, offsets: offsets, dropout: 0, scale: 0.5,
      addedScores: scores)
    let expected = naive(
      query.value, key.value, value.value, heads: 2, scale: 0.5,
      added: { sequence, head, i, j in
        let length = self.offsets[sequence + 1] - self.offsets[sequence]
        return Double(scores.value.pointer[starts[sequence] + (head * length + i) * length + j])
      })
    expectSame(y.value, expected)
    // Those of a sequence of one token change nothing.
    try expectGradientsMatchDifferences(of: [query, key, value, scores]) {
      $0.attention(
        query: query, key: key, value: value, heads: 2, offsets: offsets, dropout: 0, scale: 0.5,
        addedScores: scores)
    }
    try expectGradientsMatchDifferences(of: [scores]) { tape in
      let doubled = tape.add(scores, scores)
      return tape.attention(
        query: query, key: key, value: value, heads: 2, offsets: offsets, dropout: 0, addedScores: doubled)
    }
  }

  @Test func rotary() throws {
    let x = randomVariable([4, 8], seed: 1)
    let rotation = Rotation(positions: [0, 1, 2, 7], width: 4, base: 100)
    try expectGradientsMatchDifferences(of: [x]) { $0.rotary(x, rotation, heads: 2) }
    // Position 0 turns nothing, and no position changes a length.
    let y = Tape(try ReferenceBackend(threads: 1), recording: false).rotary(x, rotation, heads: 2)
    #expect(y.value.values[..<8] == x.value.values[..<8])
    func squares(_ values: ArraySlice<Float>) -> Float { values.reduce(0) { $0 + $1 * $1 } }
    #expect(abs(squares(y.value.values[24...]) / squares(x.value.values[24...]) - 1) < 1e-6)
    // The product of two turned vectors depends on their distance.
    let one = Variable(Tensor([0, 1].flatMap { _ in x.value.values[..<8] }, shape: [2, 8]))
    func product(_ first: Int32, _ second: Int32) throws -> Float {
      let rotation = Rotation(positions: [first, second], width: 8, base: 100)
      let y = Tape(try ReferenceBackend(threads: 1), recording: false).rotary(one, rotation, heads: 1)
      return (0..<8).reduce(0) { $0 + y.value.values[$1] * y.value.values[8 + $1] }
    }
    #expect(abs(try product(3, 5) - product(10, 12)) < 1e-5)
    #expect(abs(try product(3, 5) - product(3, 6)) > 1e-3)
  }

  @Test func withoutBias() throws {
    let x = randomVariable([5, 7], seed: 1)
    let weight = randomVariable([7], seed: 2, scale: 0.3, offset: 1)
    try expectGradientsMatchDifferences(of: [x, weight]) {
      $0.layerNorm(x, residual: x, weight: weight, bias: nil, epsilon: 1)
    }
    let words = randomVariable([6, 7], seed: 3)
    try expectGradientsMatchDifferences(of: [words, weight]) {
      $0.normalizedEmbeddingSum(
        [(words, [5, 0, 0, 2])], weight: weight, bias: nil, epsilon: 1, dropout: 0)
    }
  }

  @Test func multiply() throws {
    let (x, y) = (randomVariable([5, 4], seed: 1), randomVariable([5, 4], seed: 2))
    try expectGradientsMatchDifferences(of: [x, y]) { $0.multiply(x, y) }
    try expectGradientsMatchDifferences(of: [x]) { $0.multiply(x, x) }
  }

  @Test func scale() throws {
    let x = randomVariable([5, 4], seed: 1)
    try expectGradientsMatchDifferences(of: [x]) { $0.add($0.scale(x, by: -1.5), x) }
  }

  @Test func columns() throws {
    let x = randomVariable([5, 6], seed: 1)
    try expectGradientsMatchDifferences(of: [x]) {
      $0.multiply($0.columns(x, 0..<3), $0.activate($0.columns(x, 2..<5), .silu))
    }
    // A column that nobody took has no part in the loss.
    #expect((0..<5).allSatisfy { x.gradient?.values[$0 * 6 + 5] == 0 })
  }

  @Test(arguments: SequencePooling.allCases, [0, 2]) func sequencePool(_ mode: SequencePooling, skipped: Int)
    throws
  {
    let x = randomVariable([9, 4], seed: 11)
    try expectGradientsMatchDifferences(of: [x], step: 0.01, tolerance: 2e-3) {
      $0.sequencePool(x, offsets: offsets, modes: [mode, .mean], skipping: skipped)
    }
  }

  @Test func normalizeRows() throws {
    let x = randomVariable([4, 5], seed: 12)
    try expectGradientsMatchDifferences(of: [x], step: 0.01, tolerance: 1e-3) { $0.normalizeRows(x) }
    let zeros = Variable(Tensor(repeating: 0, shape: [2, 3]))
    #expect(
      Tape(try ReferenceBackend(threads: 1)).normalizeRows(zeros).value.values.allSatisfy { $0 == 0 })
  }

  @Test func sequenceMean() throws {
    let x = randomVariable([9, 3], seed: 1)
    try expectGradientsMatchDifferences(of: [x]) { $0.sequenceMean(x, offsets: offsets) }
    try expectGradientsMatchDifferences(of: [x]) { tape in
      tape.sequenceMean(tape.add(x, x), offsets: offsets)
    }
    let y = Tape(try ReferenceBackend(threads: 1), recording: false).sequenceMean(x, offsets: offsets)
    #expect(y.value.values[3..<6] == [0, 0, 0])
  }

  @Test func sequenceSoftmax() throws {
    let x = randomVariable([9, 2], seed: 1)
    try expectGradientsMatchDifferences(of: [x]) { $0.sequenceSoftmax(x, offsets: offsets) }
  }

  @Test func sequenceCrossEntropy() throws {
    let x = randomVariable([9, 2], seed: 1)
    try expectGradientsMatchDifferences(of: [x]) { tape in
      let start = tape.sequenceCrossEntropy(x, column: 0, places: [2, -100, 0, 1], offsets: offsets)
      let end = tape.sequenceCrossEntropy(x, column: 1, places: [0, -100, -100, 4], offsets: offsets)
      return tape.scale(tape.add(start, end), by: 0.5)
    }
    let tape = Tape(try ReferenceBackend(threads: 1), recording: false)
    #expect(
      tape.sequenceCrossEntropy(x, column: 0, places: [-100, -100, -100, -100], offsets: offsets).value.item
        == 0)
    // A score far out overflows nothing.
    x.value.pointer[0] = 1e4
    let loss = tape.sequenceCrossEntropy(x, column: 0, places: [1, -100, -100, -100], offsets: offsets)
    #expect(abs(loss.value.item - (1e4 - x.value.pointer[2])) < 1e-2)
  }
}
