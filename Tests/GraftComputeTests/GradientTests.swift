import TestSupport
import Testing

@testable import GraftCompute
@testable import GraftTensors

/// Every op's pullback against finite differences of its forward pass.
@Suite struct GradientTests {
  @Test func linear() throws {
    let x = randomVariable([5, 4], seed: 1)
    let weight = randomVariable([3, 4], seed: 2)
    let bias = randomVariable([3], seed: 3)
    try expectGradientsMatchDifferences(of: [x, weight, bias]) { $0.linear(x, weight: weight, bias: bias) }
  }

  @Test(arguments: [Activation.gelu, .geluTanh, .tanh])
  func linearWithActivation(_ activation: Activation) throws {
    let x = randomVariable([5, 4], seed: 1, scale: 0.5)
    let weight = randomVariable([3, 4], seed: 2)
    let bias = randomVariable([3], seed: 3)
    try expectGradientsMatchDifferences(of: [x, weight, bias]) {
      $0.linear(x, weight: weight, bias: bias, activation: activation)
    }
    let backend = try ReferenceBackend(threads: 1)
    let inOne = Tape(backend).linear(x, weight: weight, bias: bias, activation: activation)
    let tape = Tape(backend, recording: false)
    let inTwo = tape.activate(tape.linear(x, weight: weight, bias: bias), activation)
    #expect(inOne.value.values == inTwo.value.values)
  }

  @Test func squaresOfAWeightsGradientAreSummedOnTheWay() throws {
    let tape = Tape(try ReferenceBackend(threads: 2))
    #expect(Tiles(MatrixProduct(m: 800, n: 600, k: 5, transposesA: true)).count == 2)
    // The second product adds to the first.
    let weight = randomVariable([800, 600], seed: 2)
    for seed: UInt64 in [1, 3] {
      let y = tape.linear(randomVariable([5, 600], seed: seed), weight: weight, bias: nil)
      tape.backward(from: y, gradient: Tensor(y.value.values, shape: y.shape))
      let gradient = try #require(weight.gradient).values
      let expected = gradient.reduce(0.0) { $0 + Double($1) * Double($1) }
      #expect(abs((weight.slot.squaredNorm ?? 0) / expected - 1) < 1e-12)
    }
    // What is added afterwards, or changed, was not summed.
    weight.slot.gradientDidChange()
    #expect(weight.slot.squaredNorm == nil)
    let y = tape.linear(randomVariable([5, 600], seed: 1), weight: weight, bias: nil)
    tape.backward(from: y, gradient: Tensor(y.value.values, shape: y.shape))
    #expect(weight.slot.squaredNorm != nil)
    weight.slot.add(pool: nil) { gradient, _ in gradient.pointer[0] += 1 }
    #expect(weight.slot.squaredNorm == nil)
  }

  @Test func aRoundedWeightFollowsItsUpdates() throws {
    let backend = try ReferenceBackend(threads: 1, precision: .bfloat16)
    let weight = Parameter("w", Tensor([1, 2, 3, 4], shape: [2, 2]), decays: true)
    let x = Variable(Tensor([1, 1], shape: [1, 2]))
    func product() -> [Float] { Tape(backend).linear(x, weight: weight, bias: nil).value.values }
    #expect(product() == [3, 7])
    weight.value.pointer[0] = 5
    weight.weightsDidChange()
    #expect(product() == [7, 7])
    weight.weightsDidChange()
    weight.rounded?.pointer[3] = BFloat16(Float(2))
    weight.roundedDidChange()
    #expect(product() == [7, 5])
  }

  @Test func aVariableUsedTwiceGetsBothGradients() throws {
    let x = randomVariable([4, 4], seed: 1)
    let bias = randomVariable([4], seed: 2)
    try expectGradientsMatchDifferences(of: [x, bias]) {
      $0.add($0.linear(x, weight: x, bias: bias), $0.add(x, x))
    }
  }

  @Test func layerNorm() throws {
    let x = randomVariable([5, 7], seed: 1, offset: 2)
    let weight = randomVariable([7], seed: 2, scale: 0.3, offset: 1)
    let bias = randomVariable([7], seed: 3)
    try expectGradientsMatchDifferences(of: [x, weight, bias]) {
      $0.layerNorm(x, residual: nil, weight: weight, bias: bias, epsilon: 1e-5)
    }
  }

  @Test(arguments: [true, false])
  func layerNormWithDropout(_ hasResidual: Bool) throws {
    // Rows of 7 numbers, which no block of random words ends with.
    let x = randomVariable([5, 7], seed: 1)
    let residual = hasResidual ? randomVariable([5, 7], seed: 4) : nil
    let weight = randomVariable([7], seed: 2, scale: 0.3, offset: 1)
    let bias = randomVariable([7], seed: 3)
    try expectGradientsMatchDifferences(
      of: [x, weight, bias] + (residual.map { [$0] } ?? []), dropoutKey: RandomKey(seed: 7)
    ) {
      $0.layerNorm(x, residual: residual, dropout: 0.3, weight: weight, bias: bias, epsilon: 1)
    }
  }

  @Test func residualLayerNorm() throws {
    let x = randomVariable([5, 7], seed: 1)
    let residual = randomVariable([5, 7], seed: 4)
    let weight = randomVariable([7], seed: 2, scale: 0.3, offset: 1)
    let bias = randomVariable([7], seed: 3)
    try expectGradientsMatchDifferences(of: [x, residual, weight, bias]) {
      $0.layerNorm(x, residual: residual, weight: weight, bias: bias, epsilon: 1e-5)
    }
    let shared = randomVariable([5, 7], seed: 5)
    try expectGradientsMatchDifferences(of: [shared]) {
      $0.layerNorm(shared, residual: shared, weight: weight, bias: bias, epsilon: 1e-5)
    }
  }

