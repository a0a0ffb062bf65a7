import CZlib

/// The CRC-32 of zip entries.
struct Checksum {
  private(set) var value: UInt32 = 0

  /// Adds bytes to those before.
  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    guard !bytes.isEmpty else { return }
    value = UInt32(crc32_z(UInt(value), bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count))
  }
}
