import Foundation

/// A place in a counter-based random stream: any number of it can be computed without the ones before.
///
/// A run is a seed; a step and a place in the step (which dropout, which masking) make the key. The numbers
/// therefore do not depend on the number of threads, and a resumed run draws the ones that it would have.
///
/// The generator is Philox4x32-10: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
public struct RandomKey: Sendable, Hashable {
  public let seed: UInt64
  public let step: UInt64
  public let place: UInt32

  public init(seed: UInt64, step: UInt64 = 0, place: UInt32 = 0) {
    self.seed = seed
    self.step = step
    self.place = place
  }

  /// The key of another place in the same step.
  public func place(_ place: UInt32) -> RandomKey { RandomKey(seed: seed, step: step, place: place) }

  /// Four random words: numbers `4 * index ..< 4 * index + 4` of the stream.
  public func words(_ index: UInt32) -> SIMD4<UInt32> {
    var counter = SIMD4(
      index,
      place,
      UInt32(truncatingIfNeeded: step),
      UInt32(truncatingIfNeeded: step >> 32)
    )
    var key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    for _ in 0..<10 {
      let first = UInt64(counter.x) * 0xD251_1F53
      let second = UInt64(counter.z) * 0xCD9E_8D57
      counter = SIMD4(
        UInt32(second >> 32) ^ counter.y ^ key.x,
        UInt32(truncatingIfNeeded: second),
        UInt32(first >> 32) ^ counter.w ^ key.y,
        UInt32(truncatingIfNeeded: first)
      )
      key &+= SIMD2(0x9E37_79B9, 0xBB67_AE85)
    }
    return counter
  }

  /// A sequential generator over the stream.
  public var generator: Philox { Philox(self) }
}

/// Draws the numbers of a ``RandomKey``'s stream one after another.
public struct Philox: RandomNumberGenerator, Sendable {
  private let key: RandomKey
  private var index: UInt32 = 0
  private var words = SIMD4<UInt32>()
  private var used = 4

  init(_ key: RandomKey) { self.key = key }

  /// 32 random bits.
  public mutating func nextWord() -> UInt32 {
    if used == 4 {
      words = key.words(index)
      index += 1
      used = 0
    }
    defer { used += 1 }
    return words[used]
  }

  public mutating func next() -> UInt64 { UInt64(nextWord()) | UInt64(nextWord()) << 32 }

  /// A number in `0 ..< 1`, of 24 random bits.
  public mutating func uniform() -> Float { Float(nextWord() >> 8) * 0x1p-24 }

  /// A number from the standard normal distribution (Box–Muller).
  public mutating func normal() -> Float {
    let radius = (-2 * log(1 - Double(uniform()))).squareRoot()
    return Float(radius * cos(2 * .pi * Double(uniform())))
  }
}
