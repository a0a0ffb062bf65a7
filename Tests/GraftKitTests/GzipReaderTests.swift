import CZlib
import Foundation
import GraftCompute
import GraftTensors
import TestSupport
import Testing
import Zlib

@Suite struct GzipReaderTests {
  /// "hello, hello\n" by `printf 'hello, hello\n' | gzip -n`.
  static let hello: [UInt8] = [
    0x1F, 0x8B, 0x08, 0, 0, 0, 0, 0, 0, 0x03, 0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0xD7, 0x51, 0xC8, 0x00, 0x51,
    0x5C,
    0x00, 0xDB, 0x25, 0x26, 0x1F, 0x0D, 0, 0, 0,
  ]

  @Test func readsWhatGzipWrote() throws {
    #expect(try expand(Self.hello) == Array("hello, hello\n".utf8))
  }

  @Test(arguments: [1, 7, 4096, 1 << 17]) func readsThroughAnyBuffer(_ size: Int) throws {
    let text = sample(300_000)
    #expect(try expand(try compress(text), buffer: size) == text)
  }

  @Test func readsMembersOneAfterAnother() throws {
    let parts = [sample(100_000), [], Array("middle".utf8), sample(10)]
    let bytes = try parts.flatMap(compress)
    #expect(try expand(bytes) == parts.flatMap { $0 })
    #expect(try expand(bytes + [UInt8](repeating: 0, count: 100_000)) == parts.flatMap { $0 })
  }

  @Test func readsAHeaderWithName() throws {
    let named = Self.hello[..<3] + [0x08] + Self.hello[4..<10] + Array("a name\0".utf8) + Self.hello[10...]
    #expect(try expand(Array(named)) == Array("hello, hello\n".utf8))
  }

  @Test func everyTruncationIsAnError() throws {
    let bytes = try compress(sample(500))
    for count in 0..<bytes.count {
      let error = #expect(throws: GraftError.self) { try expand(Array(bytes[..<count])) }
      #expect(error?.problem.contains(count < 3 ? "not a gzip file" : "truncated") == true)
    }
    for count in 1..<bytes.count {
      #expect(throws: GraftError.self) { try expand(bytes + bytes[..<count]) }
    }
  }

  @Test func corruptDataIsAnErrorAndThenTheEnd() throws {
    var bytes = try compress(sample(5000))
    bytes[bytes.count - 6] ^= 1  // the checksum
    try withFile(bytes) { url in
      let reader = try GzipReader(RandomAccessFile(url))
      var buffer = [UInt8](repeating: 0, count: 10_000)
      let error = #expect(throws: GraftError.self) { try buffer.withUnsafeMutableBytes(reader.read) }
      #expect(
        error?.description
          == "\(url.path): corrupt compressed data before byte \(bytes.count - 4): incorrect data check. "
          + "Copy or download it again."
      )
      #expect(try buffer.withUnsafeMutableBytes(reader.read) == 0)
    }
  }

  @Test func noMutationCrashes() throws {
    let bytes = try compress(sample(200))
    let original = sample(200)
    for position in bytes.indices {
      for bit in 0..<8 {
        var mutated = bytes
        mutated[position] ^= 1 << bit
        // Name, time and system in the header may change without harm; data may not come out changed.
        if let result = try? expand(mutated) { #expect(result == original) }
      }
    }
  }

  @Test func aBombIsStoppedAtTheLimit() throws {
    let bytes = try compress([UInt8](repeating: 0, count: 20 << 20))
    #expect(bytes.count < 30_000)
    try withFile(bytes) { url in
      let error = #expect(throws: GraftError.self) { try Gzip.decompress(file: url, limit: 1 << 20) }
      #expect(
        error?.description
          == "\(url.path): too large when decompressed; expected at most 1048576 bytes, found more."
      )
      let whole = try Gzip.decompress(file: url, limit: 20 << 20)
      #expect(whole.count == 20 << 20)
    }
  }

  // MARK: -

  /// Text that compresses, and neither trivially nor to less than a window.
  func sample(_ count: Int) -> [UInt8] {
    var generator = RandomKey(seed: 1).generator
    return (0..<count).map { _ in UInt8(ascii: "a") + UInt8(generator.nextWord() >> 28) }
  }

  func compress(_ bytes: [UInt8]) throws -> [UInt8] {
    var stream = z_stream()
    try #require(
      deflateInit2_(&stream, 6, Z_DEFLATED, 31, 8, 0, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        == Z_OK
    )
    defer { deflateEnd(&stream) }
    var input = bytes
    var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))))
    let status = input.withUnsafeMutableBufferPointer { input in
      output.withUnsafeMutableBufferPointer { output in
        stream.next_in = input.baseAddress
        stream.avail_in = UInt32(input.count)
        stream.next_out = output.baseAddress
        stream.avail_out = UInt32(output.count)
        return deflate(&stream, Z_FINISH)
      }
    }
    try #require(status == Z_STREAM_END)
    return Array(output.prefix(Int(stream.total_out)))
  }

  func expand(_ bytes: [UInt8], buffer size: Int = 1000) throws -> [UInt8] {
    try withFile(bytes) { url in
      let reader = try GzipReader(RandomAccessFile(url))
      var buffer = [UInt8](repeating: 0, count: size)
      var output: [UInt8] = []
      while case let count = try buffer.withUnsafeMutableBytes(reader.read), count > 0 {
        output += buffer[..<count]
      }
      return output
    }
  }

  func withFile<Result>(_ bytes: [UInt8], _ body: (URL) throws -> Result) throws -> Result {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "file.gz")
      try Data(bytes).write(to: url)
      return try body(url)
    }
  }
}
