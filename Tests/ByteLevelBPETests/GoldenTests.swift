import ByteLevelBPE
import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing
import TokenizerCases
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
      guard let difference = try TokenizerCase(parsing: line).difference(from: tokenizer) else { continue }
      differing += 1
      if differing <= 3 { Issue.record("\(difference)") }
    }
    #expect(lines.count > 300)
    #expect(differing == 0, "of \(lines.count - 1)")
  }
}
