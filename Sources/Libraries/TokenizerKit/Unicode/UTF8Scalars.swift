/// The scalar at `index`, which moves past it.
///
/// - Parameter bytes: Valid UTF-8 between scalar boundaries, so that no read passes `end`.
@inlinable
public func decodeScalar(_ bytes: UnsafeBufferPointer<UInt8>, _ index: inout Int, end: Int) -> UInt32 {
  let first = UInt32(bytes[index])
  index += 1
  guard first >= 0x80 else { return first }
  var scalar = first < 0xE0 ? first & 0x1F : first < 0xF0 ? first & 0x0F : first & 0x07
  while index < end, bytes[index] & 0xC0 == 0x80 {
    scalar = scalar << 6 | UInt32(bytes[index] & 0x3F)
    index += 1
  }
  return scalar
}

/// Appends the UTF-8 of a scalar.
@inlinable
public func appendScalar(_ scalar: UInt32, to bytes: inout [UInt8]) {
  func continuation(_ shift: UInt32) -> UInt8 { UInt8(truncatingIfNeeded: scalar >> shift & 0x3F | 0x80) }
  switch scalar {
  case ..<0x80:
    bytes.append(UInt8(scalar))
  case ..<0x800:
    bytes.append(UInt8(truncatingIfNeeded: scalar >> 6 | 0xC0))
    bytes.append(continuation(0))
  case ..<0x10000:
    bytes.append(UInt8(truncatingIfNeeded: scalar >> 12 | 0xE0))
    bytes.append(continuation(6))
    bytes.append(continuation(0))
  default:
    bytes.append(UInt8(truncatingIfNeeded: scalar >> 18 | 0xF0))
    bytes.append(continuation(12))
    bytes.append(continuation(6))
    bytes.append(continuation(0))
  }
}

/// The number of scalars in UTF-8 text.
@inlinable
public func countScalars(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> Int {
  var count = 0
  for byte in text where byte & 0xC0 != 0x80 { count += 1 }
  return count
}
