import Foundation
import GraftTensors
import TestSupport
import Testing

@testable import GraftCompute

/// In which precision attention multiplies, against a naive head of one sequence.
@Suite struct AttentionPrecisionTests {
  private let inputs = (1...3).map { randomVariable([7, 4], seed: $0) }
  private let table = randomVariable([5, 1], seed: 4)

  private func attention(_ tape: Tape) -> Variable {
    let bias = RelativeBias(table: table, buckets: RelativeBuckets(reach: 2) { $0 + 2 })
    return tape.attention(
      query: inputs[0], key: inputs[1], value: inputs[2], heads: 1, offsets: [0, 7], dropout: 0, scale: 0.7,
      bias: bias)
  }

  @Test("a training step multiplies in bfloat16")
  func recorded() throws {
    let tape = Tape(try ReferenceBackend(threads: 1, precision: .bfloat16))
    let y = attention(tape)
    let upstream = randomVariable([7, 4], seed: 5).value
    tape.backward(from: y, gradient: Tensor(upstream.values, shape: upstream.shape))

    func rounded(_ x: Float) -> Double { Double(Float(BFloat16(x))) }
    func row(_ tensor: Tensor, _ row: Int) -> [Double] {
      (0..<4).map { rounded(tensor.values[row * 4 + $0]) }
    }
    let weights = (0..<7).map { i -> [Double] in
      let scores = (0..<7).map { j -> Double in
        let product = zip(row(inputs[0].value, i), row(inputs[1].value, j)).reduce(0) { $0 + $1.0 * $1.1 }
        return 0.7 * product + Double(table.value.values[max(-2, min(2, j - i)) + 2])
      }
      let total = scores.reduce(0) { $0 + exp($1) }
      return scores.map { exp($0) / total }
    }
    for i in 0..<7 {
      for c in 0..<4 {
        let expected = (0..<7).reduce(0) { $0 + rounded(Float(weights[i][$1])) * row(inputs[2].value, $1)[c] }
        #expect(abs(Double(y.value.values[i * 4 + c]) - expected) < 2e-3)
        let gradient = (0..<7).reduce(0) { $0 + rounded(Float(weights[$1][i])) * row(upstream, $1)[c] }
        #expect(abs(Double(try #require(inputs[2].gradient).values[i * 4 + c]) - gradient) < 2e-3)
      }
    }
    let exact = attention(Tape(try ReferenceBackend(threads: 1)))
    #expect(relativeError(y.value, exact.value) > 1e-4)
  }

  @Test("without gradients it multiplies in the backend's precision, or in that of the packed weights")
  func notRecorded() throws {
    func y(_ precision: Precision, _ prepared: Precision? = nil, recording: Bool = false) throws -> [Float] {
      let weights = prepared.map { PreparedWeights(precision: { _ in .float32 }, attention: $0) }
      let backend = try ReferenceBackend(threads: 1, precision: precision)
      return attention(Tape(backend, recording: recording, prepared: weights)).value.values
    }
    let exact = try y(.float32, recording: true)
    let rounded = try y(.bfloat16, recording: true)
    #expect(exact != rounded)
    #expect(try y(.float32) == exact)
    #expect(try y(.bfloat16) == rounded)
    #expect(try y(.bfloat16, .float32) == exact)
    #expect(try y(.float32, .bfloat16) == rounded)
  }
}
