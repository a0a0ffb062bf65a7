import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing

/// The smallest weight format: a mark, then one uint8 tensor called `all`.
struct RawFormat: WeightFormat {
  static let name = "raw"
  func open(_ file: RandomAccessFile) throws -> Weights? {
    guard try file.head(4).elementsEqual("RAW1".utf8) else { return nil }
    return Weights(["all": LazyTensor(TensorSpec(.uint8, [file.size - 4]), in: file, at: 4)])
  }
}

/// Another of the same name.
struct OtherRawFormat: WeightFormat {
  static let name = "raw"
  func open(_ file: RandomAccessFile) throws -> Weights? { Weights() }
}

enum RawPlugin: Plugin {
  static func register(in registry: inout Registry) throws { try registry.add(RawFormat.self) }
}

enum OtherRawPlugin: Plugin {
  static func register(in registry: inout Registry) throws { try registry.add(OtherRawFormat.self) }
}

@Suite struct RegistryTests {
  @Test func aNameIsTakenOnce() throws {
    let error = #expect(throws: GraftError.self) { try Registry([RawPlugin.self, OtherRawPlugin.self]) }
    #expect(
      error?.description
        == "two plugins register the weight format 'raw'. Remove one of them from the list of plugins.")
    var registry = try Registry([RawPlugin.self])
    #expect(throws: GraftError.self) { try registry.add(OtherRawFormat.self) }
    #expect(try registry.formats.find("raw") == RawFormat.self)
  }

  @Test func anUnknownNameListsTheKnownOnes() throws {
    let registry = try Registry([RawPlugin.self])
    let error = #expect(throws: GraftError.self) { try registry.formats.find("Raw") }
    #expect(error?.description == "unknown weight format 'Raw'. Known: raw. Did you mean 'raw'?")
    #expect(error?.kind == .unknownName)
    let none = #expect(throws: GraftError.self) { try registry.tasks.find("masked-lm") }
    #expect(none?.description == "unknown task 'masked-lm'. None is registered.")
    #expect(registry.backends.names == ["reference"])
  }

  @Test func theContentDecidesTheFormat() throws {
    try withTemporaryDirectory { directory in
      let registry = try Registry([RawPlugin.self])
      let url = directory.appendingPathComponent("pytorch_model.bin")
      try FileWriter.write(url, text: "RAW1abc")
      let (weights, format) = try registry.openWeights(url)
      #expect(format == "raw")
      #expect(try weights["all"]?.bytes() == Array("abc".utf8))
      let error = #expect(throws: GraftError.self) { try RawFormat().write(weights, to: url) }
      #expect(error?.description == "\(url.path): the format 'raw' can be read but not written.")
    }
  }

  @Test(arguments: [
    ("", "an empty file, not weights. Download it again."),
    (
      "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
      "a Git LFS pointer, not weights. Run 'git lfs pull' in its repository to fetch the file itself."
    ),
    (
      "<html>",
      "an HTML page, not weights. "
        + "The download was answered with a page: download the file itself, logged in if the model asks for it."
    ),
    ("{\"a\": 1}", "a JSON text, not weights. Name the weight file, or a shard index called '*.index.json'."),
    ("GGUF\u{3}", "a GGUF file, not weights. llama.cpp uses such files; it needs the plugin for GGUF."),
    ("something else", "a text, not weights. Name the weight file."),
    ("\u{1}\u{2}", "no known weight format. Known formats: raw."),
  ])
  func whatIsNotWeightsIsNamed(_ content: String, _ message: String) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("weights")
      try FileWriter.write(url, text: content)
      let error = #expect(throws: GraftError.self) { try Registry([RawPlugin.self]).openWeights(url) }
      #expect(error?.description == "\(url.path): \(message)")
    }
  }

  @Test func everyKindOfFileHasItsMark() {
    var tar = [UInt8](repeating: 0, count: 512)
    tar.replaceSubrange(257..<262, with: Array("ustar".utf8))
    let marks: [FileKind: [UInt8]] = [
      .empty: [], .lfsPointer: Array("version https://git-lfs.github.com/spec/v1".utf8),
      .html: Array("\u{FEFF} \n<!DocType HTML>".utf8), .xml: Array("<?xml version=\"1.0\"?>".utf8),
      .gzip: [0x1F, 0x8B, 8, 0], .zip: Array("PK\u{3}\u{4}".utf8), .tar: tar,
      .hdf5: [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A, 0],
      .pickle: [0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9],
      .numpy: [0x93] + Array("NUMPY\u{1}".utf8),
      .gguf: Array("GGUF".utf8), .json: Array(" {\"a\"".utf8),
      .zeros: [0, 0], .text: Array("[PAD]\n–".utf8.dropLast()),
    ]
    #expect(Set(marks.keys) == Set(FileKind.allCases))
    for (kind, head) in marks { #expect(FileKind(head) == kind) }
    // The length of a safetensors header may look like a pickle's beginning.
    #expect(FileKind([0x80, 0x02, 0, 0, 0, 0, 0, 0] + Array("{\"a\"".utf8)) == nil)
  }
}
