import GraftCompute
import GraftCore
import GraftTensors
import Safetensors
import TestSupport
import Testing

@testable import DeBERTa

/// Against plain loops, PyTorch and finite differences.
@Suite("Disentangled attention") struct DisentangledScoresTests {
  private static let distances = RelativeDistances(buckets: 8, furthest: 7)
  private let heads = 2
  private let query = randomVariable([9, 6], seed: 1)
  private let key = randomVariable([9, 6], seed: 2)
  private let positionKey = randomVariable([16, 6], seed: 3)
  private let positionQuery = randomVariable([16, 6], seed: 4)

  /// Sequences of 3, 0, 1 and 5 tokens; of the last, some tokens of a padded row were left out.
  private static func batch(hasHoles: Bool) -> Batch {
    var batch = Batch()
    for length: Int32 in [3, 0, 1, 5] {
      let zeros = [Int32](repeating: 0, count: Int(length))
      let positions = hasHoles && length == 5 ? [2, 3, 6, 7, 12] : Array(0..<length)
      batch.append(ids: zeros, tokenTypes: zeros, positions: positions)
    }
    return batch
  }

  private func naive(_ batch: Batch, _ positionKey: Tensor?, _ positionQuery: Tensor?) -> [Float] {
    let width = 6 / heads
    func product(_ a: Tensor, _ i: Int, _ b: Tensor, _ j: Int, _ head: Int) -> Double {
      (head * width..<(head + 1) * width).reduce(0) {
        $0 + Double(a.pointer[i * 6 + $1]) * Double(b.pointer[j * 6 + $1])
      }
    }
    var scores: [Float] = []
    for (start, end) in zip(batch.offsets, batch.offsets.dropFirst()) {
      for head in 0..<heads {
        for i in start..<end {
          for j in start..<end {
            let row = Self.distances.row(Int(batch.positions[i] - batch.positions[j]))
            var score = 0.0
            if let positionKey { score += product(query.value, i, positionKey, row, head) }
            if let positionQuery { score += product(key.value, j, positionQuery, row, head) }
            scores.append(Float(0.3 * score))
          }
        }
      }
    }
    return scores
  }

  private func scores(
    _ batch: Batch, _ positionKey: Variable?, _ positionQuery: Variable?, _ tape: Tape
  ) -> Variable {
    tape.disentangledScores(
      query: query, key: key, positionKey: positionKey, positionQuery: positionQuery, rows: 0..<16,
      Self.distances, heads: heads, batch, scale: 0.3)
  }

  @Test("is what plain loops compute", arguments: [false, true], [1, 3])
  func plainLoops(_ hasHoles: Bool, _ threads: Int) throws {
    let batch = Self.batch(hasHoles: hasHoles)
    for (first, second) in [(positionKey, positionQuery), (positionKey, nil), (nil, positionQuery)] {
      let tape = Tape(try ReferenceBackend(threads: threads), recording: false)
      let found = scores(batch, first, second, tape).value.values
      let expected = naive(batch, first?.value, second?.value)
      #expect(found.count == expected.count)
      #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-5 })
    }
  }

  @Test("some rows of the table give the same as all", arguments: [false, true])
  func rows(_ hasHoles: Bool) throws {
    let batch = Self.batch(hasHoles: hasHoles)
    let tape = Tape(try ReferenceBackend(threads: 1), recording: false)
    let rows = Self.distances.rows(upTo: hasHoles ? 10 : 4)
    func part(_ x: Variable) -> Variable { tape.gatherRows(x, RowIndices(rows.map(Int32.init))) }
    let found = tape.disentangledScores(
      query: query, key: key, positionKey: part(positionKey), positionQuery: part(positionQuery), rows: rows,
      Self.distances, heads: heads, batch, scale: 0.3)
    #expect(found.value.values == scores(batch, positionKey, positionQuery, tape).value.values)
  }

  @Test("has the gradients of finite differences", arguments: [false, true])
  func gradients(_ hasHoles: Bool) throws {
    let batch = Self.batch(hasHoles: hasHoles)
    try expectGradientsMatchDifferences(of: [query, key, positionKey, positionQuery]) {
      scores(batch, positionKey, positionQuery, $0)
    }
    try expectGradientsMatchDifferences(of: [query, positionKey]) { scores(batch, positionKey, nil, $0) }
    try expectGradientsMatchDifferences(of: [key, positionQuery]) { tape in
      tape.add(scores(batch, nil, positionQuery, tape), scores(batch, nil, positionQuery, tape))
    }
  }

  @Test("agrees with PyTorch, forward and backward")
  func golden() throws {
    let file = try Self.open("disentangled_scores")
    func variable(_ name: String) throws -> Variable {
      Variable(try Tensor(try #require(file[name])), needsGradient: true)
    }
    let names = ["q", "k", "position_key", "position_query"]
    let inputs = try names.map(variable)
    var batch = Batch()
    let offsets = try #require(file["offsets"]).integers()
    for (start, end) in zip(offsets, offsets.dropFirst()) {
      let zeros = [Int32](repeating: 0, count: end - start)
      batch.append(ids: zeros, tokenTypes: zeros, positions: Array(0..<Int32(end - start)))
    }
    let tape = Tape(try ReferenceBackend(threads: 2))
    let y = tape.disentangledScores(
      query: inputs[0], key: inputs[1], positionKey: inputs[2], positionQuery: inputs[3], rows: 0..<16,
      Self.distances, heads: 3, batch, scale: 0.25)
    func expectSame(_ found: Tensor?, _ name: String) throws {
      let expected = try #require(file[name]).floats()
      let largest = expected.reduce(0) { max($0, abs($1)) }
      let found = try #require(found).values
      #expect(found.count == expected.count)
      #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-5 * largest }, "\(name)")
    }
    try expectSame(y.value, "output")
    tape.backward(from: y, gradient: try Tensor(try #require(file["grad.output"])))
    for (name, input) in zip(names, inputs) { try expectSame(input.gradient, "grad.\(name)") }
  }

  @Test("a distance has the row that transformers gives it")
  func distances() throws {
    let file = try Self.open("relative_distances")
    let distances = try #require(file["distances"]).integers()
    for (name, tensor) in file.tensors where name != "distances" {
      let numbers = name.split(separator: " of ").compactMap { Int($0) }
      let rows = RelativeDistances(
        buckets: numbers.count > 1 ? numbers[0] : nil, furthest: numbers.last ?? 0)
      #expect(try tensor.integers() == distances.map(rows.row), "\(name)")
      #expect(rows.all == (-rows.furthest...rows.furthest).map(rows.row))
      #expect(rows.row(10_000) == rows.row(rows.furthest) && rows.row(-10_000) == 0)
    }
  }

  private static func open(_ name: String) throws -> Weights {
    try Registry([SafetensorsPlugin.self]).openWeights(
      fixtures.appending(path: "gradients/\(name).safetensors")
    ).weights
  }
}
