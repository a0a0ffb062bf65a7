import GraftCompute
import GraftCore
import Testing

@Suite struct InitializerTests {
  private func values(_ initializer: Initializer, _ shape: [Int], seed: UInt64 = 1) -> [Float] {
    var generator = RandomKey(seed: seed).generator
    return initializer.values(shape, &generator)
  }

  @Test func constants() {
    #expect(values(.zeros, [2, 3]) == [0, 0, 0, 0, 0, 0])
    #expect(values(.ones, [2]) == [1, 1])
    #expect(values(.constant(0.5), []) == [0.5])
  }

  @Test func normalHasItsDeviationAndDependsOnTheSeed() {
    let drawn = values(.normal(deviation: 0.02), [100, 200])
    let variance = drawn.reduce(0.0) { $0 + Double($1) * Double($1) } / 20000
    #expect(abs(variance.squareRoot() / 0.02 - 1) < 0.02)
    #expect(drawn == values(.normal(deviation: 0.02), [100, 200]))
    #expect(drawn != values(.normal(deviation: 0.02), [100, 200], seed: 2))
  }

  @Test func truncatedNormalStaysWithinTheCutoff() {
    let drawn = values(.truncatedNormal(deviation: 0.5, cutoff: 2), [20000])
    #expect(drawn.allSatisfy { abs($0) <= 1 })
    #expect(drawn.contains { abs($0) > 0.9 })
    // Of a normal distribution cut at ±2σ: 1 − 4 φ(2) / (2 Φ(2) − 1), 0.8796².
    let variance = drawn.reduce(0.0) { $0 + Double($1) * Double($1) } / 20000
    #expect(abs(variance.squareRoot() / (0.5 * 0.8796) - 1) < 0.02)
  }

  @Test func aRowOfZerosLeavesTheOthersAsTheyWere() {
    let whole = values(.normal(deviation: 1), [3, 2])
    #expect(values(.normal(deviation: 1).zeroingRow(1), [3, 2]) == whole[..<2] + [0, 0] + whole[4...])
    #expect(values(.normal(deviation: 1).zeroingRow(3), [3, 2]) == whole)
  }

  @Test func aPluginBringsItsOwn() {
    let rising = Initializer { shape, _ in (0..<shape.reduce(1, *)).map(Float.init) }
    #expect(values(rising, [2, 2]) == [0, 1, 2, 3])
  }
}
