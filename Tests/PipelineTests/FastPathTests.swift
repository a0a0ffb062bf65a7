import ByteLevelBPE
import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing
import TokenizerKit
import WordPiece
import Zlib

@testable import Pipeline

/// Faster ways to the same result, against the components one by one.
struct FastPathTests {
  /// The tokenizer that goes through the components one by one.
  private func general(_ document: JSON) throws -> PipelineTokenizer {
    PipelineTokenizer(
      try PipelineDescription(
        TokenizerDocument(parsing: Array(document.text().utf8)), TokenizerSettings(defaults: [:])),
      takesFastPaths: false)
  }

  private func texts(_ golden: Golden) throws -> [String] {
    try golden.lines.map { try TokenizerCase(parsing: $0).text }
      + [
        "", " ", "  ", " a", "a ", "a  b", "\u{2581}", " \u{2581} a", "a\u{2581}\u{2581}b\u{2581}", "\u{7F}a",
        "a\u{7F}",
      ]
      + [
        "ｶ\u{7F}ﾞ", "㍿\u{7F} b", " \u{301}a", "a \u{301}", "\u{85}a\u{85}",
        "\u{3000}a\u{3000}\u{3000}b\u{3000}",
      ]
  }

  @Test(arguments: ["xlm-roberta", "camembert", "albert", "albert-cased", "deberta", "late"])
  func sentencePiece(pipeline: String) throws {
    let golden = try #require(try Golden.read(pipeline == "late" ? "xlm-roberta" : pipeline).first)
    var document = golden.document
    if pipeline == "late" {
      // As the later converters of transformers 4 have it.
      let precompiled = try #require(document["normalizer"])
      let parts = [precompiled, StripNormalizer(left: false).json]
      let spaces = ReplaceNormalizer(.spaces, with: "\u{2581}").json
      document = document.changed([
        "normalizer": ["type": "Sequence", "normalizers": .array(parts + [spaces])],
        "pre_tokenizer": MetaspacePreTokenizer().json,
      ])
    }
    let description = try PipelineDescription(
      TokenizerDocument(parsing: Array(document.text().utf8)), TokenizerSettings(defaults: [:]))
    #expect(
      SentencePiecePath(description.normalizer, description.preTokenizer, description.model) != nil,
      "there is no fast path")
    let (fast, slow) = (PipelineTokenizer(description), try general(document))
    for text in try texts(golden) {
      #expect(fast.encode(text) == slow.encode(text), "\(text.debugDescription)")
      #expect(fast.encode(text, maximumLength: 5) == slow.encode(text, maximumLength: 5))
    }
  }

  @Test(arguments: ["mpnet"])
  func wordPiece(pipeline: String) throws {
    let golden = try #require(try Golden.read(pipeline).first)
    try withTemporaryDirectory { directory in
      try Data(golden.document.text().utf8).write(to: directory.appendingPathComponent("tokenizer.json"))
      try golden.check(try #require(try WordPieceTokenizer.load(from: directory)))
    }
  }

  /// The goldens of BERT's vocabulary, by the components.
  @Test(arguments: ["uncased", "cased", "keep-accents.characters", "cased-no-chinese.characters"])
  func wordPieceGoldens(file: String) throws {
    func read(_ name: String) throws -> [UInt8] {
      try Gzip.decompress(file: fixtures.appending(path: "tokenizer/\(name).gz"), limit: 1 << 30)
    }
    let lines = try read("\(file).jsonl").split(separator: UInt8(ascii: "\n"))
    let settings = try JSON(parsing: lines[0])
    let configuration: JSON = [
      "do_lower_case": settings["lowercase"] ?? .null, "strip_accents": settings["strip_accents"] ?? .null,
      "tokenize_chinese_chars": settings["handle_chinese_chars"] ?? .null,
    ]
    let vocabulary = try read(try #require(settings["vocabulary"]?.string))
    let (fast, slow) = try withTemporaryDirectory { directory in
      try Data(vocabulary).write(to: directory.appendingPathComponent("vocab.txt"))
      try Data(configuration.text().utf8).write(to: directory.appendingPathComponent("tokenizer_config.json"))
      let fast = try #require(try WordPieceTokenizer.load(from: directory))
      try fast.write(to: directory)
      return (fast, try #require(try PipelineTokenizer.load(from: directory)))
    }
    for line in lines.dropFirst() {
      let golden = try TokenizerCase(parsing: line)
      let encoding = slow.encode(golden.text)
      #expect(encoding.ids == golden.ids && encoding.offsets == golden.offsets)
      #expect(encoding == fast.encode(golden.text))
    }
  }

  /// The goldens of byte-level BPE, by the components.
  @Test(arguments: [
    "plain", "prefix", "prefix-trimmed", "untrimmed", "gpt2", "template", "bare", "one-word", "added",
  ])
  func byteLevelGoldens(setting: String) throws {
    let directory = fixtures.appending(path: "bpe")
    func read(_ name: String) throws -> [UInt8] {
      try Gzip.decompress(file: directory.appending(path: name), limit: 1 << 26)
    }
    let lines = try read("\(setting).jsonl.gz").split(separator: UInt8(ascii: "\n"))
    let base = try JSON(parsing: read("tokenizer.json.gz"))
    let changes = try JSON(parsing: lines[0])["changes"] ?? [:]
    var members = base.object ?? [:]
    for (key, value) in changes.object ?? [:] where key != "model" { members[key] = value }
    let golden = Golden(name: setting, document: .object(members), lines: Array(lines.dropFirst()))
    try golden.check(try general(golden.document))
  }
}
