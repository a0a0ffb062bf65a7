import TestSupport
import Testing

@testable import GraftCompute

@Suite struct TapeMemoryTests {
  private let backend: any ComputeBackend
  private let weight = Parameter("weight", randomVariable([8, 8], seed: 1).value, decays: true)
  private let bias = Parameter("bias", randomVariable([8], seed: 2).value, decays: false)

  init() throws { backend = try ReferenceBackend(threads: 2) }

  private func loss(_ tape: Tape, tokens: Int) -> Variable {
    var x = randomVariable([tokens, 8], seed: 3)
    for _ in 0..<2 {
      let y = tape.dropout(tape.activate(tape.linear(x, weight: weight, bias: bias), .gelu), probability: 0.1)
      let context = tape.attention(
        query: y, key: y, value: y, heads: 2, offsets: [0, 2, tokens], dropout: 0.1)
      x = tape.layerNorm(context, residual: tape.add(x, y), weight: bias, bias: bias, epsilon: 1e-5)
    }
    return tape.crossEntropy(x, classes: [Int32](repeating: 3, count: tokens))
  }

  @Test func aTrainingLoopStopsAskingForMemory() {
    let pool = MemoryPool()
    func step(_ number: UInt64) {
      let tape = Tape(backend, dropoutKey: RandomKey(seed: 1, step: number), pool: pool)
      tape.backward(from: loss(tape, tokens: number.isMultiple(of: 2) ? 60 : 40))
      weight.clearGradient()
      bias.clearGradient()
    }
    for number: UInt64 in 0..<2 { step(number) }
    let before = pool.capacity
    #expect(before > 0)
    for number: UInt64 in 2..<6 { step(number) }
    #expect(pool.capacity == before)
  }

  @Test("batches of every length share the memory that the longest needs")
  func varyingLengthsShareMemory() {
    func capacity(_ lengths: [Int]) -> Int {
      let pool = MemoryPool()
      for tokens in lengths {
        let tape = Tape(backend, dropoutKey: RandomKey(seed: 1), pool: pool)
        tape.backward(from: loss(tape, tokens: tokens))
        weight.clearGradient()
        bias.clearGradient()
      }
      return pool.capacity
    }
    let longest = capacity([300])
    var generator = RandomKey(seed: 9).generator
    let mixed = capacity((0..<60).map { _ in Int.random(in: 30...300, using: &generator) })
    #expect(mixed <= longest, "\(mixed) and \(longest)")
  }

  @Test func nothingOutlivesItsTape() {
    for goesBack in [true, false] {
      weak var tapeLeft: Tape?
      weak var lossLeft: Variable?
      weak var gradientLeft: Tensor?
      do {
        let tape = Tape(backend, dropoutKey: RandomKey(seed: 1), pool: MemoryPool())
        let loss = loss(tape, tokens: 5)
        (tapeLeft, lossLeft) = (tape, loss)
        if goesBack { tape.backward(from: loss) }
        gradientLeft = weight.gradient
        #expect((gradientLeft != nil) == goesBack)
        weight.clearGradient()
        bias.clearGradient()
      }
      #expect(tapeLeft == nil)
      #expect(lossLeft == nil)
      #expect(gradientLeft == nil)
    }
  }

  @Test func activationsAreReleasedOnTheWayBack() {
    let pool = MemoryPool()
    let tape = Tape(backend, pool: pool)
    weak var neededLeft: Tensor?
    weak var otherLeft: Tensor?
    let loss: Variable
    do {
      let x = tape.linear(randomVariable([4, 8], seed: 3), weight: weight, bias: bias)
      let y = tape.activate(x, .gelu)
      // The activation's pullback needs what went in, but not the sum that nothing is computed of.
      (neededLeft, otherLeft) = (x.value, tape.add(y, y).value)
      loss = tape.crossEntropy(y, classes: [0, 1, 2, 3])
    }
    #expect(neededLeft != nil)
    #expect(otherLeft == nil)
    tape.backward(from: loss)
    #expect(neededLeft == nil)
    #expect(loss.gradient == nil)
  }

  @Test func withoutRecordingNothingIsKept() {
    let tape = Tape(backend, recording: false)
    weak var middleLeft: Variable?
    let y: Variable
    do {
      let x = tape.linear(randomVariable([4, 8], seed: 3), weight: weight, bias: bias)
      middleLeft = x
      y = tape.activate(x, .gelu)
    }
    #expect(middleLeft == nil)
    #expect(!y.needsGradient)
  }

  @Test func dropoutIsOffWithoutAKey() {
    let x = randomVariable([4, 8], seed: 3)
    #expect(Tape(backend).dropout(x, probability: 0.5) === x)
    let tape = Tape(backend, dropoutKey: RandomKey(seed: 1))
    #expect(tape.dropout(x, probability: 0) === x)
    // Every dropout of a pass has its own mask.
    let (first, second) = (tape.dropout(x, probability: 0.5), tape.dropout(x, probability: 0.5))
    #expect(first.value.values != second.value.values)
    let again = Tape(backend, dropoutKey: RandomKey(seed: 1))
    #expect(again.dropout(x, probability: 0.5).value.values == first.value.values)
  }
}
