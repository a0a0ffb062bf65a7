import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing

@testable import ByteLevelBPE

/// What is read from the files of a checkpoint, and what is written.
struct FileTests {
  @Test func nothingThere() throws {
    #expect(try load([:]) == nil)
    #expect(try load(["vocab.json": "{}"]) == nil)
    #expect(try load(["merges.txt": ""]) == nil)
  }

  @Test func anotherModel() throws {
    let wordPiece = #"{"model": {"type": "WordPiece", "vocab": {"a": 0}}}"#
    #expect(try load(["tokenizer.json": wordPiece, "vocab.json": "{}", "merges.txt": ""]) == nil)
    #expect(try load(["tokenizer.json": #"{"model": {"vocab": {"a": 0}, "unk_token": "a"}}"#]) == nil)
  }

  @Test func roles() throws {
    let tokenizer = try #require(try load(["tokenizer.json": try smallDocument()]))
    let count = Int32(tokenizer.vocabularySize)
    let roles = SpecialTokens(
      padding: nil, unknown: 2, classification: 0, separator: 1, mask: count - 1)
    #expect(tokenizer.specialTokens == roles)
    #expect(tokenizer.token(of: count - 1) == "<mask>" && tokenizer.token(of: count) == nil)
    #expect(tokenizer.encode("the <mask>").isSpecial == [true, false, false, true, true])
  }

