import Foundation
import GraftTensors
import TestSupport
import Testing
import WordPiece

/// What a person reads when the files are broken.
struct ErrorTests {
  private func message(_ files: [String: [UInt8]]) throws -> String {
    try withTemporaryDirectory { directory in
      for (name, bytes) in files { try Data(bytes).write(to: directory.appendingPathComponent(name)) }
      return errorMessage(in: directory) { _ = try WordPieceTokenizer.load(from: directory) } ?? "no error"
    }
  }

  @Test(arguments: [
    ("", "vocab.txt: the vocabulary is empty; expected one token per line."),
    (
      "[PAD]\na\nb\n",
      "vocab.txt: the vocabulary has no line '[UNK]'; expected the token that is the unk_token. "
        + "Name the right one as 'unk_token' in tokenizer_config.json."
    ),
    (
      "[UNK]\n[CLS]\n",
      "vocab.txt: the vocabulary has no line '[SEP]'; expected the token that is the sep_token. "
        + "Name the right one as 'sep_token' in tokenizer_config.json."
    ),
  ])
  func lines(text: String, expected: String) throws {
    #expect(try message(["vocab.txt": Array(text.utf8)]) == expected)
  }

  @Test func linesThatAreNotText() throws {
    #expect(
      try message(["vocab.txt": Array("a\nb".utf8) + [0xC3, 0x28]]) == "vocab.txt: line 2: not UTF-8 text.")
  }

  @Test(arguments: [
    (
      #""lowercase": true"#, #""lowercase": "yes""#,
      "key 'normalizer.lowercase': wrong value; expected true or false, found the string \"yes\"."
    ),
    (
      "BertProcessing", "Other",
      "key 'post_processor': a kind that Graft does not know; "
        + "expected TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel or a Sequence of them, "
        + "found Other."
    ),
    (
      #"["[SEP]", 3]"#, #"["[SEP]", 300]"#,
      "key 'post_processor.sep': not the id of a token; expected a number below 29, found the number 300."
    ),
    (
      #""type": "BertProcessing","#,
      #""type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "?"}}],"#,
      "key 'post_processor': unknown special token '?'; expected one of 'post_processor.special_tokens'."
    ),
    (
      #""type": "BertProcessing","#,
      #""type": "TemplateProcessing", "single": [], "pair": [{"Sequence": {"id": "A"}}, {"Sequence": {"id": "A"}}],"#,
      "key 'post_processor.pair': a sequence is used twice; expected A and B once each."
    ),
    (
      #""unk_token": "[UNK]""#, #""unk_token": "<unk>""#,
      "key 'model.vocab': the vocabulary has no token '<unk>'; "
        + "expected the token that 'model.unk_token' names, for words that have no pieces."
    ),
    (
      #""max_input_chars_per_word": 100"#, #""max_input_chars_per_word": -1"#,
      "key 'model.max_input_chars_per_word': wrong value; "
        + "expected a whole number, 0 or more, found the number -1."
    ),
    (
      #""!": 28"#, #""!": 65652"#,
      "token '!': an id far beyond the number of tokens; expected ids below 65652 for 29 tokens, found 65652."
    ),
    (#""!": 28"#, #""!": 27"#, "the tokens 'i' and '!' have the same id 27."),
    (
      #"{"id": 4, "#, #"{"id": "4", "#,
      "key 'added_tokens', token '[MASK]': an added token without an id; "
        + "expected a whole number, found the string \"4\"."
    ),
  ])
  func documents(old: String, new: String, expected: String) throws {
    let document = smallDocument(replacing: [(old, new)])
    #expect(try message(["tokenizer.json": Array(document.utf8)]) == "tokenizer.json: " + expected)
  }

  /// What is cleaned, split or decoded in another way is a tokenizer of another kind.
  @Test(arguments: [
    ("BertNormalizer", "Lowercase"), ("BertPreTokenizer", "Whitespace"),
    (#"{"type": "WordPiece", "prefix""#, #"{"type": "Metaspace", "prefix""#),
    // These are no components; the tokenizer of pipelines says so.
    (#""normalizer": "#, #""normalizer": [], "earlier": "#),
    (#""normalizer": "#, #""normalizer": {}, "earlier": "#),
    (#""normalizer": "#, #""normalizer": 5, "earlier": "#),
    (#""decoder": "#, #""decoder": {}, "earlier": "#),
    (#""decoder": "#, #""decoder": [], "earlier": "#),
  ])
  func otherPipelines(old: String, new: String) throws {
    let document = smallDocument(replacing: [(old, new)])
    try withTemporaryDirectory { directory in
      try Data(document.utf8).write(to: directory.appendingPathComponent("tokenizer.json"))
      #expect(try WordPieceTokenizer.load(from: directory).map { _ in true } == nil)
    }
  }

  @Test(arguments: [
    (#"{"version": "1.0"}"#, "tokenizer.json: key 'model': no tokenizer; expected an object."),
    (
      #"{"pre_tokenizer": {"type": "BertPreTokenizer"}, "model": {"type": "WordPiece", "vocab": {}}}"#,
      "tokenizer.json: key 'model.vocab': the vocabulary is empty."
    ),
    (
      #"{"pre_tokenizer": {"type": "BertPreTokenizer"}, "model": {"type": "WordPiece"}}"#,
      "tokenizer.json: key 'model.vocab': the vocabulary is empty."
    ),
    (
      #"{"added_tokens": {}, "pre_tokenizer": {"type": "BertPreTokenizer"}, "#
        + #""model": {"type": "WordPiece", "vocab": {"[UNK]": 0}}}"#,
      "tokenizer.json: key 'added_tokens': wrong value; expected a list, found an object."
    ),
    (
      #"{"added_tokens": null, "pre_tokenizer": {"type": "BertPreTokenizer"}, "#
        + #""model": {"type": "WordPiece", "vocab": {"[UNK]": 0}}}"#,
      "tokenizer.json: key 'added_tokens': wrong value; expected a list, found null."
    ),
  ])
  func otherDocuments(text: String, expected: String) throws {
    #expect(try message(["tokenizer.json": Array(text.utf8)]) == expected)
  }

  @Test(arguments: [
    "[]", "{", "", #"{"model": 3}"#, #"{"model": {"type": "WordPiece", "vocab": {"a": 0.5}}}"#,
    #"{"model": {"type": "WordPiece", "vocab": {"a": 0, "a": 1}}}"#,
  ])
  func brokenJSON(text: String) throws {
    let text = try message(["tokenizer.json": Array(text.utf8)])
    #expect(text.hasPrefix("tokenizer.json: ") && text.contains("at byte "))
  }

  @Test func brokenSettings() throws {
    let lines = Array(smallVocabulary.joined(separator: "\n").utf8)
    #expect(
      try message(["vocab.txt": lines, "tokenizer_config.json": Array("[]".utf8)])
        == "tokenizer_config.json: not a JSON object; expected an object, found a list.")
    #expect(
      try message(["vocab.txt": lines, "tokenizer_config.json": Array(#"{"do_lower_case": 1}"#.utf8)])
        == "tokenizer_config.json: key 'do_lower_case': wrong value; "
        + "expected true or false, found the number 1."
    )
    #expect(
      try message(["vocab.txt": lines, "added_tokens.json": Array(#"{"<new>": "x"}"#.utf8)])
        == "added_tokens.json: key '<new>': not an id; "
        + "expected a whole number, 0 or more, found the string \"x\"."
    )
    #expect(
      try message(["vocab.txt": lines, "special_tokens_map.json": Array(#"{"pad_token": 5}"#.utf8)])
        == "special_tokens_map.json: key 'pad_token': not a token; "
        + "expected a string, or an object with 'content', found the number 5.")
    #expect(
      try message([
        "vocab.txt": lines, "tokenizer_config.json": Array(#"{"extra_special_tokens": "x"}"#.utf8),
      ])
        == "tokenizer_config.json: key 'extra_special_tokens': not a list of tokens; "
        + "expected a list or an object, found the string \"x\".")
    #expect(
      try message(["vocab.txt": lines, "tokenizer_config.json": Array(#"{"added_tokens_decoder": []}"#.utf8)])
        == "tokenizer_config.json: key 'added_tokens_decoder': not a list of tokens; "
        + "expected an object, found a list.")
  }

  /// Words that would take long to split: at each place, every text as long as the longest token is looked up.
  @Test func longWords() throws {
    let token = String(repeating: "a", count: 1025)
    func document(_ length: Int, token: String) -> [UInt8] {
      Array(
        smallDocument(replacing: [
          (#""max_input_chars_per_word": 100"#, #""max_input_chars_per_word": \#(length)"#),
          (#""x": 15"#, #""\#(token)": 15"#),
        ]).utf8)
    }
    #expect(try message(["tokenizer.json": document(256, token: token)]) == "no error")
    #expect(try message(["tokenizer.json": document(Int.max, token: String(token.dropLast()))]) == "no error")
    #expect(
      try message(["tokenizer.json": document(257, token: token)])
        == "tokenizer.json: key 'model.max_input_chars_per_word': words with tokens as long as these would take too "
        + "long to split; expected at most 256, or no token of more than 1024 bytes, found 257, and a token of 1025 "
        + "bytes.")
  }
}
