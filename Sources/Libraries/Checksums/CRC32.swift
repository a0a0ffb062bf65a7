import CZlib

/// The checksum of zip, gzip and PNG.
public struct CRC32: Sendable {
  private var state: UInt32 = ~0

  /// The checksum of what was added so far.
  public var value: UInt32 { ~state }

  public init() {}

  /// Adds bytes to those before.
  public mutating func add(_ bytes: UnsafeRawBufferPointer) {
    state = Self.folding.update(state, bytes, by: Self.byZlib)
  }

  private static let folding = Folding(polynomial: 0xEDB8_8320)

  private static func byZlib(_ state: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
    // Of no bytes zlib gives the checksum of nothing, whatever came before.
    guard let start = bytes.baseAddress else { return state }
    return ~UInt32(crc32_z(UInt(~state), start.assumingMemoryBound(to: UInt8.self), bytes.count))
  }
}
