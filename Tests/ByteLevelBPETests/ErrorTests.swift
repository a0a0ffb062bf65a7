import ByteLevelBPE
import Foundation
import GraftTensors
import TestSupport
import Testing

/// What a person reads when the files are broken.
struct ErrorTests {
  private func message(_ files: [String: String]) throws -> String {
    try withTemporaryDirectory { directory in
      for (name, text) in files {
        try Data(text.utf8).write(to: directory.appendingPathComponent(name))
      }
      do {
        _ = try ByteLevelBPETokenizer.load(from: directory)
        return "no error"
      } catch let error as GraftError {
        return error.description.replacingOccurrences(of: directory.path + "/", with: "")
      }
    }
  }

  @Test(arguments: [
    (
      #"["</s>", 1]"#, #"["</s>", 3000]"#,
      "key 'post_processor.sep': not the id of a token; expected a number below 263, found the number 3000."
    ),
    (
      #""unk_token": null"#, #""unk_token": "[UNK]""#,
      "key 'model.vocab': the vocabulary has no token '[UNK]'; expected the token that 'model.unk_token' names."
    ),
    (
      #""unk_token": null"#, #""unk_token": 5"#,
      "key 'model.unk_token': wrong value; expected a string, found the number 5."
    ),
    (
      #""added_tokens": "#, #""added_tokens": {}, "earlier": "#,
      "key 'added_tokens': wrong value; expected a list, found an object."
    ),
    (
      #""h e", "Ġt he""#, #""h e", "Ġt ha""#,
      "merge 3: the vocabulary has no token 'ha'; "
        + "expected merges of tokens in the vocabulary, into tokens in the vocabulary."
    ),
    (
      #""h e", "Ġt he""#, #""h e", "he he""#,
      "merge 3: the vocabulary has no token 'hehe'; "
        + "expected merges of tokens in the vocabulary, into tokens in the vocabulary."
    ),
    (
      #""h e", "#, #""he", "#,
      "not a merge; expected two tokens with a space between, found 'he'."
    ),
    (
      #""Ġthe": 261"#, #""Ġthe": 999999999"#,
      "token 'Ġthe': an id far beyond the number of tokens; expected ids below 66588 for 263 tokens, found 999999999."
    ),
    (
      #""content": "<mask>""#, #""content": """#,
      "key 'added_tokens': an added token without text."
    ),
  ])
  func documents(old: String, new: String, expected: String) throws {
    let document = try smallDocument(replacing: [(old, new)])
    #expect(try message(["tokenizer.json": document]) == "tokenizer.json: " + expected)
  }

  /// What is normalized, split, merged or decoded in another way is a tokenizer of another kind.
  @Test(arguments: [
    (#""normalizer": null"#, #""normalizer": {"type": "NFC"}"#),
    (#""pre_tokenizer": {"type": "ByteLevel""#, #""pre_tokenizer": {"type": "Metaspace""#),
    (#""decoder": {"type": "ByteLevel"}"#, #""decoder": {"type": "WordPiece"}"#),
    (#""decoder": {"type": "ByteLevel"}"#, #""decoder": {}"#),
    (#""end_of_word_suffix": null"#, #""end_of_word_suffix": "</w>""#),
    (#""byte_fallback": false"#, #""byte_fallback": true"#), (#""dropout": null"#, #""dropout": 0.1"#),
  ])
  func otherPipelines(old: String, new: String) throws {
    #expect(try load(["tokenizer.json": try smallDocument(replacing: [(old, new)])]).map { _ in true } == nil)
  }

  @Test(arguments: [
    ("{", "", "vocab.json: invalid JSON at byte 1: expected a key in quotes."),
    (#"{"a": 0, "a": 1}"#, "", "vocab.json: invalid JSON at byte 9: the key 'a' is given twice."),
    (#"{"a": 0, "b": 0}"#, "", "vocab.json: the tokens 'a' and 'b' have the same id 0."),
    (
      #"{"a": 0}"#, "#version: 0.2\na\n",
      "merges.txt: line 2: not a merge; expected two tokens with a space between, found 'a'."
    ),
    (
      #"{"a": 0}"#, "a b\n",
      "vocab.json: merge 1: the vocabulary has no token 'b'; "
        + "expected merges of tokens in the vocabulary, into tokens in the vocabulary."
    ),
  ])
  func vocabularyAndMerges(vocabulary: String, merges: String, expected: String) throws {
    #expect(try message(["vocab.json": vocabulary, "merges.txt": merges]) == expected)
  }

  @Test func brokenSettings() throws {
    let files = ["vocab.json": #"{"a": 0}"#, "merges.txt": ""]
    #expect(
      try message(files.merging(["tokenizer_config.json": #"{"add_prefix_space": 1}"#]) { $1 })
        == "tokenizer_config.json: key 'add_prefix_space': wrong value; "
        + "expected true or false, found the number 1.")
    #expect(
      try message(files.merging(["tokenizer_config.json": #"{"added_tokens_decoder": {"x": {}}}"#]) { $1 })
        == "tokenizer_config.json: key 'added_tokens_decoder.x': not a token; "
        + "expected an id, and an object with 'content', found an object.")
  }
}
