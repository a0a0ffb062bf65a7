import Foundation
import GraftTensors
import TestSupport
import Testing
import Zip

/// Where entries say that their bytes are. An entry's header has 30 bytes and its name.
@Suite struct OriginTests {
  private func with(_ entries: [Archive.Entry], _ body: (ZipArchive, [UInt8]) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let (url, bytes) = (directory.appending(path: "a.zip"), Archive(entries: entries).bytes)
      try Data(bytes).write(to: url)
      try body(try ZipArchive(RandomAccessFile(url)), bytes)
    }
  }

  private func packed(_ name: String, _ content: [UInt8]) -> Archive.Entry {
    let data = deflated(content)
    return .init(name: name, data: data, method: 8, size: content.count, checksum: Int(crc(content)))
  }

  @Test("a stored entry is the range of the file that holds it")
  func stored() throws {
    try with([.init(), .init(name: "bc", data: Array("world".utf8))]) { archive, bytes in
      let entries = Array(archive.entries.values)
      let tensors = entries.map { LazyTensor(TensorSpec(.uint8, [5]), in: archive, $0) }
      #expect(tensors.map(\.origin.offset) == [31, 36 + 32])
      #expect(tensors.map(\.origin.byteCount) == [5, 5])
      #expect(bytes[68..<73].elementsEqual("world".utf8))
      let rest = LazyTensor(TensorSpec(.uint8, [3]), in: archive, entries[1], from: 2)
      #expect(rest.origin.offset == 70 && rest.origin.byteCount == 3)
      #expect(!tensors[0].hasSameOrigin(as: tensors[1]))
      let plain = LazyTensor(TensorSpec(.uint8, [5]), in: archive.file, at: 68)
      #expect(tensors[1].hasSameOrigin(as: plain) && !tensors[0].hasSameOrigin(as: plain))
    }
  }

  @Test("a deflated entry is no range of the file, even where it is as long as one")
  func deflatedEntries() throws {
    let (zeros, ones) = ([UInt8](repeating: 0, count: 1000), [UInt8](repeating: 1, count: 1000))
    let entries = [packed("a", zeros), packed("b", ones)]
    let count = entries[0].data.count
    #expect(entries[1].data.count == count)
    try with(entries) { archive, bytes in
      let spec = TensorSpec(.uint8, [1000])
      let tensors = archive.entries.values.map { LazyTensor(spec, in: archive, $0) }
      #expect(tensors.map(\.origin.offset) == [31, 31 + count + 31])
      #expect(tensors.map(\.origin.byteCount) == [count, count])
      #expect(!tensors[0].hasSameOrigin(as: tensors[1]))
      #expect(try !tensors[0].isIdentical(to: tensors[1]))
      #expect(tensors[0].hasSameOrigin(as: LazyTensor(spec, in: archive, try #require(archive.entries["a"]))))

      // The last bytes of the entry, as many as it has in the file, and those in the file.
      let part = TensorSpec(.uint8, [count])
      let unpacked = LazyTensor(part, in: archive, try #require(archive.entries["b"]), from: 1000 - count)
      let plain = LazyTensor(part, in: archive.file, at: 31 + count + 31)
      #expect(!unpacked.hasSameOrigin(as: plain))
      #expect(try !unpacked.isIdentical(to: plain))
      #expect(try unpacked.bytes() == ones.suffix(count))
      #expect(try plain.bytes() == entries[1].data)
    }
  }
}