  @Test func embeddingSum() throws {
    let words = randomVariable([6, 4], seed: 1)
    let positions = randomVariable([3, 4], seed: 2)
    try expectGradientsMatchDifferences(of: [words, positions]) {
      $0.embeddingSum([(words, [5, 0, 0, 2]), (positions, [0, 1, 2, 0])])
    }
  }

  @Test(arguments: [nil, RandomKey(seed: 7)])
  func normalizedEmbeddingSum(_ key: RandomKey?) throws {
    let words = randomVariable([6, 5], seed: 1)
    let positions = randomVariable([3, 5], seed: 2)
    let weight = randomVariable([5], seed: 3, scale: 0.3, offset: 1)
    let bias = randomVariable([5], seed: 4)
    try expectGradientsMatchDifferences(of: [words, positions, weight, bias], dropoutKey: key) {
      $0.normalizedEmbeddingSum(
        [(words, [5, 0, 0, 2]), (positions, [0, 1, 2, 0])], weight: weight, bias: bias, epsilon: 1,
        dropout: 0.3)
    }
  }

  @Test func gatherRows() throws {
    let x = randomVariable([6, 4], seed: 1)
    try expectGradientsMatchDifferences(of: [x]) { $0.gatherRows(x, [5, 0, 0, 2]) }
  }

  @Test(arguments: Activation.allCases.filter { $0 != .relu })
  func activate(_ activation: Activation) throws {
    let x = randomVariable([6, 5], seed: 1, scale: 2)
    try expectGradientsMatchDifferences(of: [x]) { $0.activate(x, activation) }
  }

  @Test func relu() throws {
    // Away from the kink, where differences say nothing.
    let x = Variable(Tensor([-2, -0.5, 0.5, 2], shape: [2, 2]), needsGradient: true)
    try expectGradientsMatchDifferences(of: [x]) { $0.activate(x, .relu) }
  }

  @Test func dropout() throws {
    let x = randomVariable([6, 5], seed: 1)
    try expectGradientsMatchDifferences(of: [x], dropoutKey: RandomKey(seed: 7)) {
      $0.dropout(x, probability: 0.4)
    }
  }

  @Test func attention() throws {
    let query = randomVariable([9, 6], seed: 1)
    let key = randomVariable([9, 6], seed: 2)
    let value = randomVariable([9, 6], seed: 3)
    try expectGradientsMatchDifferences(of: [query, key, value]) {
      $0.attention(query: query, key: key, value: value, heads: 2, offsets: [0, 3, 3, 4, 9], dropout: 0)
    }
  }

  @Test func attentionWithDropout() throws {
    let query = randomVariable([5, 4], seed: 1)
    let key = randomVariable([5, 4], seed: 2)
    let value = randomVariable([5, 4], seed: 3)
    try expectGradientsMatchDifferences(of: [query, key, value], dropoutKey: RandomKey(seed: 7)) {
      $0.attention(query: query, key: key, value: value, heads: 2, offsets: [0, 2, 5], dropout: 0.3)
    }
  }

  @Test func attentionOfOneVariable() throws {
    let x = randomVariable([5, 4], seed: 1)
    try expectGradientsMatchDifferences(of: [x]) {
      $0.attention(query: x, key: x, value: x, heads: 2, offsets: [0, 2, 5], dropout: 0)
    }
  }

  @Test func crossEntropy() throws {
    let logits = randomVariable([4, 3], seed: 1)
    try expectGradientsMatchDifferences(of: [logits]) {
      $0.crossEntropy(logits, classes: [2, -100, 0, 1])
    }
    #expect(logits.gradient?.values[3..<6].allSatisfy { $0 == 0 } == true)
  }

  @Test func binaryCrossEntropy() throws {
    let logits = randomVariable([4, 3], seed: 1)
    try expectGradientsMatchDifferences(of: [logits]) {
      $0.binaryCrossEntropy(logits, targets: [0, 1, 0, 1, 1, 1, 0, 0.25, 0, 0, 1, 0])
    }
  }

  @Test func meanSquaredError() throws {
    let x = randomVariable([4, 3], seed: 1)
    try expectGradientsMatchDifferences(of: [x]) {
      $0.meanSquaredError(x, targets: (0..<12).map { Float($0) / 4 })
    }
  }

  @Test func lossesOfNothingAreZero() throws {
    let tape = Tape(try ReferenceBackend(threads: 1))
    let logits = randomVariable([2, 3], seed: 1)
    let loss = tape.crossEntropy(logits, classes: [-100, -100])
    #expect(loss.value.item == 0)
    tape.backward(from: loss)
    #expect(logits.gradient?.values == [0, 0, 0, 0, 0, 0])
  }

  @Test func aFrozenVariableGetsNoGradient() throws {
    let tape = Tape(try ReferenceBackend(threads: 1))
    let x = randomVariable([2, 3], seed: 1)
    let weight = Parameter("w", randomVariable([4, 3], seed: 2).value, decays: true, frozen: true)
    let bias = Parameter("b", randomVariable([4], seed: 3).value, decays: false)
    tape.backward(
      from: tape.linear(x, weight: weight, bias: bias),
      gradient: Tensor(repeating: 1, shape: [2, 4])
    )
    #expect(weight.gradient == nil)
    #expect(x.gradient != nil)
    #expect(bias.gradient?.values == [2, 2, 2, 2])
  }
}
