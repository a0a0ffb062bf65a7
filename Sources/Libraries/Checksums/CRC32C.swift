import Foundation

/// The Castagnoli checksum, which TensorFlow has in its files.
public struct CRC32C: Sendable {
  private var state: UInt32 = ~0

  /// The checksum of what was added so far.
  public var value: UInt32 { ~state }

  /// The checksum as a file stores it: rotated and offset, so that a checksum of data that holds its own
  /// checksum does not come out the same for any data.
  public var masked: UInt32 { (value >> 15 | value << 17) &+ 0xA282_EAD8 }

  public init() {}

  public init(_ bytes: some ContiguousBytes) {
    bytes.withUnsafeBytes { add($0) }
  }

  /// Adds bytes to those before.
  public mutating func add(_ bytes: UnsafeRawBufferPointer) {
    state = Self.folding.update(state, bytes, by: Self.byTables)
  }

  static let polynomial: UInt32 = 0x82F6_3B78
  private static let folding = Folding(polynomial: polynomial)

  /// Eight bytes at a time: Kounavis and Berry, "Novel table lookup-based algorithms for high-performance CRC
  /// generation", IEEE Trans. Computers 57(11), 2008.
  static func byTables(_ state: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
    tables.withUnsafeBufferPointer { table in
      var state = state
      var position = 0
      while position + 8 <= bytes.count {
        let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self).littleEndian ^ UInt64(state)
        func look(_ index: Int) -> UInt32 {
          table[(7 - index) << 8 | Int(truncatingIfNeeded: word >> UInt64(index * 8) & 0xFF)]
        }
        state = look(0) ^ look(1) ^ look(2) ^ look(3) ^ look(4) ^ look(5) ^ look(6) ^ look(7)
        position += 8
      }
      while position < bytes.count {
        state = state >> 8 ^ table[Int((state ^ UInt32(bytes[position])) & 0xFF)]
        position += 1
      }
      return state
    }
  }

  /// For each number of zero bytes that follow, 0 … 7, the remainders of the 256 bytes.
  private static let tables: [UInt32] = {
    var tables = (0..<256).map { byte in
      (0..<8).reduce(UInt32(byte)) { state, _ in state >> 1 ^ (state & 1 == 0 ? 0 : polynomial) }
    }
    for index in 256..<(8 * 256) {
      let previous = tables[index - 256]
      tables.append(previous >> 8 ^ tables[Int(previous & 0xFF)])
    }
    return tables
  }()
}
