import GraftCore

/// Reads the fields of one protocol buffers message. https://protobuf.dev/programming-guides/encoding
struct ProtobufReader {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  enum Value {
    case number(UInt64)
    case bytes(ArraySlice<UInt8>)
  }

  /// The next field's number and value; `nil` at the end.
  ///
  /// - Throws: ``GraftError`` when the message ends inside a field, or has one of an unknown kind.
  mutating func next() throws -> (field: UInt64, value: Value)? {
    guard !rest.isEmpty else { return nil }
    let tag = try rest.readVarint()
    let value: Value =
      switch tag & 7 {
      case 0: .number(try rest.readVarint())
      case 1: .number(try rest.readFixed(8))
      case 2: .bytes(try rest.read(rest.readVarint()))
      case 5: .number(try rest.readFixed(4))
      default: throw GraftError(.malformed, "a message has a field of unknown kind \(tag & 7)")
      }
    return (tag >> 3, value)
  }
}

extension ArraySlice<UInt8> {
  private static var truncated: GraftError { GraftError(.malformed, "a number or text is cut off") }

  /// A number of seven bits for each byte, at most ten of them.
  mutating func readVarint() throws -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 64, by: 7) {
      guard let byte = popFirst() else { throw Self.truncated }
      value |= UInt64(byte & 0x7F) << UInt64(shift)
      if byte & 0x80 == 0 { return value }
    }
    throw GraftError(.malformed, "a number has more than 64 bits")
  }

  /// A little-endian number of 4 or 8 bytes.
  mutating func readFixed(_ count: UInt64) throws -> UInt64 {
    try read(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  mutating func read(_ count: UInt64) throws -> ArraySlice<UInt8> {
    guard count <= UInt64(self.count) else { throw Self.truncated }
    defer { removeFirst(Int(count)) }
    return prefix(Int(count))
  }
}

extension [UInt8] {
  mutating func appendVarint(_ value: UInt64) {
    var value = value
    while value >= 0x80 {
      append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    append(UInt8(value))
  }

  mutating func appendFixed(_ value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }

  /// A field that holds a number; zero is left out, being what absence means.
  mutating func appendField(_ number: UInt64, _ value: some BinaryInteger) {
    guard value != 0 else { return }
    appendVarint(number << 3)
    appendVarint(UInt64(value))
  }

  mutating func appendField(_ number: UInt64, _ bytes: [UInt8]) {
    appendVarint(number << 3 | 2)
    appendVarint(UInt64(bytes.count))
    self += bytes
  }
}
