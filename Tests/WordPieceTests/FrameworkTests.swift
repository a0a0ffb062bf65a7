import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing

@testable import WordPiece

/// What other frameworks' files say of a tokenizer: llama.cpp's attributes, and KerasHub's files.
struct FrameworkTests {
  private static let keras = TokenizerRepresentation.keras(
    module: "keras_hub.src.models.bert.bert_tokenizer", className: "BertTokenizer")

  private func document(_ old: String, _ new: String) throws -> WordPieceTokenizer {
    try #require(try load(["tokenizer.json": smallDocument(replacing: [(old, new)])]))
  }

  /// What writing KerasHub's files says; `nil` when it wrote them.
  private func kerasError(_ tokenizer: WordPieceTokenizer) throws -> String? {
    try withTemporaryDirectory { directory in
      do {
        try tokenizer.write(to: directory, as: Self.keras)
        return nil
      } catch let error as GraftError {
        #expect(error.kind == .unsupported)
        #expect(try contents(directory).isEmpty)
        return error.description
      }
    }
  }

  /// Both have BERT's tokenizer alone, and would give other ids without a word.
  @Test(arguments: [
    (#""clean_text": true"#, #""clean_text": false"#),
    (#""handle_chinese_chars": true"#, #""handle_chinese_chars": false"#),
    (#""normalizer": "#, #""normalizer": null, "earlier": "#),
    (#""max_input_chars_per_word": 100"#, #""max_input_chars_per_word": 50"#),
    (###""continuing_subword_prefix": "##""###, #""continuing_subword_prefix": "@@""#),
    (#""post_processor": "#, #""post_processor": null, "earlier": "#),
    (#"["[SEP]", 3]"#, #"["[PAD]", 0]"#),
  ])
  func anotherTokenizerIsNotWritten(old: String, new: String) throws {
    let tokenizer = try document(old, new)
    #expect(tokenizer.attributes(as: .ggml).isEmpty)
    #expect(
      try kerasError(tokenizer)
        == "KerasHub's WordPiece tokenizer cannot say this: text is cleaned, split or joined otherwise than BERT's; "
        + "expected BertNormalizer, pieces marked with ##, words of at most 100 characters, and [CLS] A [SEP] B [SEP]. "
        + "Choose another 'dialect'.")
  }

  /// RoBERTa's order of separators, as MPNet has it, is not BERT's.
  @Test func anotherTemplateIsNotWritten() throws {
    let tokenizer = try #require(
      try load([
        "vocab.txt": "<s>\n<pad>\n</s>\n[UNK]\na\n<mask>\n",
        "tokenizer_config.json": #"{"tokenizer_class": "MPNetTokenizer"}"#,
      ]))
    #expect(tokenizer.attributes(as: .ggml).isEmpty)
    #expect(try kerasError(tokenizer)?.contains("otherwise than BERT's") == true)
  }

  @Test(arguments: [
    (
      #""x": 15"#, #""x\n": 15"#, "a token with a line break, or with white space at its end; found token 15."
    ),
    (
      #""x": 15"#, #""x\ry": 15"#,
      "a token with a line break, or with white space at its end; found token 15."
    ),
    (
      #""x": 15"#, #""x\u00A0": 15"#,
      "a token with a line break, or with white space at its end; found token 15."
    ),
    ("[UNK]", "[OOV]", "a special token has another name; expected [UNK], found [OOV]."),
    ("[MASK]", "[MSK]", "a special token has another name; expected [MASK], found no such token."),
    (
      #""added_tokens": ["#, #""added_tokens": [{"id": 15, "content": "x", "special": false}, "#,
      "a token that is looked for in the text; found 'x'."
    ),
  ])
  func kerasHubHasNoPlace(old: String, new: String, problem: String) throws {
    #expect(
      try kerasError(document(old, new)) == "KerasHub's WordPiece tokenizer cannot say this: \(problem) "
        + "Choose another 'dialect'.")
  }

  @Test func kerasHubReadsItAgain() throws {
    let tokenizer = try #require(try load(["tokenizer.json": smallDocument()]))
    try withTemporaryDirectory { directory in
      try tokenizer.write(to: directory, as: Self.keras)
      let read = try #require(try WordPieceTokenizer.load(from: directory))
      #expect(
        read.vocabulary.tokens == tokenizer.vocabulary.tokens && read.specialTokens == tokenizer.specialTokens
      )
      #expect(read.encode("The unaffable Foobar, é!") == tokenizer.encode("The unaffable Foobar, é!"))
    }
  }

  /// Tokens that a line of a `vocab.txt` could not say, and added ones, are what they were.
  @Test func ggmlAttributesKeepEveryToken() throws {
    let added = [
      #"{"id": 29, "content": "<new>", "special": false, "normalized": false}"#,
      #"{"id": 30, "content": "<extra>", "special": true, "normalized": false}"#,
    ]
    let tokenizer = try #require(
      try load([
        "tokenizer.json": smallDocument(
          addedTokens: added,
          replacing: [
            (#""x": 15"#, #""x\r": 15"#), (#""bar": 14"#, #""\uFEFFbar": 14"#), (#""!": 28"#, #""!\n": 28"#),
          ])
      ]))
    let attributes = tokenizer.attributes(as: .ggml)
    #expect(attributes["tokenizer.ggml.mask_token_lstrip"] == nil)
    let read = try #require(try WordPieceTokenizer.load(describedBy: attributes))
    #expect(read.vocabulary.tokens == tokenizer.vocabulary.tokens)
    #expect(read.addedTokens == tokenizer.addedTokens)
    #expect(read.specialTokens == tokenizer.specialTokens)
    #expect(read.configuration["bos_token"] == nil && read.configuration["eos_token"] == nil)
    let text = "unaffable<new>foobar [MASK]<extra>!"
    #expect(read.encode(text) == tokenizer.encode(text))
    #expect(read.encode(text).ids.contains(29))
  }

  @Test func brokenAttributes() throws {
    let tokenizer = try #require(try load(["tokenizer.json": smallDocument()]))
    let attributes = tokenizer.attributes(as: .ggml)
    let types = try #require(attributes["tokenizer.ggml.token_type"]?.array)
    func message(_ key: String, _ value: JSON?) -> String? {
      var changed = attributes
      changed[key] = value
      return errorMessage { _ = try WordPieceTokenizer.load(describedBy: changed) }
    }
    #expect(
      message("tokenizer.ggml.token_type", .array(types.dropLast()))
        == "key 'tokenizer.ggml.token_type': not one value for each token; expected a list of 29, found a list of 28."
    )
    #expect(
      message("tokenizer.ggml.token_type", .array([9] + types.dropFirst()))
        == "key 'tokenizer.ggml.token_type': unknown token type; expected 0 to 6, found 9 for token 0."
    )
    #expect(
      message("tokenizer.ggml.tokens", nil)
        == "key 'tokenizer.ggml.tokens': the tokenizer has no such list.")
    #expect(
      message("tokenizer.ggml.mask_token_id", 29)
        == "key 'tokenizer.ggml.mask_token_id': not a token's number; expected a whole number below 29, found 29."
    )
    // Older files have no types: their special tokens are those with a role.
    var untyped = attributes
    untyped["tokenizer.ggml.token_type"] = nil
    let words = try #require(attributes["tokenizer.ggml.tokens"]?.array)
    untyped["tokenizer.ggml.tokens"] = .array(
      words.enumerated().map { $0 < 5 ? .string("\u{2581}" + ($1.string ?? "")) : $1 })
    let read = try #require(try WordPieceTokenizer.load(describedBy: untyped))
    #expect(
      read.addedTokens == tokenizer.addedTokens && read.vocabulary.tokens == tokenizer.vocabulary.tokens)
  }
}
