import CZlib
import GraftCore

/// A CRC-32 that is computed while the same bytes are read or written.
final class Checksum {
  private(set) var value: UInt32 = 0
  private lazy var pool = ThreadPool(count: 2)

  /// Below this, waking a thread takes longer than the checksum.
  private static let worthAThread = 1 << 17

  /// Adds bytes to the checksum, and runs `body` at the same time.
  func update(with bytes: UnsafeRawBufferPointer, while body: () throws -> Void) throws {
    guard bytes.count >= Self.worthAThread else {
      add(bytes)
      return try body()
    }
    var outcome: Result<Void, any Error> = .success(())
    pool.run(2) { piece in
      if piece == 0 { add(bytes) } else { outcome = Result { try body() } }
    }
    try outcome.get()
  }

  private func add(_ bytes: UnsafeRawBufferPointer) {
    value = UInt32(crc32_z(UInt(value), bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count))
  }
}
