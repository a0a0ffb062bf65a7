/// Converts `input.count / from.byteCount` elements of one type to another.
func convertElements(
  _ input: UnsafeRawBufferPointer,
  _ from: DType,
  to output: UnsafeMutableRawBufferPointer,
  _ to: DType
) {
  switch (from, to) {
  case (.bfloat16, .float32):
    convert(input, output) { (value: BFloat16) in Float(value) }
  case (.float32, .bfloat16): convert(input, output) { (value: Float) in BFloat16(value) }
  case (.float32, .float16): convert(input, output) { (value: Float) in Float16(value) }
  case (.float16, .float32): convert(input, output) { (value: Float16) in Float(value) }
  default:
    // Every other pair goes through Double, which holds each source value exactly or, of 64-bit integers,
    // well enough to round a second time.
    switch from {
    case .bool, .uint8: fromDouble(input, output, to) { (value: UInt8) in Double(value) }
    case .int8: fromDouble(input, output, to) { (value: Int8) in Double(value) }
    case .uint16: fromDouble(input, output, to) { (value: UInt16) in Double(value) }
    case .int16: fromDouble(input, output, to) { (value: Int16) in Double(value) }
    case .uint32: fromDouble(input, output, to) { (value: UInt32) in Double(value) }
    case .int32: fromDouble(input, output, to) { (value: Int32) in Double(value) }
    case .uint64 where to == .float64: convert(input, output) { (value: UInt64) in Double(value) }
    case .int64 where to == .float64: convert(input, output) { (value: Int64) in Double(value) }
    case .uint64: fromDouble(input, output, to) { (value: UInt64) in roundedToOdd(value) }
    case .int64:
      fromDouble(input, output, to) { (value: Int64) in
        value < 0 ? -roundedToOdd(value.magnitude) : roundedToOdd(value.magnitude)
      }
    case .float16: fromDouble(input, output, to) { (value: Float16) in Double(value) }
    case .bfloat16:
      fromDouble(input, output, to) { (value: BFloat16) in Double(Float(value)) }
    case .float32: fromDouble(input, output, to) { (value: Float) in Double(value) }
    case .float64: fromDouble(input, output, to) { (value: Double) in value }
    }
  }
}

/// An integer as a double that says by an odd last bit that it is not exact, so that rounding it once more,
/// to a narrower type, gives what rounding the integer would. Boldo and Melquiond, "Emulation of FMA and
/// correctly rounded sums: proved algorithms using rounding to odd", IEEE Trans. Computers 57(4), 2008.
private func roundedToOdd(_ value: UInt64) -> Double {
  let excess = max(0, 64 - value.leadingZeroBitCount - 53)
  let lost = value & (1 << UInt64(excess) - 1)
  return Double(value - lost | (lost == 0 ? 0 : 1 << UInt64(excess)))
}

private func fromDouble<Source: BitwiseCopyable>(
  _ input: UnsafeRawBufferPointer,
  _ output: UnsafeMutableRawBufferPointer,
  _ to: DType,
  _ value: (Source) -> Double
) {
  switch to {
  case .float16: convert(input, output) { (source: Source) in Float16(value(source)) }
  case .bfloat16: convert(input, output) { (source: Source) in BFloat16(value(source)) }
  case .float32: convert(input, output) { (source: Source) in Float(value(source)) }
  case .float64: convert(input, output) { (source: Source) in value(source) }
  default: preconditionFailure("conversion to \(to.rawValue)")
  }
}

@inline(__always)
private func convert<Source: BitwiseCopyable, Target: BitwiseCopyable>(
  _ input: UnsafeRawBufferPointer,
  _ output: UnsafeMutableRawBufferPointer,
  _ value: (Source) -> Target
) {
  let source = input.bindMemory(to: Source.self)
  let target = output.bindMemory(to: Target.self)
  for index in source.indices { target[index] = value(source[index]) }
}
