import Foundation
import GraftCore
import GraftTensors
import Protobuf
import TestSupport
import Testing
import TokenizerCases
import Zlib

@testable import Pipeline

/// Tokenizers of SentencePiece models alone, against what transformers' converters make of them; see
/// Fixtures/pipeline/converted.py.
struct SentencePieceTests {
  /// The bytes of a model, with its charsmap when it is a unigram one.
  static func model(_ name: String) throws -> [UInt8] {
    var bytes = try Gzip.decompress(
      file: pipelineFixtures.appending(path: "\(name).model.gz"), limit: 1 << 24)
    guard name != "bpe" else { return bytes }
    // Fields of one message may come in several parts.
    var normalizer: [UInt8] = []
    normalizer.appendField(2, try charsmap())
    bytes.appendField(3, normalizer)
    return bytes
  }

  @Test func agrees() throws {
    let bytes = try Gzip.decompress(
      file: pipelineFixtures.appendingPathComponent("converted.jsonl.gz"), limit: 1 << 24)
    var tokenizer: PipelineTokenizer?
    var again: PipelineTokenizer?
    var name = ""
    var compared = 0
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      if line.starts(with: #"{"tokenizers""#.utf8) {
        let header = try JSON(parsing: line)
        name = try #require(header["name"]?.string)
        let model = try #require(header["model"]?.string)
        let settings = try #require(header["settings"])
        let file = model == "deberta" ? "spm.model" : model == "albert" ? "spiece.model" : "tokenizer.model"
        (tokenizer, again) = try withTemporaryDirectory { directory in
          try Data(Self.model(model)).write(to: directory.appendingPathComponent(file))
          try Data(settings.text().utf8).write(to: directory.appendingPathComponent("tokenizer_config.json"))
          let found = try #require(try PipelineTokenizer.load(from: directory))
          // What is written is a tokenizer.json, which needs no model.
          try FileManager.default.removeItem(at: directory.appendingPathComponent(file))
          try found.write(to: directory)
          return (found, try PipelineTokenizer.load(from: directory))
        }
      } else if let tokenizer, let again {
        compared += 1
        // Decoding leaves out the unknown token, which beside a tokenizer.json is a special one.
        let example = try TokenizerCase(parsing: line)
        let difference =
          example.difference(from: tokenizer) ?? example.difference(from: again, decodes: false)
        if let difference { Issue.record("\(name): \(difference)") }
      }
    }
    #expect(compared > 900)
  }

  @Test func theClassIsFoundByTheFiles() throws {
    func find(_ settings: JSON, _ model: JSON, _ file: String) throws -> String {
      try SentencePieceClass.find(
        .init(configuration: settings, defaults: [:]), model: model, fileName: file
      ).name
    }
    #expect(try find([:], [:], "spm.model") == "DebertaV2Tokenizer")
    #expect(try find([:], [:], "spiece.model") == "AlbertTokenizer")
    #expect(try find([:], [:], "sentencepiece.bpe.model") == "XLMRobertaTokenizer")
    #expect(try find([:], [:], "tokenizer.model") == "PreTrainedTokenizer")
    #expect(try find([:], ["model_type": "camembert"], "sentencepiece.bpe.model") == "CamembertTokenizer")
    #expect(try find([:], ["model_type": "xlm-roberta"], "tokenizer.model") == "XLMRobertaTokenizer")
    // The graph does not say which tokenizer it comes with.
    #expect(
      try find(["tokenizer_class": "XLMRobertaTokenizerFast"], ["model_type": "bert"], "tokenizer.model")
        == "XLMRobertaTokenizer")
    let error = #expect(throws: GraftError.self) {
      _ = try find(["tokenizer_class": "XLNetTokenizer"], [:], "spiece.model")
    }
    #expect(
      error?.description == "key 'tokenizer_class': a SentencePiece tokenizer that Graft does not know; "
        + "expected one of XLMRobertaTokenizer, CamembertTokenizer, AlbertTokenizer, DebertaV2Tokenizer, "
        + "PreTrainedTokenizer, found XLNetTokenizer.")
  }

  /// The files that older checkpoints have beside a model.
  @Test func olderFilesNameTokens() throws {
    let tokenizer = try withTemporaryDirectory { directory in
      try Data(Self.model("deberta")).write(to: directory.appendingPathComponent("spm.model"))
      for (name, text) in [
        ("added_tokens.json", #"{"[MASK]": 1000, "<new>": 1001}"#),
        ("special_tokens_map.json", #"{"cls_token": "[CLS]", "additional_special_tokens": ["<other>"]}"#),
      ] {
        try Data(text.utf8).write(to: directory.appendingPathComponent(name))
      }
      return try #require(try PipelineTokenizer.load(from: directory))
    }
    #expect(tokenizer.vocabularySize == 1003)
    #expect(
      tokenizer.specialTokens
        == SpecialTokens(padding: 0, unknown: 3, classification: 1, separator: 2, mask: 1000))
    #expect(tokenizer.id(of: "<new>") == 1001 && tokenizer.id(of: "<other>") == 1002)
    let encoding = tokenizer.encode("[MASK]<new><other>")
    #expect(encoding.ids == [1, 1000, 1001, 1002, 2])
    #expect(encoding.isSpecial == [true, true, false, true, true])
  }

  /// Files with a few bytes changed, cut out or doubled, and files that are cut off: a tokenizer or an error.
  @Test func damagedModels() throws {
    let model = try Gzip.decompress(
      file: pipelineFixtures.appending(path: "camembert.model.gz"), limit: 1 << 24)
    var generator = Mutations(seed: 3)
    var loaded = 0
    try withTemporaryDirectory { directory in
      for round in 0..<300 {
        if round % 3 == 0 {
          let bytes = Array(model.prefix(model.count * round / 300))
          #expect(throws: GraftError.self) { try SentencePieceFile(bytes) }
          continue
        }
        try Data(generator.damaged(model)).write(
          to: directory.appendingPathComponent("sentencepiece.bpe.model"))
        do {
          let tokenizer = try #require(try PipelineTokenizer.load(from: directory))
          loaded += 1
          _ = tokenizer.encode("Some text é 中, and more <mask>", maximumLength: 9)
        } catch is GraftError {}
      }
    }
    #expect(loaded > 10)
  }

  /// SentencePiece itself reads a file that ends between two fields as a smaller model, or one of another kind.
  @Test(arguments: ["camembert", "bpe"])
  func cutBetweenFields(name: String) throws {
    let model = try Gzip.decompress(
      file: pipelineFixtures.appending(path: "\(name).model.gz"), limit: 1 << 24)
    let whole = try SentencePieceFile(model)
    var reader = ProtobufReader(model[...])
    var rest = model
    var (cut, numbers): (Int, [UInt64]) = (0, [])
    while let (field, value) = try reader.next() {
      guard case .bytes(let bytes) = value else { continue }
      numbers.append(field)
      cut = bytes.endIndex
      guard cut < model.count else { break }
      rest = Array(model[..<cut])
      let message = errorMessage { _ = try SentencePieceFile(rest) }
      let settings = field == 2 ? " and the trainer's settings" : ""
      #expect(
        message
          == "the file is cut off; expected pieces, and the settings of the trainer and the normalizer, "
          + "found \(numbers.count { $0 == 1 }) pieces\(settings).")
    }
    #expect(cut == model.count && numbers.suffix(3) == [1, 2, 3])
    #expect(whole.pieces.count == numbers.count - 2)
  }
}
