import GraftCompute

/// Draws numbers, the same ones for the same seed on every machine.
struct Draw {
  private var generator: Philox

  init(seed: UInt64) { generator = RandomKey(seed: seed).generator }

  /// A whole number from 0 to below a bound, which is far below 2³².
  mutating func callAsFunction(below bound: Int) -> Int {
    Int((UInt64(generator.nextWord()) * UInt64(bound)) >> 32)
  }

  /// A number from 0 to below 1.
  mutating func share() -> Double { Double(generator.nextWord()) / 4_294_967_296 }
}
