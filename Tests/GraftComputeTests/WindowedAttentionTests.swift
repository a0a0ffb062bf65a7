import TestSupport
import Foundation
import Testing

@testable import GraftCompute

/// A window over sequences longer than the tiles that they are cut into, against attention over everything to
/// which −10⁹ is added outside the window.
@Suite struct WindowedAttentionTests {
  private let offsets = [0, 130, 133]
  private let buckets = RelativeBuckets(reach: 2) { $0 + 2 }

  /// What is added to scores: `inside` within the window and −10⁹ elsewhere.
  private func scores(window: Int, inside: (Int) -> Float = { _ in 0 }) -> Variable {
    var values: [Float] = []
    for (start, end) in zip(offsets, offsets.dropFirst()) {
      for _ in 0..<2 {
        for i in start..<end {
          for j in start..<end { values.append(abs(i - j) <= window ? inside(values.count) : -1e9) }
        }
      }
    }
    return Variable(Tensor(values, shape: [values.count, 1]), needsGradient: true)
  }

  /// The result and the gradients of distinct inputs.
  private func run(_ inputs: [Variable], _ attention: (Tape) -> Variable) throws -> [Tensor] {
    for input in inputs { input.clearGradient() }
    let tape = Tape(try ReferenceBackend(threads: 2))
    let y = attention(tape)
    var generator = RandomKey(seed: 9).generator
    let upstream = (0..<y.value.count).map { _ in generator.normal() }
    tape.backward(from: y, gradient: Tensor(upstream, shape: y.shape))
    return try [y.value] + inputs.map { try #require($0.gradient) }
  }

  private func expectSame(_ found: [Tensor], _ expected: [Tensor]) {
    for (number, (found, expected)) in zip(found, expected).enumerated() {
      #expect(relativeError(found, expected) < 2e-6, "\(number)")
    }
  }

  @Test(
    "whichever of query, key and value are one variable",
    arguments: [[0, 1, 2], [0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]])
  func sharedInputs(_ which: [Int]) throws {
    let inputs = (0..<(which.max() ?? 0) + 1).map { randomVariable([133, 4], seed: UInt64($0 + 1)) }
    let (query, key, value) = (inputs[which[0]], inputs[which[1]], inputs[which[2]])
    let mask = scores(window: 9)
    let expected = try run(inputs) {
      $0.attention(
        query: query, key: key, value: value, heads: 2, offsets: offsets, dropout: 0, addedScores: mask)
    }
    let found = try run(inputs) {
      $0.attention(query: query, key: key, value: value, heads: 2, offsets: offsets, dropout: 0, window: 9)
    }
    expectSame(found, expected)
  }

  @Test("in columns, where tokens were left out between others")
  func columns() throws {
    let inputs = (1...3).map { randomVariable([9, 4], seed: $0) }
    let (offsets, columns) = ([0, 6, 9], RowIndices([0, 1, 4, 5, 6, 9, 0, 1, 2]))
    var mask: [Float] = []
    for (start, end) in zip(offsets, offsets.dropFirst()) {
      for _ in 0..<2 {
        for i in start..<end {
          for j in start..<end { mask.append(abs(columns[i] - columns[j]) <= 1 ? 0 : -1e9) }
        }
      }
    }
    let added = Variable(Tensor(mask, shape: [mask.count, 1]))
    let expected = try run(inputs) {
      $0.attention(
        query: inputs[0], key: inputs[1], value: inputs[2], heads: 2, offsets: offsets, dropout: 0,
        addedScores: added)
    }
    let found = try run(inputs) {
      $0.attention(
        query: inputs[0], key: inputs[1], value: inputs[2], heads: 2, offsets: offsets, dropout: 0, window: 1,
        columns: columns)
    }
    expectSame(found, expected)
  }

  @Test("with a bias and added scores; what nobody sees has no gradient")
  func additions() throws {
    let inputs = (1...3).map { randomVariable([133, 4], seed: $0) }
    let table = randomVariable([5, 2], seed: 4)
    let bias = RelativeBias(table: table, buckets: buckets)
    let noise = randomVariable([2 * (130 * 130 + 9)], seed: 5).value
    let masked = scores(window: 5) { noise.pointer[$0] }
    let added = Variable(Tensor(noise.values, shape: masked.shape), needsGradient: true)
    let expected = try run(inputs + [table, masked]) {
      $0.attention(
        query: inputs[0], key: inputs[1], value: inputs[2], heads: 2, offsets: offsets, dropout: 0,
        scale: 0.6, bias: bias, addedScores: masked)
    }
    let found = try run(inputs + [table, added]) {
      $0.attention(
        query: inputs[0], key: inputs[1], value: inputs[2], heads: 2, offsets: offsets, dropout: 0,
        scale: 0.6, window: 5, bias: bias, addedScores: added)
    }
    expectSame(found, expected)
  }

  @Test("dropout's gradient is that of the mask that was drawn")
  func dropout() throws {
    let inputs = (1...3).map { randomVariable([133, 4], seed: $0) } + [randomVariable([5, 2], seed: 4)]
    func attention(_ tape: Tape) -> Variable {
      tape.attention(
        query: inputs[0], key: inputs[1], value: inputs[2], heads: 2, offsets: offsets, dropout: 0.3,
        window: 5,
        bias: RelativeBias(table: inputs[3], buckets: buckets))
    }
    let key = RandomKey(seed: 7)
    var generator = RandomKey(seed: 9).generator
    let upstream = (0..<133 * 4).map { _ in generator.normal() }
    func loss() throws -> Double {
      let y = attention(Tape(try ReferenceBackend(threads: 1), recording: false, dropoutKey: key)).value
      return zip(y.values, upstream).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    let tape = Tape(try ReferenceBackend(threads: 2), dropoutKey: key)
    tape.backward(from: attention(tape), gradient: Tensor(upstream, shape: [133, 4]))
    // The derivative in a random direction of each input.
    for input in inputs {
      let gradient = try #require(input.gradient)
      let (values, direction) = (input.value.values, (0..<input.value.count).map { _ in generator.normal() })
      func moved(by step: Float) throws -> Double {
        for i in values.indices { input.value.pointer[i] = values[i] + step * direction[i] }
        return try loss()
      }
      let step: Float = 0.02
      let near = try moved(by: step) - moved(by: -step)
      let far = try moved(by: 2 * step) - moved(by: -2 * step)
      _ = try moved(by: 0)
      let difference = (8 * near - far) / (12 * Double(step))
      let slope = zip(gradient.values, direction).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
      #expect(abs(slope - difference) < 1e-3 * abs(difference))
    }
    // And it does not depend on the number of threads.
    let one = attention(Tape(try ReferenceBackend(threads: 1), dropoutKey: key))
    let two = attention(Tape(try ReferenceBackend(threads: 2), dropoutKey: key))
    #expect(one.value.values == two.value.values)
  }

  @Test("memory and work grow with the length, not with its square")
  func cost() throws {
    func kernel(_ length: Int, window: Int? = 64) throws -> AttentionKernel {
      AttentionKernel(
        backend: try ReferenceBackend(threads: 1), heads: 1, hidden: 4, offsets: [0, length], dropout: 0,
        dropoutKey: nil, scale: 1, window: window, bias: nil, addedScores: nil,
        products: try ReferenceBackend(threads: 1).smallProducts)
    }
    #expect(try kernel(8192).area == kernel(1024).area)
    #expect(try kernel(8192).operations < 9 * kernel(1024).operations)
    // A window that hides nothing costs nothing.
    #expect(try kernel(65).area == 65 * 65)
    // Without a window all work is left, a few rows at a time.
    #expect(try kernel(8192, window: nil).area == 64 * 8192)
    #expect(try kernel(8192, window: nil).operations == 2 * 8192 * 8192 * 4)
    #expect(try kernel(512, window: nil).area == 512 * 512)
  }

  @Test("a long sequence without a window, some rows at a time and at once")
  func cut() throws {
    let offsets = [0, 201, 204]
    let (query, key, value, upstream) = (
      randomVariable([204, 8], seed: 1).value, randomVariable([204, 8], seed: 2).value,
      randomVariable([204, 8], seed: 3).value, randomVariable([204, 8], seed: 4).value
    )
    let table = randomVariable([5, 2], seed: 5).value
    let added = randomVariable([2 * AttentionKernel.pairCount(offsets), 1], seed: 6).value
    func run(longestUncut: Int) throws -> [Tensor] {
      var kernel = AttentionKernel(
        backend: try ReferenceBackend(threads: 2), heads: 2, hidden: 8, offsets: offsets, dropout: 0.3,
        dropoutKey: RandomKey(seed: 7), scale: 0.6, window: nil, bias: (table, buckets), addedScores: added,
        products: try ReferenceBackend(threads: 1).smallProducts)
      kernel.longestUncut = longestUncut
      #expect(kernel.area == (longestUncut < 201 ? 64 * 201 : 201 * 201))
      let y = Tensor(repeating: 0, shape: query.shape)
      let gradients = [query, query, query, table, added].map { Tensor(repeating: 0, shape: $0.shape) }
      kernel.forward(
        query, key, value, to: y, scratch: Tensor(repeating: 0, shape: [2, kernel.forwardScratch]))
      kernel.backward(
        query, key, value, upstream, dValue: (gradients[0], true), dQuery: (gradients[1], true),
        dKey: (gradients[2], true), dTable: (gradients[3], true), dScores: (gradients[4], true),
        scratch: Tensor(repeating: 0, shape: [2, kernel.backwardScratch]))
      return [y] + gradients
    }
    expectSame(try run(longestUncut: 16), try run(longestUncut: 512))
  }
}
