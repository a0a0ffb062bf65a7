import Foundation
import GraftCore
import GraftKit
import GraftPlugins
import GraftTensors
import TestSupport
import Testing

/// What a person reads when a tokenizer cannot be trained, or a model not be made.
@Suite struct TrainingErrorTests {
  private func message(
    type: String? = nil, family: String? = nil, _ options: TokenizerTrainingOptions = .init(),
    texts: [String] = ["a b"]
  ) -> String? {
    errorMessage {
      var training = try TokenizerTraining(
        type: type, family: family, options: options, registry: .builtIn())
      for text in texts { training.add(TextRow(text)) }
      _ = try training.finish()
    }
  }

  @Test func training() throws {
    #expect(
      message(type: "wordpeice")?.hasPrefix("unknown type of tokenizer 'wordpeice'. Known: wordpiece, bpe")
        == true)
    #expect(message(type: "wordpeice")?.hasSuffix(" Did you mean 'wordpiece'?") == true)
    #expect(message(family: "robberta")?.hasSuffix("Did you mean 'roberta'?") == true)
    #expect(
      message(type: "bpe", family: "bert")
        == "the tokenizer of the family 'bert' is of another type; expected wordpiece, found bpe. "
        + "Leave out 'type' or 'family'.")
    #expect(
      message(type: "wordpiece", texts: ["", " \t"])
        == "no words in the texts; expected text to learn tokens from.")
    #expect(
      message(type: "wordpiece", .init(vocabularySize: 8), texts: ["abc"])
        == "the vocabulary has no room for the special tokens and the alphabet; "
        + "expected at least 10 tokens, found 8. Raise 'vocab-size', or lower 'limit-alphabet'.")
    #expect(
      message(type: "bpe", .init(vocabularySize: 260))
        == "the vocabulary has no room for the special tokens and the alphabet; "
        + "expected at least 261 tokens, found 260. Raise 'vocab-size'.")
    #expect(
      message(type: "bpe", .init(alphabetLimit: 100))
        == "the alphabet of a byte-level tokenizer is that of all bytes. Leave out 'limit-alphabet'.")
    #expect(
      message(type: "unigram", .init(vocabularySize: 7), texts: ["abc"])
        == "the vocabulary has no room for the special tokens and the alphabet; "
        + "expected at least 9 tokens, found 7. Raise 'vocab-size'.")
    #expect(
      message(type: "unigram", .init(minimumFrequency: 2))
        == "a unigram model chooses pieces by what they bring, not by how often they occur. "
        + "Leave out 'min-frequency'.")
    #expect(
      message(type: "unigram", .init(alphabetLimit: 100))
        == "every character is a piece of a unigram model. Leave out 'limit-alphabet'.")
    #expect(
      message(type: "bpe", .init(furtherSpecialTokens: ["<s>"]))
        == "option 'special-tokens': the special token '<s>' is one of the family's own.")
    #expect(
      message(type: "bpe", .init(furtherSpecialTokens: ["[A]", "[A]"]))
        == "option 'special-tokens': the special token '[A]' is given twice.")
  }

  @Test func models() throws {
    try withTemporaryDirectory { directory in
      func message(_ family: String, _ size: String, _ files: URL) -> String? {
        errorMessage(in: directory) {
          _ = try initializeModel(
            family: family, size: size, tokenizerFrom: files, registry: .builtIn())
        }
      }
      #expect(
        message("bert", "tiny", directory)?.hasSuffix(
          "no tokenizer files. Name the directory of a tokenizer, or of a checkpoint that has one.") == true)
      let files = directory.appending(path: "tokenizer")
      try DirectoryWriter.write(files) { try RecipeTests.tokenizer("bert").write(to: $0) }
      #expect(
        message("bert", "tinny", files)
          == "unknown size 'tinny'. Known: tiny, mini, small, medium, base, large. Did you mean 'tiny'?")
      // A vocabulary without the token that is BERT's by default.
      let vocabulary = try String(contentsOf: files.appending(path: "vocab.txt"), encoding: .utf8)
      try FileManager.default.removeItem(at: files)
      try DirectoryWriter.write(files) {
        try FileWriter.write(
          $0.appending(path: "vocab.txt"), text: vocabulary.replacing("[PAD]", with: "[NONE]"))
      }
      #expect(
        message("bert", "tiny", files)
          == "tokenizer: key 'pad_token': the tokenizer has no padding token; expected one of its tokens.")
    }
  }
}
