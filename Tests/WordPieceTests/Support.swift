import Foundation
import TestSupport
import Testing
import WordPiece
import Zlib

/// The repository's `Fixtures/tokenizer`.
let tokenizerFixtures = fixtures.appending(path: "tokenizer")

/// The tokenizer of some files, by name.
func load(_ files: [String: [UInt8]]) throws -> WordPieceTokenizer? {
  try withTemporaryDirectory { directory in
    for (name, bytes) in files { try Data(bytes).write(to: directory.appendingPathComponent(name)) }
    return try WordPieceTokenizer.load(from: directory)
  }
}

func load(_ files: [String: String]) throws -> WordPieceTokenizer? {
  try load(files.mapValues { Array($0.utf8) })
}

/// The tokens of a small vocabulary, whose ids are their places.
let smallVocabulary = [
  "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##aff", "##able", "a", "##b", "b", "the", "foo",
  "##bar", "bar",
  "x", ".", ",", "'", "s", "m", "t", "do", "not", "'s", "##n", "n", "i", "!",
]

/// A `tokenizer.json` of the small vocabulary.
///
/// - Parameters:
///   - addedTokens: JSON objects beside those of the special tokens.
///   - replacing: Texts in the document to replace by others.
func smallDocument(addedTokens: [String] = [], replacing: [(String, String)] = []) -> String {
  let special = smallVocabulary[..<5].enumerated().map {
    #"{"id": \#($0), "content": "\#($1)", "special": true, "normalized": false}"#
  }
  let entries = smallVocabulary.enumerated().map { "\"\($1)\": \($0)" }
  let document = """
    {"version": "1.0", "later": {"kept": [1e-12]}, "truncation": {"max_length": 3}, "padding": null,
    "added_tokens": [\((special + addedTokens).joined(separator: ", "))],
    "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, \
    "strip_accents": null, "lowercase": true},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
    "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", \
    "max_input_chars_per_word": 100, "vocab": {\(entries.joined(separator: ", "))}}}
    """
  return replacing.reduce(document) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
}
