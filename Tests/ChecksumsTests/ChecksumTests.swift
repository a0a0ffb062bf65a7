@testable import Checksums
import CChecksums
import Testing

@Suite struct ChecksumTests {
  /// RFC 3720, B.4.
  @Test func publishedValuesOfCastagnoli() {
    #expect(CRC32C([UInt8](repeating: 0, count: 32)).value == 0x8A91_36AA)
    #expect(CRC32C([UInt8](repeating: 0xFF, count: 32)).value == 0x62A8_AB43)
    #expect(CRC32C(Array(0..<32 as Range<UInt8>)).value == 0x46DD_794E)
    #expect(CRC32C(Array("123456789".utf8)).value == 0xE306_9283)
  }

  @Test func publishedValuesOfZip() {
    #expect(zip([]) == 0)
    #expect(zip(Array("123456789".utf8)) == 0xCBF4_3926)
  }

  /// By every kind of CPU: of those that this one is not, the slower ones.
  @Test func folding() {
    let bytes = (0..<2000).map { UInt8(truncatingIfNeeded: ($0 &* $0 &* 13) >> 3) }
    for block in [0, 64, 256] where block <= graft_fold_block() {
      let folding = Folding(polynomial: CRC32C.polynomial, block: block)
      for length in [0, 1, 63, 64, 127, 128, 200, 511, 512, 513, 700, 1024, 2000] {
        let state = bytes[..<length].withUnsafeBytes { folding.update(~0, $0, by: CRC32C.byTables) }
        #expect(~state == remainder(Array(bytes[..<length]), CRC32C.polynomial))
      }
    }
  }

  /// Every length that is and is not shortened, at several alignments, and in two parts.
  @Test func divisionBitByBit() {
    let bytes = (0..<1200).map { UInt8(truncatingIfNeeded: ($0 &* $0 &* 7) >> 2) }
    for start in [0, 1, 7, 8] {
      for end in start...(start + 1100) where (end - start) % 5 < 2 {
        let part = Array(bytes[start..<end])
        #expect(zip(part) == remainder(part, 0xEDB8_8320))
        #expect(CRC32C(part).value == remainder(part, 0x82F6_3B78))
      }
    }
    for middle in [1, 63, 64, 129, 256, 500, 1100] {
      var (zip, castagnoli) = (CRC32(), CRC32C())
      for part in [bytes[..<middle], bytes[middle...]] {
        part.withUnsafeBytes {
          zip.add($0)
          castagnoli.add($0)
        }
      }
      #expect(zip.value == remainder(bytes, 0xEDB8_8320))
      #expect(castagnoli.value == remainder(bytes, 0x82F6_3B78))
    }
  }

  private func zip(_ bytes: [UInt8]) -> UInt32 {
    var checksum = CRC32()
    bytes.withUnsafeBytes { checksum.add($0) }
    return checksum.value
  }

  /// Division by a reflected polynomial, as it is defined.
  private func remainder(_ bytes: [UInt8], _ polynomial: UInt32) -> UInt32 {
    var state: UInt32 = ~0
    for byte in bytes {
      state ^= UInt32(byte)
      for _ in 0..<8 { state = state >> 1 ^ (state & 1 == 0 ? 0 : polynomial) }
    }
    return ~state
  }
}
