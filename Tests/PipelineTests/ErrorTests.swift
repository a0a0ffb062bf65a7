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
        ["model": ["type": "BPE", "vocab": ["a": 0, "b": 7], "merges": []]],
        "token 'b': token ids are not contiguous; expected ids from 0 to 1 for 2 tokens, found 7."
      ),
      (
        ["model": ["type": "BPE", "vocab": [:], "merges": []]], "key 'model.vocab': the vocabulary is empty."
      ),
    ] as [([String: JSON], String)])
  func documents(changes: [String: JSON], expected: String) throws {
    let text = Self.document.changed(changes).text()
    #expect(try message(["tokenizer.json": Array(text.utf8)]) == "tokenizer.json: " + expected)
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
    var nested: JSON = ["type": "NFC"]
    for _ in 0..<17 { nested = ["type": "Sequence", "normalizers": [nested]] }
    #expect(
      try normalizer([nested]).contains("a Sequence in too many others; expected at most 16."))
    let deep = String(repeating: #"{"type":"Sequence","normalizers":["#, count: 1_000_000)
    #expect(
      try message(["tokenizer.json": Array((#"{"normalizer":"# + deep).utf8)]).contains(
        "invalid JSON at byte"))
  }
}
