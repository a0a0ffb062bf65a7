/// The checksum of HDF5's newer structures: Bob Jenkins' `hashlittle`, http://burtleburtle.net/bob/c/lookup3.c
package func checksum(_ bytes: some Collection<UInt8>) -> UInt32 {
  var (a, b, c) = (
    0xDEAD_BEEF &+ UInt32(bytes.count), 0xDEAD_BEEF &+ UInt32(bytes.count), 0xDEAD_BEEF &+ UInt32(bytes.count)
  )
  func rotate(_ value: UInt32, _ count: UInt32) -> UInt32 { value << count | value >> (32 - count) }
  var rest = bytes[...]
  func add(_ block: some Collection<UInt8>) {
    for (index, byte) in block.enumerated() {
      let value = UInt32(byte) << UInt32(index % 4 * 8)
      switch index / 4 {
      case 0: a &+= value
      case 1: b &+= value
      default: c &+= value
      }
    }
  }
  while rest.count > 12 {
    add(rest.prefix(12))
    a = (a &- c) ^ rotate(c, 4)
    c &+= b
    b = (b &- a) ^ rotate(a, 6)
    a &+= c
    c = (c &- b) ^ rotate(b, 8)
    b &+= a
    a = (a &- c) ^ rotate(c, 16)
    c &+= b
    b = (b &- a) ^ rotate(a, 19)
    a &+= c
    c = (c &- b) ^ rotate(b, 4)
    b &+= a
    rest = rest.dropFirst(12)
  }
  guard !rest.isEmpty else { return c }
  add(rest)
  c = (c ^ b) &- rotate(b, 14)
  a = (a ^ c) &- rotate(c, 11)
  b = (b ^ a) &- rotate(a, 25)
  c = (c ^ b) &- rotate(b, 16)
  a = (a ^ c) &- rotate(c, 4)
  b = (b ^ a) &- rotate(a, 14)
  c = (c ^ b) &- rotate(b, 24)
  return c
}
