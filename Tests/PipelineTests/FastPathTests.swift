import ByteLevelBPE
import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing
import TokenizerCases
import TokenizerKit
import WordPiece
import Zlib

@testable import Pipeline

/// Faster ways to the same result, against the components one by one.
struct FastPathTests {
  /// The tokenizer that goes through the components one by one.
  private func general(_ document: JSON) throws -> PipelineTokenizer {
    try PipelineTokenizer(
      PipelineDescription(
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

  /// The goldens of a pipeline; "late" is XLM-RoBERTa as the later converters of transformers 4 have it.
  private func golden(_ pipeline: String) throws -> Golden {
    let isLate = pipeline == "late"
    let golden = try #require(try Golden.read(isLate ? "xlm-roberta" : pipeline).first)
    guard isLate else { return golden }
    let precompiled = try #require(golden.document["normalizer"])
    let parts = [precompiled, StripNormalizer(left: false).json]
    let spaces = ReplaceNormalizer(.spaces, with: "\u{2581}").json
    let document = golden.document.changed([
      "normalizer": ["type": "Sequence", "normalizers": .array(parts + [spaces])],
      "pre_tokenizer": MetaspacePreTokenizer().json,
    ])
    return Golden(name: pipeline, document: document, lines: golden.lines)
  }

  @Test(arguments: ["xlm-roberta", "camembert", "albert", "albert-cased", "deberta", "late"])
  func sentencePiece(pipeline: String) throws {
    let golden = try golden(pipeline)
    let document = golden.document
    let description = try PipelineDescription(
      TokenizerDocument(parsing: Array(document.text().utf8)), TokenizerSettings(defaults: [:]))
    #expect(
      SentencePiecePath([try #require(description.normalizer)], description.preTokenizer, description.model)
        != nil,
      "there is no fast path")
    let (fast, slow) = (try PipelineTokenizer(description), try general(document))
    for text in try texts(golden) {
      #expect(fast.encode(text) == slow.encode(text), "\(text.debugDescription)")
      #expect(fast.encode(text, maximumLength: 5) == slow.encode(text, maximumLength: 5))
    }
  }

  /// Texts in a row are cut into words, which are remembered: with characters at the cuts that join spaces, that
  /// normalizers remove or make spaces of, and that move the places of what follows.
  @Test(arguments: [
    "xlm-roberta", "camembert", "albert", "albert-cased", "deberta", "late", "modernbert", "mpnet",
    "wordlevel",
    "openai-gpt", "openai-gpt-fused", "bpe-prefixed",
  ])
  func wordByWord(pipeline: String) throws {
    let golden = try golden(pipeline)
    let (fast, slow) = (
      try #require(try load(["tokenizer.json": golden.document.text()])), try general(golden.document)
    )
    #expect(fast.wordwisePath != nil, "texts are not cut")
    let characters = [
      "e\u{301}", "\u{915}\u{94D}\u{937}", "\u{600}", "\u{600}a", "\u{301}a", "\u{FE70}", "\u{200D}", "\u{1}",
      "\u{FB01}",
      "\u{AC01}", "\u{1F469}\u{200D}\u{1F469}", "\u{E33}", "A\u{430}", "\u{602}R8", "\u{7F}\u{1AC5}", "``",
      "\u{3000}", "\u{2581}",
    ]
    let texts = try texts(golden)
    for (index, text) in texts.enumerated() {
      let middle = characters[index % characters.count]
      let joined = [text, middle, texts[(index * 7 + 3) % texts.count]].joined(separator: " ")
      for joined in [joined, middle + joined, joined + " " + middle] {
        let expected = slow.encode(joined)
        #expect(fast.encode(joined) == expected, "\(joined.debugDescription)")
        #expect(fast.encode(joined) == expected, "from memory: \(joined.debugDescription)")
      }
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
