import ByteLevelBPE
import Foundation
import GraftTensors
import TestSupport
import Testing
import Zlib

/// The repository's `Fixtures/bpe`.
let bpeFixtures = fixtures.appending(path: "bpe")

/// The tokenizer of some files, by name.
func load(_ files: [String: String]) throws -> ByteLevelBPETokenizer? {
  try withTemporaryDirectory { directory in
    for (name, text) in files {
      try Data(text.utf8).write(to: directory.appendingPathComponent(name))
    }
    return try ByteLevelBPETokenizer.load(from: directory)
  }
}

/// The document of 2,000 tokens that the goldens are of.
func document(in directory: URL = bpeFixtures) throws -> JSON {
  try JSON(
    parsing: Gzip.decompress(file: directory.appendingPathComponent("tokenizer.json.gz"), limit: 1 << 24))
}

extension JSON {
  /// The object with other members in the place of some, and with other members of its model.
  func changed(by changes: JSON) -> JSON {
    var members = object ?? [:]
    for (key, value) in changes.object ?? [:] {
      guard key == "model" else {
        members[key] = value
        continue
      }
      var model = members["model"]?.object ?? [:]
      for (key, value) in value.object ?? [:] { model[key] = value }
      members["model"] = .object(model)
    }
    return .object(members)
  }
}

/// A `tokenizer.json` of a few tokens: the alphabet with "<s>", "</s>" and "<unk>" before it, and merges of "the".
///
/// - Parameter replacing: Texts in the document to replace by others.
func smallDocument(replacing: [(String, String)] = []) throws -> String {
  let base = try document()
  let alphabet = (base["model"]?["vocab"]?.object ?? [:]).filter { $0.key.unicodeScalars.count == 1 }.keys
  let tokens = ["<s>", "</s>", "<unk>"] + alphabet + ["Ġt", "he", "Ġthe"]
  let entries = tokens.enumerated().map { "\(JSON.string($1).text()): \($0)" }
  let document = """
    {"version": "1.0", "later": {"kept": [1e-12]}, "truncation": {"max_length": 3}, "padding": null,
    "added_tokens": [{"id": 0, "content": "<s>", "special": true}, {"id": 1, "content": "</s>", "special": true}, \
    {"id": \(tokens.count), "content": "<mask>", "special": true, "lstrip": true}],
    "normalizer": null,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
    "post_processor": {"type": "RobertaProcessing", "sep": ["</s>", 1], "cls": ["<s>", 0], "trim_offsets": true, \
    "add_prefix_space": false},
    "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "", \
    "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false, \
    "vocab": {\(entries.joined(separator: ", "))}, "merges": ["Ġ t", "h e", "Ġt he"]}}
    """
  return replacing.reduce(document) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
}
