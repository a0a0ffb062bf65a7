import Foundation
import GraftTensors
import TestSupport
import Testing
import TokenizerKit

@testable import Pipeline

/// What a person reads when the files are broken, or ask for something that is not known.
struct ErrorTests {
  private func message(_ files: [String: [UInt8]]) throws -> String {
    try withTemporaryDirectory { directory in
      for (name, bytes) in files { try Data(bytes).write(to: directory.appendingPathComponent(name)) }
      return errorMessage(in: directory) { _ = try PipelineTokenizer.load(from: directory) } ?? "no error"
    }
  }

  private static let document: JSON = [
    "added_tokens": [], "normalizer": .null, "pre_tokenizer": .null, "post_processor": .null,
    "decoder": .null,
    "model": ["type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["a", -1.5]]],
  ]

  private static let normalizers =
    "BertNormalizer, ByteLevel, Lowercase, NFC, NFD, NFKC, NFKD, Nmt, Precompiled, Prepend, Replace, Sequence, Strip, "
    + "StripAccents"

  @Test(
    arguments: [
      (
        ["normalizer": ["type": "Unknown"]],
        "key 'normalizer': a kind that Graft does not know; expected one of \(normalizers), found Unknown."
      ),
      (
        ["normalizer": ["type": "Sequence", "normalizers": [["type": "NFC"], ["kind": "NFC"]]]],
        "key 'normalizer.normalizers[1]': a kind that Graft does not know; expected one of \(normalizers), "
          + "found an object."
      ),
      (
        ["pre_tokenizer": ["type": "UnicodeScripts"]],
        "key 'pre_tokenizer': a kind that Graft does not know; expected one of BertPreTokenizer, ByteLevel, Digits, "
          + "Metaspace, Punctuation, Sequence, Split, Whitespace, WhitespaceSplit, found UnicodeScripts."
      ),
      (
        ["decoder": ["type": "CTC"]],
        "key 'decoder': a kind that Graft does not know; expected one of BPEDecoder, ByteFallback, ByteLevel, Fuse, "
          + "Metaspace, Replace, Sequence, Strip, WordPiece, found CTC."
      ),
      (
        ["post_processor": ["type": "Other"]],
        "key 'post_processor': a kind that Graft does not know; expected TemplateProcessing, BertProcessing, "
          + "RobertaProcessing, ByteLevel or a Sequence of them, found Other."
      ),
      (
        ["model": ["type": "Other", "vocab": [["a", 0]]]],
        "key 'model': a kind that Graft does not know; expected one of BPE, Unigram, WordLevel, WordPiece, found Other."
      ),
      (
        ["normalizer": ["type": "Replace", "pattern": ["Regex": "(a+)+b"], "content": ""]],
        "key 'normalizer.pattern': a setting that Graft does not know; expected a text, or a regular expression of "
          + "characters, classes and repetitions, such as ' {2,}', or that of GPT-2, found {\"Regex\":\"(a+)+b\"}."
      ),
      (
        ["normalizer": ["type": "Strip", "strip_left": 1]],
        "key 'normalizer.strip_left': wrong value; expected true or false, found the number 1."
      ),
      (
        ["normalizer": ["type": "Prepend"]],
        "key 'normalizer.prepend': wrong value; expected a string, found nothing."
      ),
      (
        ["pre_tokenizer": ["type": "Metaspace", "replacement": "ab"]],
        "key 'pre_tokenizer.replacement': wrong value; expected one character, found the string \"ab\"."
      ),
      (
        ["pre_tokenizer": ["type": "Metaspace", "replacement": "_", "prepend_scheme": "often"]],
        "key 'pre_tokenizer.prepend_scheme': wrong value; expected one of first, never, always, "
          + "found the string \"often\"."
      ),
      (
        [
          "pre_tokenizer": [
            "type": "Metaspace", "replacement": "_", "prepend_scheme": "first", "add_prefix_space": false,
          ]
        ],
        "key 'pre_tokenizer': two settings that disagree; expected prepend_scheme never where add_prefix_space is "
          + "false, found first."
      ),
      (
        ["normalizer": ["type": "Precompiled", "precompiled_charsmap": "AAAA"]],
        "key 'normalizer.precompiled_charsmap': a table without a trie; expected 4 bytes or more, found 3."
      ),
      (
        ["normalizer": ["type": "Precompiled", "precompiled_charsmap": "?"]],
        "key 'normalizer.precompiled_charsmap': not base64."
      ),
      (
        ["model": ["type": "Unigram", "unk_id": 2, "vocab": [["a", 0], ["b", 0]]]],
        "key 'model.unk_id': no unknown token; expected a whole number below 2, found the number 2."
      ),
      (
        ["model": ["type": "Unigram", "unk_id": .null, "vocab": [["a", 0], ["b", 0]]]],
        "key 'model.unk_id': no unknown token; expected a whole number below 2, found null."
      ),
      (
        ["model": ["type": "Unigram", "unk_id": 0, "vocab": [["a", 0, 1]]]],
        "key 'model.vocab': not a token with its score; expected a list of two, found 3 in number 1."
      ),
      (
        ["model": ["type": "WordLevel", "unk_token": "?", "vocab": ["a": 0]]],
        "key 'model.vocab': the vocabulary has no token '?'; expected the token that 'model.unk_token' names."
      ),
      (
        ["model": ["type": "BPE", "dropout": 0.1, "vocab": ["a": 0], "merges": []]],
        "key 'model.dropout': a setting that Graft does not know; expected null, found 0.1."
      ),
      (
        ["model": ["type": "BPE", "vocab": ["a": 0], "merges": ["a b"]]],
        "merge 1: the vocabulary has no token 'b'; "
          + "expected merges of tokens in the vocabulary, into tokens in the vocabulary."
      ),
      (
        ["model": ["type": "BPE", "vocab": ["a": 0, "b": 65544], "merges": []]],
        "token 'b': an id far beyond the number of tokens; expected ids below 65544 for 2 tokens, found 65544."
      ),
      (
        ["model": ["type": "BPE", "vocab": [:], "merges": []]], "key 'model.vocab': the vocabulary is empty."
      ),
      (["added_tokens": [:]], "key 'added_tokens': wrong value; expected a list, found an object."),
      (
        ["normalizer": []],
        "key 'normalizer': a kind that Graft does not know; expected one of \(normalizers), found a list."
      ),
      (
        ["normalizer": [:]],
        "key 'normalizer': a kind that Graft does not know; expected one of \(normalizers), found an object."
      ),
      (
        ["decoder": [:]],
        "key 'decoder': a kind that Graft does not know; expected one of BPEDecoder, ByteFallback, ByteLevel, Fuse, "
          + "Metaspace, Replace, Sequence, Strip, WordPiece, found an object."
      ),
    ] as [([String: JSON], String)])
  func documents(changes: [String: JSON], expected: String) throws {
    let text = Self.document.changed(changes).text()
    #expect(try message(["tokenizer.json": Array(text.utf8)]) == "tokenizer.json: " + expected)
  }

  /// Post-processors that `tokenizers` refuses too, or fails with.
  @Test(
    arguments: [
      (["type": "TemplateProcessing"], "single': wrong value; expected a list, found nothing."),
      (
        ["type": "TemplateProcessing", "single": "$A", "pair": []],
        "single': wrong value; expected a list, found the string \"$A\"."
      ),
      (["type": "TemplateProcessing", "single": []], "pair': wrong value; expected a list, found nothing."),
      (
        ["type": "TemplateProcessing", "single": ["$A"], "pair": []],
        "single': wrong element; expected SpecialToken or Sequence with an id."
      ),
      (
        ["type": "TemplateProcessing", "single": [["Sequence": ["id": "C", "type_id": 0]]], "pair": []],
        "single': unknown sequence 'C'; expected A."
      ),
      (
        ["type": "TemplateProcessing", "single": [["Sequence": ["id": "B", "type_id": 0]]], "pair": []],
        "single': unknown sequence 'B'; expected A."
      ),
      (
        ["type": "TemplateProcessing", "single": [], "pair": [["Sequence": ["id": "a", "type_id": 0]]]],
        "pair': unknown sequence 'a'; expected A or B."
      ),
      (["type": "Sequence"], "processors': wrong value; expected a list, found nothing."),
      (
        ["type": "Sequence", "processors": [:]], "processors': wrong value; expected a list, found an object."
      ),
      (["type": "BertProcessing"], "cls': wrong value; expected a list, found nothing."),
      (
        ["type": "BertProcessing", "cls": [0], "sep": ["a", 1]],
        "cls': wrong value; expected a token and its id, found a list of 1."
      ),
    ] as [(JSON, String)])
  func postProcessors(json: JSON, expected: String) throws {
    let text = Self.document.changed(["post_processor": json]).text()
    #expect(
      try message(["tokenizer.json": Array(text.utf8)]) == "tokenizer.json: key 'post_processor.\(expected)")
  }

