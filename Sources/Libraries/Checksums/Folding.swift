import CChecksums

/// Shortens long messages before their CRC is computed, by the CPU's products of polynomials.
struct Folding: Sendable {
  private let keys: [UInt64]
  private let block: Int

  /// - Parameters:
  ///   - polynomial: Of 32 bits, reflected.
  ///   - block: How many bytes are folded at a time; 0 for a CPU that cannot.
  init(polynomial: UInt32, block: Int = graft_fold_block()) {
    keys = [2080, 2016, 544, 480, 160, 96].map { power in
      var remainder: UInt32 = 1 << 31
      for _ in 0..<power { remainder = remainder >> 1 ^ (remainder & 1 == 0 ? 0 : polynomial) }
      return UInt64(remainder) << 1
    }
    self.block = block
  }

  /// The state of a CRC after more bytes.
  ///
  /// - Parameter update: Computes it without any of this.
  func update(
    _ state: UInt32, _ bytes: UnsafeRawBufferPointer, by update: (UInt32, UnsafeRawBufferPointer) -> UInt32
  ) -> UInt32 {
    guard block > 0, bytes.count >= 2 * block, let start = bytes.baseAddress else {
      return update(state, bytes)
    }
    let length = bytes.count / block * block
    return withUnsafeTemporaryAllocation(byteCount: 16, alignment: 16) { short in
      graft_fold(keys, state, start, length, block, short.baseAddress)
      return update(
        update(0, UnsafeRawBufferPointer(short)), UnsafeRawBufferPointer(rebasing: bytes[length...]))
    }
  }
}
