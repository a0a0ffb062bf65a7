import Foundation
import GraftCore
import GraftKit
import GraftTensors
import TestSupport
import Testing
import Zlib

/// Tokenizers whose files say different things, and those that cannot be read.
@Suite struct DisagreeingFilesTests {
  struct Case: CustomTestStringConvertible {
    let json: JSON
    var testDescription: String { json["name"]?.string ?? "" }
    /// Those of transformers; `nil` where it has another tokenizer.
    var ids: [Int32]? { json["ids"]?.array?.map { Int32($0.int ?? -1) } }

    static func all() throws -> [Case] {
      let bytes = try Gzip.decompress(
        file: fixtures.appending(path: "tokenizer/disagreeing.json.gz"), limit: 1 << 24)
      return try #require(JSON(parsing: bytes).array).map(Case.init)
    }

    /// Calls `body` with a directory of the case's files.
    func withFiles(_ body: (URL) throws -> Void) throws {
      let base = fixtures.appending(path: try #require(json["base"]?.string))
      try withTemporaryDirectory { directory in
        let copy = directory.appending(path: "model")
        try FileManager.default.copyItem(at: base, to: copy)
        for file in try #require(json["files"]?.members) {
          let url = copy.appending(path: file.key)
          if let text = file.value.string {
            try FileWriter.write(url, text: text)
          } else {
            try FileManager.default.removeItem(at: url)
          }
        }
        try body(copy)
      }
    }
  }

  @Test("every case was made") func count() throws { #expect(try Case.all().count == 112) }

  @Test("what disagrees is decided as transformers does", arguments: try Case.all())
  func decides(_ example: Case) throws {
    try example.withFiles { directory in
      let registry = try Support.registry()
      guard let ids = example.ids else {
        let error = try #require(throws: GraftError.self) { try registry.loadTokenizer(from: directory) }
        #expect(error.description.contains("key 'tokenizer_class'"))
        return
      }
      let text = try #require(example.json["text"]?.string)
      func encoded(_ directory: URL) throws -> [Int32] {
        let tokenizer = try #require(try registry.loadTokenizer(from: directory))
        return tokenizer.encode(
          text, pair: nil, maximumLength: example.json["maximum"]?.int, addSpecialTokens: true
        ).ids
      }
      #expect(try encoded(directory) == ids)
      let notes = try #require(try registry.loadTokenizer(from: directory)).notes
      #expect(!notes.contains { $0.hasSuffix(": ") || $0.isEmpty }, "\(notes)")
      // What is written again agrees with itself.
      let written = directory.appending(path: "written")
      try FileManager.default.createDirectory(at: written, withIntermediateDirectories: false)
      try #require(try registry.loadTokenizer(from: directory)).write(to: written)
      let again = try #require(try registry.loadTokenizer(from: written))
      #expect(try encoded(written) == ids)
      #expect(again.notes.isEmpty)
    }
  }

  @Test(
    "what was decided is said",
    arguments: [
      (
        "BERT, tokenizer.json: cased",
        "BertTokenizer goes by tokenizer_config.json and not by tokenizer.json, as in transformers: "
          + "letters are not lower-cased, accents are kept"
      ),
      (
        "BERT, tokenizer.json: another unknown token",
        "BertTokenizer goes by tokenizer_config.json and not by tokenizer.json, as in transformers: "
          + "the unknown token is 'the'"
      ),
      (
        "BERT, tokenizer.json: another splitting",
        "BertTokenizer goes by tokenizer_config.json and not by tokenizer.json, as in transformers: "
          + "text is cleaned, split and joined as BERT's"
      ),
      (
        "RoBERTa: a space before, in the settings",
        "RobertaTokenizer goes by tokenizer_config.json and not by tokenizer.json, as in transformers: "
          + "texts begin with a space"
      ),
      (
        "BERT, tokenizer.json: added_tokens.json with a gap",
        "the token 'newtok' has the id 260, as in transformers; its file says 265"
      ),
      (
        "BERT, vocab.txt: a line twice",
        "the token in line 51 of the vocabulary stands in a later line too, whose id it has"
      ),
    ])
  func notes(name: String, note: String) throws {
    let example = try #require(try Case.all().first { $0.testDescription == name })
    try example.withFiles { directory in
      let notes = try Support.registry().open(directory).report.notes
      #expect(notes.contains(note))
    }
  }

  @Test(
    "files that agree are taken as they are",
    arguments: [
      "bert", "distilbert", "electra", "mpnet", "nomic_bert", "roberta", "xlm-roberta", "camembert", "albert",
      "deberta-v2", "modernbert",
    ])
  func nothingToSay(_ family: String) throws {
    let directory = fixtures.appending(path: "\(family)-tiny/base")
    #expect(try #require(try Support.registry().loadTokenizer(from: directory)).notes.isEmpty)
  }

  @Test("a tokenizer that cannot be read goes along, and stops only what reads texts")
  func unread() throws {
    try withTemporaryDirectory { directory in
      let (copy, registry) = (directory.appending(path: "model"), try Support.registry())
      try FileManager.default.copyItem(at: Support.fixture("sequence-classification"), to: copy)
      try FileManager.default.removeItem(at: copy.appending(path: "tokenizer.json"))
      let settings = #"{"tokenizer_class": "BertJapaneseTokenizer"}"#
      try FileWriter.write(copy.appending(path: "tokenizer_config.json"), text: settings)
      let vocabulary = try RandomAccessFile(copy.appending(path: "vocab.txt")).bytesOfWholeFile(
        limit: 1 << 20)

      let output = directory.appending(path: "output")
      let report = try importModel(copy, to: output, registry: registry)
      #expect(
        report.notes.contains { $0.hasPrefix("the tokenizer cannot be read") && $0.contains("BertJapanese") })
      let files = ["tokenizer_config.json": Array(settings.utf8), "vocab.txt": vocabulary]
      for (name, bytes) in files {
        #expect(try RandomAccessFile(output.appending(path: name)).bytesOfWholeFile(limit: 1 << 20) == bytes)
      }
      #expect(try compare(copy, output, registry: registry).isEmpty)

      let model = try registry.open(output).checkpoint.makeModel()
      let error = try #require(throws: GraftError.self) { try model.requireTokenizer() }
      #expect(error.subject == "key 'tokenizer_class'")
      #expect(throws: GraftError.self) {
        try importModel(copy, to: directory.appending(path: "strict"), strict: true, registry: registry)
      }
    }
  }
}
