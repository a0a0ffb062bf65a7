/// Numbers at places of a little-endian byte string; `nil` where it has ended.
struct LittleEndian {
  let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func slice(at position: Int, count: Int) -> ArraySlice<UInt8>? {
    guard position <= bytes.count, count <= bytes.count - position else { return nil }
    return bytes[position..<position + count]
  }

  private func number(at position: Int, _ count: Int) -> UInt64? {
    slice(at: position, count: count)?.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  func uint16(at position: Int) -> Int? { number(at: position, 2).map { Int($0) } }
  func uint32(at position: Int) -> UInt32? { number(at: position, 4).map { UInt32($0) } }
  /// 64 bits; what is beyond `Int` comes out negative.
  func int(at position: Int) -> Int? { number(at: position, 8).map { Int(truncatingIfNeeded: $0) } }

  func text(at position: Int, count: Int) -> String? {
    slice(at: position, count: count).flatMap { String(validating: $0, as: UTF8.self) }
  }
}
