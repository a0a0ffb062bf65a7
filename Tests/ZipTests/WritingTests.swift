import TestSupport
import Foundation
import GraftTensors
import Testing
import Zip

@Suite struct WritingTests {
  @Test func writesWhatItReads() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("a.zip")
      let large = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
      try ZipWriter.write(url) { archive in
        try archive.append(
          "folder/größe", [1, 2, 3], LazyTensor(TensorSpec(.uint8, [large.count]), bytes: large))
        try archive.append("empty", [])
        for index in 0..<70 { try archive.append("\(index)", [UInt8(index)]) }
      }
      let archive = try ZipArchive(RandomAccessFile(url))
      #expect(Array(archive.entries.keys.prefix(3)) == ["folder/größe", "empty", "0"])
      let entry = try #require(archive.entries["folder/größe"])
      #expect(try archive.bytes(of: entry, limit: 1 << 22) == [1, 2, 3] + large)
      #expect(try archive.head(of: entry, 4) == [1, 2, 3, large[0]])
      // Entries begin aligned.
      let bytes = try Data(contentsOf: url)
      #expect(bytes[64..<67].elementsEqual([1, 2, 3]))
    }
  }

  @Test func moreEntriesThanFitInSixteenBits() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("a.zip")
      try ZipWriter.write(url) { archive in
        for index in 0..<65_600 { try archive.append("\(index)", []) }
      }
      #expect(try ZipArchive(RandomAccessFile(url)).entries.count == 65_600)
    }
  }

  @Test(arguments: ["../a", "/a", "a\0", String(repeating: "x", count: 70_000)])
  func refusesAName(_ name: String) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("a.zip")
      let error = #expect(throws: GraftError.self) { try ZipWriter.write(url) { try $0.append(name, []) } }
      #expect(error?.problem == "a zip archive cannot hold an entry of this name")
      #expect(!FileManager.default.fileExists(atPath: url.path))
    }
  }
}
