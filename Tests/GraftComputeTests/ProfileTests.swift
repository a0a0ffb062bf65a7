import Foundation
import TestSupport
import Testing

@testable import GraftCompute

@Suite struct ProfileTests {
  @Test func timeCountsForTheInnermostSpan() throws {
    let profile = Profile()
    let start = ContinuousClock.now
    profile.begin("outer")
    profile.begin("inner")
    usleep(40_000)
    profile.end(operations: 7)
    profile.begin("inner")
    profile.end(operations: 2)
    profile.end()
    let elapsed = (ContinuousClock.now - start) / .seconds(1)
    let (outer, inner) = (try #require(profile.entries["outer"]), try #require(profile.entries["inner"]))
    #expect(outer.calls == 1 && inner.calls == 2)
    #expect(inner.operations == 9)
    #expect(inner.seconds >= 0.04)
    // Counted once.
    #expect(outer.seconds + inner.seconds <= elapsed)
    #expect(profile.current == nil)
  }

  @Test func aTapeCountsItsOpsInBothDirections() throws {
    let profile = Profile()
    let tape = Tape(try ReferenceBackend(threads: 1), profile: profile)
    let x = randomVariable([6, 8], seed: 1)
    let weights = (2..<6).map { randomVariable([8, 8], seed: $0) }
    let bias = randomVariable([8], seed: 7)
    func linear(_ x: Variable, _ index: Int) -> Variable {
      tape.linear(x, weight: weights[index], bias: bias)
    }
    let y = tape.attention(
      query: linear(x, 0), key: linear(x, 1), value: linear(x, 2), heads: 2, offsets: [0, 2, 6], dropout: 0)
    tape.backward(
      from: tape.crossEntropy(
        tape.layerNorm(linear(y, 3), residual: x, weight: bias, bias: bias, epsilon: 1),
        classes: [0, 1, 2, 3, 4, 5]
      ))

    let product = 2.0 * 6 * 8 * 8
    for name in ["forward", "gradient of the input", "gradient of the weight"] {
      let entry = try #require(profile.entries["product: \(name)"])
      #expect(entry.calls == 4 && entry.operations == 4 * product, "\(name)")
    }
    #expect(profile.products.values.reduce(0) { $0 + $1.operations } == 12 * product)
    #expect(profile.products[MatrixProduct(m: 6, n: 8, k: 8, transposesB: true)]?.calls == 4)
    let attention = try #require(profile.entries["attention"])
    // Two products forward and five backward, of 2² and 4² weights with 8 numbers each.
    #expect(attention.calls == 2 && attention.operations == 7 * 2 * (4 + 16) * 8)
    #expect(profile.entries["LayerNorm, residual, dropout"]?.calls == 2)
    #expect(profile.entries["cross-entropy"]?.calls == 2)
  }

  @Test func stepsCountTokensAsTheyAreAndAsPaddingWouldHaveThem() {
    let profile = Profile()
    var batch = Batch()
    for length in [3, 5, 4] {
      let ids = [Int32](repeating: 1, count: length)
      batch.append(ids: ids, tokenTypes: ids, positions: ids)
    }
    profile.count([batch, batch], updatedBytes: 100)
    #expect(profile.steps == 1)
    #expect(profile.tokens == 24)
    #expect(profile.paddedTokens == 30)
    #expect(profile.updatedBytes == 100)
  }
}
