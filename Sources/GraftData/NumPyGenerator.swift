/// NumPy's `default_rng(seed)`, bit for bit, as far as `permutation(n)` needs it.
///
/// Data sets shuffled by `datasets` with `shuffle(seed=42)` are in this order, so that Graft picks the same
/// rows. The seed goes through `SeedSequence` (O'Neill's `seed_seq_fe`), the generator is PCG64 (XSL-RR
/// 128/64): O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms for Random
/// Number Generation", HMC-CS-2014-0905. The shuffle is Fisher–Yates from the end, each index drawn by
/// masked rejection, as `Generator.shuffle` does.
public struct NumPyGenerator: Sendable {
  private var state: UInt128
  private let increment: UInt128
  /// The upper half of a 64-bit draw whose lower half was used.
  private var spare: UInt32?

  /// `numpy.random.default_rng(seed)`.
  public init(seed: UInt64) {
    let words = NumPyGenerator.seedSequence(seed)
    increment = (words[2] << 64 | words[3]) << 1 | 1
    // As the reference code starts: one step from 0, add the seed, one more step.
    state = increment &+ (words[0] << 64 | words[1])
    step()
  }

  /// The numbers `0 ..< count`, permuted; the `first` of them.
  public func permutation(_ count: Int, first: Int = .max) -> [Int] {
    var generator = self
    var order = Array(0..<count)
    for last in stride(from: count - 1, to: 0, by: -1) {
      order.swapAt(last, Int(generator.number(upTo: UInt64(last))))
    }
    return Array(order.prefix(max(0, first)))
  }

  /// A number in `0 ... maximum`: bits under the smallest mask that covers it, until they fit.
  private mutating func number(upTo maximum: UInt64) -> UInt64 {
    let mask = UInt64.max >> maximum.leadingZeroBitCount
    while true {
      let bits = maximum <= UInt64(UInt32.max) ? UInt64(next32()) : next64()
      if bits & mask <= maximum { return bits & mask }
    }
  }

  private mutating func next32() -> UInt32 {
    if let spare {
      self.spare = nil
      return spare
    }
    let bits = next64()
    spare = UInt32(truncatingIfNeeded: bits >> 32)
    return UInt32(truncatingIfNeeded: bits)
  }

  private mutating func next64() -> UInt64 {
    step()
    let folded = UInt64(truncatingIfNeeded: state >> 64) ^ UInt64(truncatingIfNeeded: state)
    let rotation = UInt64(truncatingIfNeeded: state >> 122)
    return folded >> rotation | folded << ((64 &- rotation) & 63)
  }

  private mutating func step() {
    state = state &* 0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645 &+ increment
  }

  /// `SeedSequence(seed).generate_state(4, uint64)`.
  private static func seedSequence(_ seed: UInt64) -> [UInt128] {
    var constant: UInt32 = 0x43B0_D7E5
    func hash(_ value: UInt32) -> UInt32 {
      var value = value ^ constant
      constant &*= 0x931E_8875
      value &*= constant
      return value ^ value >> 16
    }
    var pool = [UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32), 0, 0].map(hash)
    for source in 0..<4 {
      for target in 0..<4 where target != source {
        let mixed = pool[target] &* 0xCA01_F9DD &- hash(pool[source]) &* 0x4973_F715
        pool[target] = mixed ^ mixed >> 16
      }
    }
    var output: UInt32 = 0x8B51_F9DD
    let words = (0..<8).map { index in
      var value = pool[index % 4] ^ output
      output &*= 0x58F3_8DED
      value &*= output
      return UInt128(value ^ value >> 16)
    }
    return (0..<4).map { words[2 * $0] | words[2 * $0 + 1] << 32 }
  }
}
