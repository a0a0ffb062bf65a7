import Foundation
import TestSupport
import Testing

@testable import GraftHub

/// Room on the disk, and libcurl's refusals.
@Suite struct BlobWriterTests {
  private func withBlob(_ body: (URL) throws -> Void) throws {
    try withTemporaryDirectory { try body($0.appending(path: "blob")) }
  }

  /// How many bytes of the disk an incomplete blob holds.
  private func held(_ blob: URL) -> Int {
    var status = stat()
    stat(blob.appendingPathExtension("incomplete").path, &status)
    return Int(status.st_blocks) * 512
  }

  private let content = ContentID.sha256(String(repeating: "0", count: 64))

  @Test func allocatedBlocksNeedNoRoom() {
    #expect(BlobWriter.need(1 << 20, count: 0, blocks: 0) == 1 << 20)
    #expect(BlobWriter.need(1 << 20, count: 1 << 19, blocks: 0) == 1 << 19)
    #expect(BlobWriter.need(1 << 20, count: 1000, blocks: 1 << 10) == 1 << 19)
    #expect(BlobWriter.need(1 << 20, count: 1000, blocks: 1 << 12) == 0)
    #expect(BlobWriter.need(1 << 20, count: 1000, blocks: .max) == 1 << 20 - 1000)
  }

  /// Whatever size a server announces, the disk fills as bytes arrive.
  @Test func blocksComeWithTheBytes() throws {
    try withBlob { blob in
      do {
        let writer = try BlobWriter(blob, content, size: 80 << 20)
        try withExtendedLifetime(writer) {
          #expect(held(blob) == 0)
          try [UInt8](repeating: 1, count: 1000).withUnsafeBytes { try writer.append($0) }
          #expect(held(blob) <= 65 << 20)
        }
      }
      #expect(held(blob) <= 1 << 16)
    }
  }

  /// A kill leaves blocks that are allocated ahead: as here, where the first writer never ends.
  @Test func allocatedBlocksAreResumed() throws {
    try withBlob { blob in
      let bytes = Bench.bytes(2 << 20, seed: 12)
      var hash = content.hasher(size: bytes.count)
      bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
      let right = ContentID.sha256(hash.hexadecimal)
      let killed = try BlobWriter(blob, right, size: bytes.count)
      try bytes.withUnsafeBytes { try killed.append(UnsafeRawBufferPointer(rebasing: $0[..<60_000])) }
      try withExtendedLifetime(killed) {
        let writer = try BlobWriter(blob, right, size: bytes.count)
        #expect(writer.count == 60_000)
        try bytes.withUnsafeBytes { try writer.append(UnsafeRawBufferPointer(rebasing: $0[60_000...])) }
        #expect(try writer.finish() == nil)
        #expect(try Data(contentsOf: blob) == Data(bytes))
      }
    }
  }

  /// An option that libcurl does not know is no request without it.
  @Test func optionsThatAreNotTaken() throws {
    let curl = try CurlHandle()
    curl.set(.init(rawValue: 99_999), 1)
    let refused = curl.perform(headers: [])
    #expect(refused.code.rawValue != 0)
    #expect(refused.message.hasPrefix("libcurl's option 99999: "), "\(refused.message)")
    curl.reset()
    #expect(!curl.perform(headers: []).message.hasPrefix("libcurl's"))
  }
}