  /// Files of a few bytes that would ask for much memory, or much time for each character.
  @Test func limits() throws {
    func message(_ changes: [String: JSON]) throws -> String {
      try self.message(["tokenizer.json": Array(Self.document.changed(changes).text().utf8)])
    }
    func bpe(_ key: String, _ affix: String) -> JSON {
      ["type": "BPE", key: .string(affix), "vocab": ["a": 0], "merges": []]
    }
    let long = String(repeating: "é", count: 16)
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
      #expect(try message(["model": bpe(key, long)]) == "no error")
      #expect(
        try message(["model": bpe(key, long + "a")])
          == "tokenizer.json: key 'model.\(key)': it is too long; expected at most 32 bytes, found 33.")
    }
    func added(_ content: String, isNormalized: Bool) -> JSON {
      [["id": 2, "content": .string(content), "special": false, "normalized": JSON(isNormalized)]]
    }
    let token = String(repeating: "a", count: 1024)
    let problem = "an added token is too long; expected at most 1024 bytes once it is normalized, found "
    let start = "tokenizer.json: token '\(token.prefix(80))': "
    #expect(try message(["added_tokens": added(token, isNormalized: false)]) == "no error")
    #expect(
      try message(["added_tokens": added(token + "a", isNormalized: false)]) == start + problem + "1025.")
    let double: JSON = ["type": "Replace", "pattern": ["String": "a"], "content": "aa"]
    #expect(
      try message(["normalizer": double, "added_tokens": added(token, isNormalized: true)])
        == start + problem + "2048.")
    func regex(_ text: String) throws -> String {
      try message(["normalizer": ["type": "Replace", "pattern": ["Regex": .string(text)], "content": ""]])
    }
    let alternatives = Array(repeating: "a", count: 32).joined(separator: "|")
    #expect(try regex(alternatives) == "no error")
    #expect(
      try regex(alternatives + "|a").contains("key 'normalizer.pattern': a setting that Graft does not know"))
    let items = String(repeating: "a", count: 256)
    #expect(try regex("[\(items)]") == "no error")
    #expect(try regex("[\(items)a]").contains("key 'normalizer.pattern': a setting that Graft does not know"))
  }

  /// Tables that are cut short, or whose parts point to nothing.
  @Test func charsmaps() throws {
    func word(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
    func problem(_ units: [UInt32], _ text: String = "b\0") -> String? {
      errorMessage {
        _ = try Charsmap(word(UInt32(4 * units.count)) + units.flatMap(word) + Array(text.utf8))
      }
    }
    // A root whose children lie in the second block of 256 units.
    var units = [UInt32](repeating: 0, count: 512)
    units[0] = 256 << 10
    #expect(problem(units) == nil)
    #expect(
      problem(Array(units.dropLast())) == "unit 0 of the trie points outside; expected below 511.")
    units[0] = 512 << 10
    #expect(problem(units) == "unit 0 of the trie points outside; expected below 512.")
    units[0] = 0x8000_0000
    #expect(problem(units) == "the trie has no root.")
    units[0] = 256 << 10
    units[300] = 0x8000_0000 | 2
    #expect(problem(units) == "unit 300 of the trie stands for no text; expected a place below 2, found 2.")
    // In the middle of a character.
    units[300] = 0x8000_0000 | 1
    #expect(problem(units) == nil)
    #expect(
      problem(units, "é\0") == "unit 300 of the trie stands for no text; expected a place below 3, found 1.")
  }

  /// Components that would make much of little, or take long.
  @Test func tooMuch() throws {
    let double: JSON = ["type": "Replace", "pattern": ["String": "a"], "content": "aa"]
    func normalizer(_ parts: [JSON]) throws -> String {
      let text = Self.document.changed(["normalizer": ["type": "Sequence", "normalizers": .array(parts)]])
        .text()
      return try message(["tokenizer.json": Array(text.utf8)])
    }
    #expect(try normalizer(Array(repeating: double, count: 14)) == "no error")
    #expect(
      try normalizer(Array(repeating: double, count: 15))
        == "tokenizer.json: key 'normalizer': it makes texts too long; expected at most 16384 times as long.")
    #expect(
      try normalizer(Array(repeating: ["type": "StripAccents"], count: 64))
        == "tokenizer.json: key 'normalizer': too many components; expected at most 64.")
  }

  /// A `Sequence` in a `Sequence`, and so on: as deep as is allowed, one deeper, and a million.
  @Test(arguments: [
    ("normalizer", "normalizers", #"{"type":"NFC"}"#),
    ("pre_tokenizer", "pretokenizers", #"{"type":"WhitespaceSplit"}"#),
    ("decoder", "decoders", #"{"type":"Fuse"}"#),
    ("post_processor", "processors", #"{"type":"ByteLevel"}"#),
  ])
  func deepSequences(key: String, list: String, innermost: String) throws {
    func document(depth: Int) -> [UInt8] {
      let open = String(repeating: #"{"type":"Sequence","\#(list)":["#, count: depth)
      let component = open + innermost + String(repeating: "]}", count: depth)
      let members = (Self.document.members ?? []).filter { $0.key != key }
      return Array(JSON(members: members).text().dropLast().utf8) + Array(#","\#(key)":\#(component)}"#.utf8)
    }
    #expect(try message(["tokenizer.json": document(depth: 16)]) == "no error")
    let message17 = try message(["tokenizer.json": document(depth: 17)])
    #expect(message17.hasPrefix("tokenizer.json: key '\(key)"))
    #expect(message17.hasSuffix(": a Sequence in too many others; expected at most 16."))
    let deep = try message(["tokenizer.json": document(depth: 1_000_000)])
    #expect(deep.hasPrefix("tokenizer.json: invalid JSON at byte "))
    #expect(deep.hasSuffix(": nested deeper than 128 levels."))
  }
}
