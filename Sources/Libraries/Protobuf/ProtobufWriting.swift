extension [UInt8] {
  public mutating func appendVarint(_ value: UInt64) {
    var value = value
    while value >= 0x80 {
      append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    append(UInt8(value))
  }

  public mutating func appendFixed(_ value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }

  /// A field that holds a number; zero is left out, being what absence means.
  public mutating func appendField(_ number: UInt64, _ value: some BinaryInteger) {
    if value != 0 { appendNumber(number, value) }
  }

  /// A field that holds a number, be it zero: one of a list, or one whose absence is not zero.
  public mutating func appendNumber(_ number: UInt64, _ value: some BinaryInteger) {
    appendVarint(number << 3)
    appendVarint(UInt64(truncatingIfNeeded: value))
  }

  public mutating func appendField(_ number: UInt64, _ value: Float) {
    appendVarint(number << 3 | 5)
    appendFixed(value.bitPattern)
  }

  public mutating func appendField(_ number: UInt64, _ bytes: some Collection<UInt8>) {
    appendFieldHead(number, length: bytes.count)
    append(contentsOf: bytes)
  }

  public mutating func appendField(_ number: UInt64, _ text: String) { appendField(number, text.utf8) }

  /// What a field of bytes begins with; as many have to follow.
  public mutating func appendFieldHead(_ number: UInt64, length: Int) {
    appendVarint(number << 3 | 2)
    appendVarint(UInt64(length))
  }
}
