import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing
import TokenizerCases
import TokenizerKit

@testable import Pipeline

/// KerasHub's SentencePiece models, against the ids of KerasHub's tokenizers; see Fixtures/keras-hub/make_families.py.
@Suite("KerasHub's SentencePiece models")
struct KerasTokenizerTests {
  static let presets = ["albert", "xlm-roberta", "deberta-v2"]

  private func preset(_ name: String) -> URL { fixtures.appending(path: "keras-hub/\(name)-masked-lm") }

  private func representation(_ preset: URL) throws -> TokenizerRepresentation {
    let file = try JSON(parsing: Data(contentsOf: preset.appending(path: "tokenizer.json")))
    return .keras(
      module: file["module"]?.string ?? "", className: file["class_name"]?.string ?? "")
  }

  private func model(_ directory: URL) throws -> SentencePieceFile {
    try SentencePieceFile(Array(Data(contentsOf: directory.appending(path: KerasTokenizer.vocabularyName))))
  }

  private func expectKerasHubsIDs(_ tokenizer: PipelineTokenizer, _ preset: URL) throws {
    let file = try JSON(parsing: Data(contentsOf: preset.appending(path: "ids.json")))
    let (texts, ids) = (try #require(file["texts"]?.array), try #require(file["ids"]?.array))
    #expect(texts.count == ids.count && !texts.isEmpty)
    for (text, ids) in zip(texts, ids) {
      let found = tokenizer.encode(
        text.string ?? "", pair: nil, truncation: nil, addSpecialTokens: false)
      #expect(found.ids.map { JSON(Int($0)) } == ids.array, "\(text)")
    }
  }

  @Test("ids are KerasHub's", arguments: presets)
  func reads(_ name: String) throws {
    let preset = preset(name)
    let tokenizer = try #require(try PipelineTokenizer.load(from: preset))
    try expectKerasHubsIDs(tokenizer, preset)
    let config = try JSON(parsing: Data(contentsOf: preset.appending(path: "config.json")))
    #expect(config["config"]?["vocabulary_size"]?.int == tokenizer.vocabularySize)
    let roles = tokenizer.specialTokens
    #expect(roles.all.count == 5 && roles.mask != nil)
  }

  /// KerasNLP's tokenizers give the same ids, of a `vocab.spm` alone.
  @Test("beside KerasNLP's weights, the model's class says the tokenizer's", arguments: presets)
  func readsKerasNLPs(_ name: String) throws {
    let preset = preset(name)
    try withTemporaryDirectory { directory in
      try FileManager.default.copyItem(
        at: preset.appending(path: KerasTokenizer.vocabularyName),
        to: directory.appending(path: "vocab.spm"))
      #expect(try PipelineTokenizer.load(from: directory) == nil)
      let config = directory.appending(path: "config.json")
      try FileManager.default.copyItem(at: preset.appending(path: "config.json"), to: config)
      let tokenizer = try #require(try PipelineTokenizer.load(from: directory))
      try expectKerasHubsIDs(tokenizer, preset)
      #expect(tokenizer.specialTokens.mask != nil)
      try Data(#"{"class_name": "MarianBackbone"}"#.utf8).write(to: config)
      #expect(try PipelineTokenizer.load(from: directory) == nil)
    }
  }

  @Test("the model that is written is the one that was read", arguments: presets)
  func writes(_ name: String) throws {
    let preset = preset(name)
    let tokenizer = try #require(try PipelineTokenizer.load(from: preset))
    try withTemporaryDirectory { directory in
      // By way of Hugging Face's files, which say all that the model does.
      try tokenizer.write(to: directory)
      let between = try #require(try PipelineTokenizer.load(from: directory))
      let written = directory.appending(path: "preset")
      try FileManager.default.createDirectory(at: written, withIntermediateDirectories: false)
      try between.write(to: written, as: representation(preset))
      let (ours, theirs) = (try model(written), try model(preset))
      #expect(ours.pieces.map(\.text) == theirs.pieces.map(\.text))
      #expect(ours.pieces.map(\.type) == theirs.pieces.map(\.type))
      #expect(ours.pieces.map(\.score) == theirs.pieces.map(\.score))
      #expect(ours.unknownID == theirs.unknownID && ours.unknownPiece == theirs.unknownPiece)
      #expect(ours.kind == theirs.kind && ours.usesBytes == theirs.usesBytes)
      #expect(!ours.charsmap.isEmpty && ours.charsmap == theirs.charsmap)
      #expect(ours.addsDummyPrefix == theirs.addsDummyPrefix)
      #expect(ours.removesExtraSpaces == theirs.removesExtraSpaces)
      try expectKerasHubsIDs(#require(try PipelineTokenizer.load(from: written)), preset)
    }
  }

  /// A `tokenizer.json` with other parts in the place of some, and the error of writing a model of it.
  private func refusal(_ changes: [String: JSON]) throws -> String {
    let preset = preset("albert")
    let tokenizer = try #require(try PipelineTokenizer.load(from: preset))
    return try withTemporaryDirectory { directory in
      try tokenizer.write(to: directory)
      // Whose tokens with a role would be added.
      try Data("{}".utf8).write(to: directory.appending(path: "tokenizer_config.json"))
      try FileManager.default.removeItem(at: directory.appending(path: "special_tokens_map.json"))
      let file = directory.appending(path: "tokenizer.json")
      let document = try JSON(parsing: Data(contentsOf: file)).changed(changes)
      try Data(document.text().utf8).write(to: file)
      let changed = try #require(try PipelineTokenizer.load(from: directory))
      let written = directory.appending(path: "preset")
      let error = try #require(throws: GraftError.self) {
        try changed.write(to: written, as: representation(preset))
      }
      #expect(error.kind == .unsupported)
      #expect(!FileManager.default.fileExists(atPath: written.path))
      return error.description
    }
  }

  /// The normalizer that transformers made of ALBERT's models until version 5, and that the published files have.
  @Test("spaces that only a SentencePiece model removes are said")
  func spacesAtTheEnd() throws {
    let preset = preset("albert")
    let tokenizer = try #require(try PipelineTokenizer.load(from: preset))
    let representation = try representation(preset)
    #expect(tokenizer.differences(as: representation) == [])
    try withTemporaryDirectory { directory in
      try tokenizer.write(to: directory)
      let file = directory.appending(path: "tokenizer.json")
      let document = try JSON(parsing: Data(contentsOf: file))
      let parts = (document["normalizer"]?["normalizers"]?.array ?? []).filter {
        $0["type"]?.string != "Strip"
      }
      let changed = document.changed(["normalizer": ["type": "Sequence", "normalizers": .array(parts)]])
      try Data(changed.text().utf8).write(to: file)
      let published = try #require(try PipelineTokenizer.load(from: directory))
      #expect(
        published.differences(as: representation) == [
          "spaces at the end of a text have no token: SentencePiece removes them where it joins others"
        ])
      #expect(published.differences(as: .huggingFace) == [])
      let written = directory.appending(path: "preset")
      try FileManager.default.createDirectory(at: written, withIntermediateDirectories: false)
      try published.write(to: written, as: representation)
      #expect(try model(written).removesExtraSpaces)
    }
  }

  @Test("what a model cannot say is refused by name")
  func refusals() throws {
    let normalizer: JSON = ["type": "Sequence", "normalizers": [["type": "NFC"], ["type": "Strip"]]]
    #expect(
      try refusal(["normalizer": normalizer])
        == "a SentencePiece model has no such normalizer; expected what a charsmap can do, and the removal of spaces, found NFC. "
        + "Choose another 'dialect'.")
    #expect(
      try refusal(["normalizer": ["type": "Strip", "strip_left": true, "strip_right": true]])
        == "a SentencePiece model has no such normalizer; expected spaces removed at the end of a text and between "
        + "words, found at the end alone. Choose another 'dialect'.")
    #expect(
      try refusal(["pre_tokenizer": ["type": "Whitespace"]])
        == "a SentencePiece model has no such pre-tokenizer; expected Metaspace, found Whitespace. "
        + "Choose another 'dialect'.")
    let model: JSON = [
      "type": "BPE", "vocab": ["a": 0, "[CLS]": 1, "[SEP]": 2, "<pad>": 3, "[MASK]": 4, "<unk>": 5],
      "merges": [],
      "unk_token": "<unk>",
    ]
    #expect(
      try refusal(["model": model, "added_tokens": [], "post_processor": .null])
        == "a SentencePiece model cannot say this: a tokenizer of another kind than the framework's; expected "
        + "Unigram, found BPE. Choose another 'dialect'.")
    let unigram: JSON = ["type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0], ["a", -1]]]
    #expect(
      try refusal(["model": unigram, "added_tokens": [], "post_processor": .null])
        == "a SentencePiece model cannot say this: a token of the framework's is missing; expected <pad>, found "
        + "no such token. Choose another 'dialect'.")
  }

  /// What SentencePiece does with a charsmap: the longest text of the table at each place is replaced.
  private func replaced(_ text: [UInt8], by rules: [[UInt8]: [UInt8]], longest: Int) -> [UInt8] {
    var (result, index): ([UInt8], Int) = ([], 0)
    while index < text.count {
      let length = (1...longest).last { length in
        index + length <= text.count && rules[Array(text[index..<index + length])] != nil
      }
      result += length.flatMap { rules[Array(text[index..<index + $0])] } ?? [text[index]]
      index += length ?? 1
    }
    return result
  }

  /// A text without spaces at its ends, and one between words.
  private func words(_ text: [UInt8]) -> String {
    String(decoding: text, as: UTF8.self).split(separator: " ").joined(separator: " ")
  }

  @Test("one charsmap does what several normalizers do", arguments: ["albert", "deberta"])
  func composition(_ name: String) throws {
    let golden = try #require(try Golden.read(name).first)
    // A charsmap of a few rules, or none; white space is the table's business too.
    let few = try Charsmap(model(preset("albert")).charsmap)
    let normalizers: [any Normalizer] =
      name == "albert"
      ? [
        ReplaceNormalizer(ComponentPattern(text: "``"), with: "\""),
        ReplaceNormalizer(ComponentPattern(text: "''"), with: "\""), NFKDNormalizer(),
        StripAccentsNormalizer(),
        LowercaseNormalizer(), PrecompiledNormalizer(few), ReplaceNormalizer(.spaces, with: " "),
      ] : [NFKDNormalizer(), StripAccentsNormalizer()]
    let document = golden.document.changed([
      "normalizer": SequenceNormalizer(normalizers).json,
      "pre_tokenizer": SequencePreTokenizer([WhitespaceSplitPreTokenizer(), MetaspacePreTokenizer()]).json,
    ])
    let description = try PipelineDescription(
      TokenizerDocument(parsing: Array(document.text().utf8)), TokenizerSettings(defaults: [:]))
    let tokenizer = try PipelineTokenizer(description)
    let tokenizerClass = try SentencePieceClass.kerasHub(
      name == "albert" ? "AlbertTokenizer" : "DebertaV3Tokenizer")
    let file = try SentencePieceExport(tokenizer, tokenizerClass).file
    #expect(file.removesExtraSpaces && file.addsDummyPrefix)
    let rules = Dictionary(uniqueKeysWithValues: try Charsmap(file.charsmap).rules())
    let longest = try #require(rules.keys.map(\.count).max())
    #expect(rules[Array("É".utf8)] == Array((name == "albert" ? "e" : "E").utf8))
    #expect(rules[Array("``".utf8)] == (name == "albert" ? Array("\"".utf8) : nil))
    #expect(rules[[0x09]] == [0x20] && rules[Array("ﬁ".utf8)] == Array("fi".utf8))
    var compared = 0
    for line in golden.lines {
      let text = try TokenizerCase(parsing: line).text
      // Of three quotation marks, which are two is the table's choice.
      guard !text.contains("```"), !text.contains("\'\'\'"), !text.utf8.contains(0) else { continue }
      var normalized = AlignedText(text.utf8, origin: 0)
      description.normalizer?.normalize(&normalized)
      let spaced = String(decoding: normalized.bytes, as: UTF8.self).unicodeScalars.map {
        $0.properties.isWhitespace ? " " : String($0)
      }.joined()
      #expect(
        words(replaced(Array(text.utf8), by: rules, longest: longest)) == words(Array(spaced.utf8)),
        "\(text.debugDescription)")
      compared += 1
    }
    #expect(compared > 200)
  }

  @Test("a table is what its rules say")
  func rules() throws {
    // Those that sentencepiece was given; see make_families.py.
    let given = [
      "\u{FB01}": "fi", "\u{FF41}": "a", "\u{A0}": " ", "\t": " ", "A": "a", "e\u{301}": "\u{E9}",
    ].map { (text: Array($0.utf8), replacement: Array($1.utf8)) }.sorted {
      $0.text.lexicographicallyPrecedes($1.text)
    }
    let many =
      given
      + (0x3400...0x3FFF).map { scalar in
        let text = Array(String(Unicode.Scalar(UInt16(scalar)) ?? " ").utf8)
        return (text: text, replacement: Array(text.dropLast(scalar % 3 == 0 ? 3 : 0)))
      }.filter { !$0.text.isEmpty }
    let trained = try Charsmap(model(preset("albert")).charsmap).rules()
    #expect(trained.map(\.text) == given.map(\.text))
    #expect(trained.map(\.replacement) == given.map(\.replacement))
    let found = try Charsmap(rules: many.shuffled()).rules()
    let expected = many.sorted { $0.text.lexicographicallyPrecedes($1.text) }
    #expect(found.map(\.text) == expected.map(\.text))
    #expect(found.map(\.replacement) == expected.map(\.replacement))
    // A table of one text is a text without others.
    let one = try Charsmap(rules: [(Array("ab".utf8), [])])
    #expect(try one.rules().map(\.text) == [Array("ab".utf8)])
    for rules in [[([], [1])], [([1], [0])], [([1], [2]), ([1], [3])]] as [[Charsmap.Rule]] {
      #expect(throws: GraftError.self) { try Charsmap(rules: rules) }
    }
  }

  @Test("a class that is not known is named")
  func unknownClass() throws {
    try withTemporaryDirectory { directory in
      let copy = directory.appending(path: "preset")
      try FileManager.default.copyItem(at: preset("albert"), to: copy)
      let file = copy.appending(path: "tokenizer.json")
      let text = try String(contentsOf: file, encoding: .utf8)
      try text.replacing("AlbertTokenizer", with: "XLNetTokenizer").write(
        to: file, atomically: true, encoding: .utf8)
      let error = try #require(throws: GraftError.self) { try PipelineTokenizer.load(from: copy) }
      #expect(
        error.description.hasSuffix(
          "key 'class_name': a SentencePiece tokenizer that Graft does not know; expected one of AlbertTokenizer, "
            + "DebertaV3Tokenizer, XLMRobertaTokenizer, found XLNetTokenizer."))
    }
  }
}
