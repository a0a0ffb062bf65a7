/// The upper half of a float32: its range, with 8 bits of precision.
public struct BFloat16: Sendable, Equatable, BitwiseCopyable {
  public var bitPattern: UInt16

  public init(bitPattern: UInt16) { self.bitPattern = bitPattern }

  /// The nearest to a value, ties to even; every NaN stays a NaN.
  public init(_ value: Float) {
    let bits = value.bitPattern
    bitPattern = UInt16(
      truncatingIfNeeded: value.isNaN ? bits >> 16 | 0x40 : (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16
    )
  }

  /// The nearest to a double: rounding to odd in float32 first makes the second rounding right.
  public init(_ value: Double) {
    var nearest = Float(value)
    if Double(nearest) != value, nearest.isFinite, nearest.bitPattern & 1 == 0 {
      nearest = Double(nearest) < value ? nearest.nextUp : nearest.nextDown
    }
    self.init(nearest)
  }
}

extension Float {
  /// The same value, which every float32 can hold.
  public init(_ value: BFloat16) { self.init(bitPattern: UInt32(value.bitPattern) << 16) }
}