  @Test func rolesThatFilesName() throws {
    let vocabulary = #"{"<s>": 0, "</s>": 1, "[CLS]": 2, "a": 3, "b": 4, "ab": 5, "M": 6, "Ġ": 7, "X": 8}"#
    let files = ["vocab.json": vocabulary, "merges.txt": "a b"]
    let plain = try #require(try load(files))
    #expect(plain.specialTokens.classification == 0 && plain.specialTokens.mask == nil)
    #expect(plain.encode("ab M").ids == [0, 5, 7, 6, 1])
    let named = try #require(
      try load(
        files.merging([
          "tokenizer_config.json": #"{"cls_token": "[CLS]", "mask_token": {"content": "M", "rstrip": true}}"#,
          "special_tokens_map.json": #"{"pad_token": "X"}"#,
          "added_tokens.json": #"{"<new>": 9}"#,
        ]) { $1 }))
    let roles = SpecialTokens(padding: 8, unknown: nil, classification: 2, separator: 1, mask: 6)
    #expect(named.specialTokens == roles)
    let encoding = named.encode("ab M ab<new>")
    #expect(encoding.ids == [2, 5, 7, 6, 5, 9, 1])
    #expect(encoding.offsets == [0..<0, 0..<2, 3..<3, 3..<4, 5..<7, 7..<12, 0..<0])
  }

  @Test func tokensOfTheConfiguration() throws {
    let tokenizer = try #require(
      try load([
        "vocab.json": #"{"a": 0, "b": 1, "<s>": 2, "<mask>": 3, "Ġ": 4}"#, "merges.txt": "#version: 0.2\n",
        "tokenizer_config.json": """
        {"added_tokens_decoder": {"3": {"content": "<mask>", "special": true}, "5": {"content": "ab"}}, \
        "add_prefix_space": true}
        """,
      ]))
    #expect(tokenizer.core.addedTokens.map(\.content) == ["<s>", "<mask>", "ab"])
    #expect(tokenizer.encode("ab<mask>a").ids == [5, 3, 4, 0])
  }

  /// tokenizers 0.23.3: `BPE(vocab, merges)` with `pre_tokenizers.ByteLevel(add_prefix_space=False)` has "abcabc" as
  /// `['a', 'bc', 'a', 'bc']` with the first list of merges, and as `['ab', 'c', 'ab', 'c']` with the others.
  @Test(
    arguments: [
      ("a b\nb c\na b\n", [0, 4, 0, 4]), ("a b\nb c\n", [3, 2, 3, 2]), ("b c\na b\nb c\n", [3, 2, 3, 2]),
    ] as [(String, [Int32])])
  func aMergeThatIsListedTwiceHasItsLastRank(_ merges: String, _ ids: [Int32]) throws {
    let vocabulary = #"{"a": 0, "b": 1, "c": 2, "ab": 3, "bc": 4, "abc": 5, "<s>": 6, "</s>": 7}"#
    let tokenizer = try #require(
      try load(["vocab.json": vocabulary, "merges.txt": "#version: 0.2\n\(merges)"]))
    #expect(tokenizer.encode("abcabc").ids == [6] + ids + [7])
  }

  @Test func vocabularyWithEquivalentTokens() throws {
    // One key for a Swift dictionary.
    let tokenizer = try #require(
      try load([
        "vocab.json": "{\"\u{212B}\": 0, \"\u{C5}\": 1, \"A\u{30A}\": 2, \"a\": 3}", "merges.txt": "",
      ]))
    #expect(tokenizer.id(of: "\u{212B}") == 0 && tokenizer.id(of: "A\u{30A}") == 2)
    try withTemporaryDirectory { directory in
      try tokenizer.write(to: directory)
      let written = try #require(try ByteLevelBPETokenizer.load(from: directory))
      #expect(written.id(of: "\u{212B}") == 0 && written.id(of: "\u{C5}") == 1)
    }
  }

  @Test func writesWhatItDoesNotKnow() throws {
    let text = try smallDocument()
    let tokenizer = try #require(
      try load([
        "tokenizer.json": text, "tokenizer_config.json": #"{"model_max_length": 512, "zeta": [1.50]}"#,
      ]))
    try withTemporaryDirectory { directory in
      try tokenizer.write(to: directory)
      func read(_ name: String) throws -> JSON {
        try JSON(parsing: Data(contentsOf: directory.appendingPathComponent(name)))
      }
      let lists = #", "merges": ["Ġ t", "h e", "Ġt he"]"#
      let pairs = #", "merges": [["Ġ", "t"], ["h", "e"], ["Ġt", "he"]]"#
      #expect(
        try read("tokenizer.json") == JSON(parsing: text.replacingOccurrences(of: lists, with: pairs)))
      let settings = try read("tokenizer_config.json")
      #expect(settings["model_max_length"] == 512 && settings["zeta"] == [.number("1.50")])
      #expect(settings["add_prefix_space"] == false && settings["mask_token"] == "<mask>")
      #expect(settings["tokenizer_class"] == "PreTrainedTokenizerFast")
      #expect(try read("special_tokens_map.json")["cls_token"] == "<s>")
      #expect(try read("vocab.json").object?.count == tokenizer.vocabularySize - 1)
      #expect(try read("added_tokens.json") == ["<mask>": JSON(tokenizer.vocabularySize - 1)])
      let merges = try String(contentsOf: directory.appendingPathComponent("merges.txt"), encoding: .utf8)
      #expect(merges == "#version: 0.2\nĠ t\nh e\nĠt he\n")
      // The other files say the same.
      try FileManager.default.removeItem(at: directory.appendingPathComponent("tokenizer.json"))
      let other = try #require(try ByteLevelBPETokenizer.load(from: directory))
      let sample = " the <mask> thé</s>\n"
      #expect(other.encode(sample) == tokenizer.encode(sample))
    }
  }

  /// A class of transformers' own builds what its settings say, and nothing else.
  @Test(arguments: [
    (#""use_regex": true"#, #""use_regex": false"#), (#""ignore_merges": false"#, #""ignore_merges": true"#),
    (#""unk_token": null"#, #""unk_token": "<unk>""#), (#"{"type": "ByteLevel"}"#, "null"),
    (#""add_prefix_space": false}"#, #""add_prefix_space": true}"#),
  ])
  func namesTheClassThatKnowsTheSettings(old: String, new: String) throws {
    func settings(_ replacing: [(String, String)]) throws -> JSON? {
      try load([
        "tokenizer.json": try smallDocument(replacing: replacing),
        "tokenizer_config.json": #"{"tokenizer_class": "OneOfItsOwn", "trim_offsets": false}"#,
      ])?.core.configuration
    }
    #expect(try settings([])?["tokenizer_class"] == "OneOfItsOwn")
    #expect(try settings([])?["trim_offsets"] == true)
    #expect(try settings([(old, new)])?["tokenizer_class"] == "PreTrainedTokenizerFast")
  }

  @Test func windows() throws {
    let tokenizer = try #require(try load(["tokenizer.json": try smallDocument()]))
    let windows = try tokenizer.windows(
      of: "the", pair: "abcdefg", over: 1, maximumLength: 9, stride: 1)
    let texts = windows.map { window in
      window.sequences[1].map { tokenizer.token(of: window.ids[$0]) ?? "" }.joined()
    }
    #expect(texts == ["abc", "cde", "efg"])
    #expect(windows.allSatisfy { $0.ids.count == 9 && $0.sequences == [1..<3, 5..<8] })
    #expect(windows[1].offsets[5..<8] == [2..<3, 3..<4, 4..<5])
    #expect(
      try tokenizer.windows(of: "ab", pair: nil, over: 0, maximumLength: 9, stride: 2) == [
        tokenizer.encode("ab")
      ])
    #expect(throws: GraftError.self) {
      try tokenizer.windows(of: "the", pair: "abc", over: 1, maximumLength: 7, stride: 1)
    }
    #expect(throws: GraftError.self) {
      try tokenizer.windows(of: "the", pair: nil, over: 1, maximumLength: 9, stride: 1)
    }
  }
}
