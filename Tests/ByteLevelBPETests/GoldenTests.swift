import ByteLevelBPE
import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing
import Zlib

/// Ids, types, offsets and decoded texts against those of Hugging Face `tokenizers`; see Fixtures/bpe/make.py.
struct GoldenTests {
  static let settings = [
    "plain", "prefix", "prefix-trimmed", "untrimmed", "prefix-untrimmed", "gpt2", "template", "bare",
    "one-word",
    "added", "whole-words", "few-bytes", "unknown", "fused-unknown",
  ]

  @Test(arguments: settings)
  func agrees(setting: String) throws {
    try check(setting, in: bpeFixtures) { try load(["tokenizer.json": $0.text()]) }
  }

  /// The many cases that are too large to commit: `make.py --full` writes them.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["GRAFT_BPE_GOLDENS"] != nil), arguments: settings)
  func agreesInFull(setting: String) throws {
    let directory = try #require(ProcessInfo.processInfo.environment["GRAFT_BPE_GOLDENS"])
    try check(setting, in: URL(fileURLWithPath: directory)) { try load(["tokenizer.json": $0.text()]) }
  }

  /// The same tokenizer from `vocab.json` and `merges.txt`, where nothing says more.
  @Test func agreesFromVocabularyAndMerges() throws {
    try check("plain", in: bpeFixtures) { try load(Self.oldFiles($0, maskIsInVocabulary: true)) }
    try check("plain", in: bpeFixtures) { document in
      var files = Self.oldFiles(document, maskIsInVocabulary: false)
      files["added_tokens.json"] = #"{"<mask>": 1999}"#
      return try load(files)
    }
  }

  @Test(arguments: settings)
  func agreesWhenWritten(setting: String) throws {
    try check(setting, in: bpeFixtures) { document in
      let tokenizer = try #require(try load(["tokenizer.json": document.text()]))
      return try withTemporaryDirectory { directory in
        try tokenizer.write(to: directory)
        return try ByteLevelBPETokenizer.load(from: directory)
      }
    }
  }

  private static func oldFiles(_ document: JSON, maskIsInVocabulary: Bool) -> [String: String] {
    var vocabulary = document["model"]?["vocab"]?.object ?? [:]
    if maskIsInVocabulary { vocabulary["<mask>"] = 1999 }
    let merges = (document["model"]?["merges"]?.array ?? []).compactMap { $0.array?.compactMap(\.string) }
    return [
      "vocab.json": JSON.object(vocabulary).text(),
      "merges.txt": "#version: 0.2\n" + merges.map { $0.joined(separator: " ") + "\n" }.joined(),
    ]
  }

  private func check(_ setting: String, in directory: URL, _ load: (JSON) throws -> ByteLevelBPETokenizer?)
    throws
  {
    let bytes = try Gzip.decompress(
      file: directory.appendingPathComponent("\(setting).jsonl.gz"), limit: 1 << 31)
    let lines = bytes.split(separator: UInt8(ascii: "\n"))
    let changes = try JSON(parsing: lines[0])["changes"] ?? [:]
    let tokenizer = try #require(try load(document(in: directory).changed(by: changes)))
    var differing = 0
    for line in lines.dropFirst() {
      let golden = try Case(parsing: line)
      let encoding = tokenizer.encode(
        golden.text, pair: golden.pair, truncation: golden.truncation, addSpecialTokens: true)
      let sequences = encoding.ids.indices.map { encoding.sequence(ofToken: $0) }
      if encoding.ids == golden.ids, encoding.offsets == golden.offsets,
        golden.types == nil || encoding.tokenTypes == golden.types,
        golden.sequences == nil || sequences == golden.sequences,
        tokenizer.decode(encoding.ids, skippingSpecialTokens: false).utf8.elementsEqual(golden.decoded.utf8),
        tokenizer.decode(encoding.ids, skippingSpecialTokens: true).utf8.elementsEqual(golden.skipped.utf8)
      {
        continue
      }
      differing += 1
      if differing <= 3 {
        Issue.record(
          """
          \(String(decoding: line, as: UTF8.self))
          \(encoding.ids) \(encoding.offsets) \(encoding.tokenTypes) \(sequences)
          \(tokenizer.decode(encoding.ids, skippingSpecialTokens: true).debugDescription)
          """)
      }
    }
    #expect(lines.count > 300)
    #expect(differing == 0, "of \(lines.count - 1)")
  }

  private struct Case {
    var text = ""
    var pair: String?
    var truncation: Truncation?
    var ids: [Int32] = []
    var offsets: [Range<Int>] = []
    var types: [Int32]?
    var sequences: [Int?]?
    var decoded = ""
    var skipped = ""

    init(parsing line: some Collection<UInt8>) throws {
      var reader = JSONReader(line)
      try reader.object { reader, key in
        switch key {
        case "text": text = try reader.string()
        case "pair": pair = try reader.string()
        case "decoded": decoded = try reader.string()
        case "skipped": skipped = try reader.string()
        case "max_length": cut.maximumLength = try reader.integer()
        case "strategy":
          let name = try reader.string()
          cut.strategy =
            name == "only_first" ? .onlyFirst : name == "only_second" ? .onlySecond : .longestFirst
        case "direction": cut.direction = try reader.string() == "left" ? .left : .right
        case "ids": ids = try Case.numbers(&reader).map { Int32($0) }
        case "types": types = try Case.numbers(&reader).map { Int32($0) }
        case "sequences":
          var found: [Int?] = []
          try reader.array { found.append(try $0.null() ? nil : try $0.integer()) }
          sequences = found
        case "offsets":
          try reader.array { reader in
            let bounds = try Case.numbers(&reader)
            offsets.append(bounds[0]..<bounds[1])
          }
        default: try reader.skip()
        }
      }
    }

    /// What is cut, once something says so.
    private var cut: Truncation {
      get { truncation ?? Truncation(0) }
      set { truncation = newValue }
    }

    private static func numbers(_ reader: inout JSONReader) throws -> [Int] {
      var numbers: [Int] = []
      try reader.array { numbers.append(try $0.integer()) }
      return numbers
    }
  }
}
