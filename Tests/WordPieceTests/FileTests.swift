import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing
import TokenizerKit

@testable import WordPiece

/// What is read from the files of a checkpoint, and what is written.
struct FileTests {
  @Test func nothingThere() throws {
    #expect(try load([String: String]()) == nil)
    #expect(try load(["tokenizer_config.json": "{}"]) == nil)
  }

  @Test func anotherModel() throws {
    let document = #"{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}"#
    #expect(try load(["tokenizer.json": document, "vocab.txt": "a"]) == nil)
    let unigram = #"{"model": {"type": "Unigram", "vocab": [["a", 0.5]]}}"#
    #expect(try load(["tokenizer.json": unigram]) == nil)
  }

  @Test func documentWinsOverLines() throws {
    let tokenizer = try #require(try load(["tokenizer.json": smallDocument(), "vocab.txt": "a\na"]))
    #expect(tokenizer.vocabularySize == smallVocabulary.count)
    #expect(tokenizer.token(of: 5) == "un")
    #expect(tokenizer.token(of: 29) == nil && tokenizer.token(of: -1) == nil)
    let roles = SpecialTokens(padding: 0, unknown: 1, classification: 2, separator: 3, mask: 4)
    #expect(tokenizer.specialTokens == roles)
  }

  @Test("a line twice is no token '' when its vocabulary is written and read again") func repeatedLine()
    throws
  {
    var lines = smallVocabulary
    lines[14] = "i"
    let tokenizer = try #require(try load(["vocab.txt": lines.joined(separator: "\n")]))
    try withTemporaryDirectory { directory in
      try tokenizer.write(to: directory)
      let written = try Data(contentsOf: directory.appending(path: "vocab.txt"))
      let again = try #require(try load(["vocab.txt": Array(written)]))
      #expect(again.notes == tokenizer.notes && again.notes.count == 1)
      for text in ["the i un x", "unaffable b!"] {
        #expect(again.encode(text).ids == tokenizer.encode(text).ids)
      }
      #expect(again.token(of: 14) == nil || again.token(of: 14) == tokenizer.token(of: 14))
      #expect(again.vocabularySize == tokenizer.vocabularySize)
    }
  }

  @Test("many added tokens with other ids than their file says have one sentence") func movedTokens() throws {
    let moved = (0..<60).map { "\"<new\($0)>\": \(5000 + $0)" }.joined(separator: ", ")
    let tokenizer = try #require(
      try load([
        "vocab.txt": smallVocabulary.joined(separator: "\n"), "added_tokens.json": "{\(moved)}",
      ]))
    #expect(
      tokenizer.notes == [
        "60 added tokens have other ids than their file says, as in transformers: '<new0>' 29 for 5000, '<new1>' 30 for 5001, '<new2>' 31 for 5002 and so on"
      ])
  }

  @Test func settingsBesideLines() throws {
    let tokenizer = try #require(
      try load([
        "vocab.txt": smallVocabulary.joined(separator: "\r\n") + "\r\n",
        "tokenizer_config.json": #"{"do_lower_case": false, "mask_token": {"content": "x", "lstrip": true}}"#,
        "special_tokens_map.json": #"{"pad_token": "!"}"#,
        "added_tokens.json": #"{"<new>": 29}"#,
      ]))
    #expect(tokenizer.specialTokens.mask == 15 && tokenizer.specialTokens.padding == 28)
    #expect(tokenizer.encode("Foo<new>foo").ids == [2, 1, 29, 12, 3])
    #expect(tokenizer.vocabularySize == 30)
  }

  /// Against what transformers takes from the same files; see Fixtures/tokenizer/settings.py.
  @Test func settingsOfSeveralFiles() throws {
    let vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "<p>", "<q>", "x"]
    let goldens = try Data(contentsOf: tokenizerFixtures.appending(path: "settings.jsonl"))
      .split(separator: UInt8(ascii: "\n"))
    #expect(goldens.count > 30)
    for line in goldens {
      let golden = try JSON(parsing: Array(line))
      let settings = try #require(golden["files"])
      var files = ["vocab.txt": vocabulary.joined(separator: "\n")]
      for member in settings.members ?? [] { files[member.key] = member.value.text() }
      guard golden["error"] == nil else {
        let error = #expect(throws: GraftError.self, "\(settings.text())") { try load(files) }
        #expect(error?.kind == .malformed && error?.file?.hasSuffix(".json") == true)
        continue
      }
      let tokenizer = try #require(try load(files))
      func ids(_ isIncluded: (AddedToken) -> Bool) -> JSON {
        .array(
          tokenizer.addedTokens.filter(isIncluded).map { JSON(Int($0.id)) }.sorted {
            $0.int ?? 0 < $1.int ?? 0
          })
      }
      #expect(tokenizer.specialTokens.padding.map { Int($0) } == golden["padding"]?.int, "\(settings.text())")
      #expect(ids(\.isSpecial) == golden["special"], "\(settings.text())")
      #expect(ids { !$0.isSpecial } == golden["plain"], "\(settings.text())")
      #expect(ids(\.stripsLeft) == golden["stripping"], "\(settings.text())")
      let encoding = tokenizer.encode(golden["text"]?.string ?? "")
      #expect(.array(encoding.ids.map { JSON(Int($0)) }) == golden["ids"], "\(settings.text())")
    }
  }

  /// The ids, types and offsets are those of `MPNetTokenizer` in transformers 5.23: `<s> A </s> </s> B </s>`.
  @Test func linesOfAnotherClass() throws {
    let lines = ["<s>", "<pad>", "</s>", "[UNK]", "a", "b", "<mask>"]
    let tokenizer = try #require(
      try load([
        "vocab.txt": lines.joined(separator: "\n"),
        "tokenizer_config.json": #"{"tokenizer_class": "MPNetTokenizer"}"#,
      ]))
    #expect(
      tokenizer.specialTokens
        == SpecialTokens(padding: 1, unknown: 3, classification: 0, separator: 2, mask: 6))
    let encoding = tokenizer.encode("a <mask>", pair: "b c", maximumLength: nil, addSpecialTokens: true)
    #expect(encoding.ids == [0, 4, 6, 2, 2, 5, 3, 2])
    #expect(encoding.tokenTypes == [0, 0, 0, 0, 0, 0, 0, 0])
    #expect(encoding.offsets[2] == 2..<8)
  }

  @Test func looksTheSameButIsAnotherToken() throws {
    // One key for a Swift dictionary: U+212B, U+00C5 and U+0041 U+030A are canonically equivalent.
    let tokens = smallVocabulary + ["\u{212B}", "\u{C5}", "A\u{30A}", "\u{8C48}", "\u{F900}"]
    let lines = try #require(
      try load([
        "vocab.txt": tokens.joined(separator: "\n"),
        "tokenizer_config.json": #"{"do_lower_case": false}"#,
      ]))
    try withTemporaryDirectory { directory in
      try lines.write(to: directory)
      let written = try #require(try WordPieceTokenizer.load(from: directory))
      for tokenizer in [lines, written] {
        #expect(
          tokenizer.encode("\u{212B} \u{C5} A\u{30A} \u{8C48} \u{F900}").ids == [2, 29, 30, 31, 32, 33, 3])
        #expect(tokenizer.id(of: "\u{212B}") == 29 && tokenizer.id(of: "A\u{30A}") == 31)
      }
    }
  }

  @Test func writesWhatItDoesNotKnow() throws {
    let added = #"{"id": 29, "content": "<new>", "special": false, "since": "later"}"#
    let tokenizer = try #require(
      try load([
        "tokenizer.json": smallDocument(addedTokens: [added]),
        "tokenizer_config.json": #"{"model_max_length": 512, "zeta": [1.50]}"#,
      ]))
    try withTemporaryDirectory { directory in
      try tokenizer.write(to: directory)
      let document = try JSON(parsing: Data(contentsOf: directory.appendingPathComponent("tokenizer.json")))
      #expect(document == (try JSON(parsing: smallDocument(addedTokens: [added]))))
      let settings = try JSON(
        parsing: Data(contentsOf: directory.appendingPathComponent("tokenizer_config.json")))
      #expect(settings["model_max_length"] == 512 && settings["zeta"] == [.number("1.50")])
      #expect(settings["do_lower_case"] == true && settings["tokenizer_class"] == "BertTokenizer")
      let lines = try String(contentsOf: directory.appendingPathComponent("vocab.txt"), encoding: .utf8)
      #expect(lines == smallVocabulary.map { $0 + "\n" }.joined())
      let map = try JSON(
        parsing: Data(contentsOf: directory.appendingPathComponent("special_tokens_map.json")))
      #expect(map["mask_token"] == "[MASK]" && map.object?.count == 5)
    }
  }

  /// transformers 5 makes a `BertTokenizer` from the vocabulary and the configuration alone.
  @Test(arguments: [
    (#""clean_text": true"#, #""clean_text": false"#),
    (#""max_input_chars_per_word": 100"#, #""max_input_chars_per_word": 50"#),
    (#""cleanup": true"#, #""cleanup": false"#),
    (#""post_processor": {"type": "BertProcessing""#, #""post_processor": null, "other": {"type": """#),
  ])
  func namesTheClassThatKnowsTheSettings(old: String, new: String) throws {
    let tokenizer = try #require(try load(["tokenizer.json": smallDocument(replacing: [(old, new)])]))
    #expect(tokenizer.configuration["tokenizer_class"] == "PreTrainedTokenizerFast")
  }

  @Test func linesAndDocumentAreTheSameTokenizer() throws {
    let lines = try #require(
      try load([
        "vocab.txt": smallVocabulary.joined(separator: "\n"),
        "tokenizer_config.json": #"{"strip_accents": false, "tokenize_chinese_chars": false}"#,
      ]))
    try withTemporaryDirectory { directory in
      try lines.write(to: directory)
      let first = try #require(try WordPieceTokenizer.load(from: directory))
      #expect(first.normalizer == lines.normalizer)
      #expect(first.addedTokens == lines.addedTokens)
      try FileManager.default.removeItem(at: directory.appendingPathComponent("tokenizer.json"))
      let second = try #require(try WordPieceTokenizer.load(from: directory))
      #expect(second.normalizer == lines.normalizer)
      let text = "The unaffable [MASK], foobar 中 é!"
      #expect(first.encode(text) == lines.encode(text) && second.encode(text) == lines.encode(text))
    }
  }

  @Test func tokenWithALineFeed() throws {
    let tokenizer = try #require(
      try load(["tokenizer.json": smallDocument(replacing: [(#""x": 15"#, #""x\n\"": 15"#)])]))
    try withTemporaryDirectory { directory in
      try tokenizer.write(to: directory)
      #expect(!FileManager.default.fileExists(atPath: directory.appendingPathComponent("vocab.txt").path))
      #expect(try WordPieceTokenizer.load(from: directory)?.token(of: 15) == "x\n\"")
    }
  }
}
