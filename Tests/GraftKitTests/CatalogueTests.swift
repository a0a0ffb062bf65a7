import Foundation
import GraftCompute
import GraftCore
import GraftTensors
import TestSupport
import Testing

import GraftPlugins

@testable import GraftCommandLine
@testable import GraftKit

@Suite struct CatalogueTests {
  private static let nowhere = URL(filePath: "/nowhere/zoo.json")

  /// The formula for BERT's sizes, and the parameters of bert-base-uncased as published.
  @Test func everyBERTCanBeCounted() throws {
    let registry = try Registry.builtIn()
    let catalogue = try ModelCatalogue(registry, userFile: Self.nowhere)
    let entries = catalogue.entries.filter { $0.family == "bert" }
    for entry in entries {
      let configuration = try #require(entry.configuration)
      func size(_ key: String) throws -> Int { try configuration.size(key) }
      let (layers, hidden) = try (size("num_hidden_layers"), size("hidden_size"))
      let (inner, words) = try (size("intermediate_size"), size("vocab_size"))
      let embeddings = (words + 512 + 2 + 2) * hidden
      let attention = 4 * (hidden * hidden + hidden) + 2 * hidden
      let feedForward = 2 * hidden * inner + inner + hidden + 2 * hidden
      let pooler = hidden * hidden + hidden
      let encoder = embeddings + layers * (attention + feedForward)
      #expect(try entry.parameterCount(registry) == encoder + pooler, "\(entry.name)")
      #expect(try entry.parameterCount(registry, withPooler: false) == encoder, "\(entry.name)")
      #expect(hidden % (try size("num_attention_heads")) == 0)
    }
    #expect(try catalogue.find("bert-base-uncased")?.parameterCount(registry) == 109_482_240)
    let small = entries.filter { $0.name.hasPrefix("google/bert_uncased_L-") }
    #expect(small.count == 24)
    for entry in small {
      let configuration = try #require(entry.configuration)
      let (layers, hidden) = try (configuration.size("num_hidden_layers"), configuration.size("hidden_size"))
      #expect(entry.name == "google/bert_uncased_L-\(layers)_H-\(hidden)_A-\(hidden / 64)")
    }
  }

  /// Parameters of transformers' base classes at the published sizes, in millions.
  private static let published = [
    "paraphrase-multilingual-MiniLM-L12-v2": 117.7, "bge-small-en-v1.5": 33.4, "bge-large-en-v1.5": 335.1,
    "distilbert-base-uncased": 66.4, "distilbert-base-multilingual-cased": 134.7, "roberta-base": 124.6,
    "roberta-large": 355.4, "distilroberta-base": 82.1, "xlm-roberta-base": 278.0, "xlm-roberta-large": 559.9,
    "camembert-base": 110.6, "electra-small-discriminator": 13.5, "electra-base-discriminator": 108.9,
    "electra-large-discriminator": 334.1, "albert-base-v2": 11.7, "albert-xxlarge-v2": 222.6,
    "mpnet-base": 109.5,
    "deberta-v3-xsmall": 70.7, "deberta-v3-small": 141.3, "deberta-v3-base": 183.8, "deberta-v3-large": 434.0,
    "mdeberta-v3-base": 278.2, "ModernBERT-base": 149.0, "ModernBERT-large": 394.8,
    "nomic-embed-text-v1.5": 136.7,
  ]

  @Test func publishedModelsOfAllFamiliesCanBeCounted() throws {
    let registry = try Registry.builtIn()
    let entries = try ModelCatalogue(registry, userFile: Self.nowhere).entries
    #expect(Set(entries.compactMap(\.family)) == Set(registry.families.names))
    for entry in entries {
      #expect(["wordpiece", "byte-level-bpe", "unigram"].contains(entry.tokenizer), "\(entry.name)")
      let count = try #require(try entry.parameterCount(registry), "\(entry.name)")
      let name = entry.name.split(separator: "/").last.map(String.init) ?? ""
      guard let millions = Self.published[name] else { continue }
      #expect(abs(Double(count) / 1e6 - millions) < 0.051, "\(entry.name): \(count)")
    }
    let names = entries.flatMap(\.names)
    #expect(Set(names).count == names.count)
  }

  @Test func bertBase() throws {
    let registry = try Registry.builtIn()
    let catalogue = try ModelCatalogue(registry, userFile: Self.nowhere)
    let entry = try #require(catalogue.find("google-bert/bert-base-uncased"))
    #expect(entry.name == "bert-base-uncased")
    #expect(entry.files.map(\.name).contains("model.safetensors"))
    #expect(entry.files.allSatisfy { $0.sha256.utf8.count == 64 })
    #expect(
      entry.golden.map(\.output) == ["last_hidden_state", "prediction_logits", "seq_relationship_logits"])
    #expect(entry.golden.map(\.values.count) == [3, 3, 1])
  }

  @Test func usersCatalogue() throws {
    let registry = try Registry.builtIn()
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: "graft/zoo.json")
      try ModelCatalogue.register("news", path: URL(filePath: "/models/news"), about: "sorts news", in: file)
      try ModelCatalogue.register(
        "bert-base-cased", path: URL(filePath: "/models/cased"), about: nil, in: file)
      try ModelCatalogue.register("news", path: URL(filePath: "/models/news-2"), about: nil, in: file)
      let catalogue = try ModelCatalogue(registry, userFile: file)
      #expect(catalogue.find("news")?.path == "/models/news-2")
      #expect(catalogue.find("bert-base-cased")?.path == "/models/cased")
      #expect(catalogue.find("bert-base-uncased")?.path == nil)
      #expect(catalogue.entries.filter { $0.names.contains("bert-base-cased") }.count == 1)

      try ModelCatalogue.unregister("bert-base-cased", in: file)
      #expect(try ModelCatalogue(registry, userFile: file).find("bert-base-cased")?.configuration != nil)
      #expect {
        try ModelCatalogue.unregister("bert-base-cased", in: file)
      } throws: { error in
        "\(error)" == "bert-base-cased: no checkpoint was added under that name. "
          + "'ModelCatalogue.entries' shows the checkpoints that were added."
      }

      try Data(#"{"models": [{"names": []}]}"#.utf8).write(to: file)
      #expect {
        try ModelCatalogue(registry, userFile: file)
      } throws: { error in
        "\(error)"
          == "\(file.path): model 1, key 'names': wrong value; expected a list of names, found a list."
      }
    }
  }

  /// Values that transformers computed, cut out of a golden file, in the words of the catalogue.
  @Test(arguments: ["base", "pretraining", "masked-lm"])
  func goldenSlices(fixture: String) throws {
    let registry = try Registry.builtIn()
    let directory = fixtures.appending(path: "bert-tiny/\(fixture)")
    let golden = try registry.openWeights(directory.appending(path: "golden.safetensors")).weights
    let length = try #require(golden["input_ids"]).spec.shape[1]
    // Its first token is read, as the pooler wants it.
    let text = 1
    func integers(_ name: String) throws -> [Int] {
      Array(try #require(golden[name]).integers()[(text * length)..<((text + 1) * length)])
    }
    let (ids, mask, types) = try (
      integers("input_ids"), integers("attention_mask"), integers("token_type_ids")
    )
    let checkpoint = try registry.open(directory).checkpoint
    var compared = 0
    for output in ["last_hidden_state", "prediction_logits", "seq_relationship_logits"] {
      guard let tensor = golden[output] else { continue }
      let width = tensor.spec.shape.last ?? 1
      let isPerToken = tensor.spec.shape.count == 3
      let token = isPerToken ? 1 : 0
      let row = isPerToken ? text * length + token : text
      let values = try tensor.floats()[(row * width + 1)..<(row * width + 2)]
      func list(_ numbers: [Int]) -> JSON { .array(numbers.map { JSON($0) }) }
      func difference(_ shift: Float) throws -> Float {
        let model: JSON = [
          "ids": list(ids), "mask": list(mask), "types": list(types), "output": .string(output),
          "first": [JSON(token), 1], "values": .array([.array(values.map { JSON($0 + shift) })]),
        ]
        let entry: JSON = ["names": ["tiny"], "golden": [model]]
        return try withTemporaryDirectory { directory in
          let file = directory.appending(path: "zoo.json")
          try Data(JSON(dictionaryLiteral: ("models", [entry])).text().utf8).write(to: file)
          let slice = try #require(try ModelCatalogue(registry, userFile: file).find("tiny")?.golden.first)
          return try slice.difference(of: checkpoint, backend: ReferenceBackend(threads: 1))
        }
      }
      #expect(try difference(0) < 1e-5)
      #expect(abs(try difference(0.5) - 0.5) < 1e-4)
      compared += 1
    }
    #expect(compared > 0)
  }

  /// A published value that cannot be read would be a check that is not made.
  @Test(arguments: [
    (#"{"output": "logits", "first": [0, 0], "values": []}"#, "key 'values'"),
    (#"{"output": "logits", "first": [0, 0], "values": [[1, "2"]], "ids": [1]}"#, "key 'values'"),
    (#"{"output": "logits", "first": [0, 0], "values": [[]], "ids": [1]}"#, "key 'values'"),
    (#"{"output": "logits", "first": [0], "values": [[1]], "ids": [1]}"#, "key 'first'"),
    (#"{"output": "logits", "first": [0, -1], "values": [[1]], "ids": [1]}"#, "key 'first'"),
    (#"{"output": "logits", "first": [0, 0], "values": [[1]], "ids": [1, 2.5]}"#, "key 'ids'"),
    (#"{"output": "logits", "first": [0, 0], "values": [[1]]}"#, "key 'ids'"),
    (#"{"output": "logits", "first": [0, 0], "values": [[1]], "ids": [1, 2], "mask": [1]}"#, "key 'mask'"),
    (
      #"{"output": "logits", "first": [0, 0], "values": [[1]], "text": "a", "tolerance": "1"}"#,
      "key 'tolerance'"
    ),
    (#"{"first": [0, 0], "values": [[1]], "ids": [1]}"#, "key 'output'"),
  ]) func damagedGoldenSlices(slice: String, fault: String) throws {
    let json = try JSON(parsing: Array(slice.utf8))
    let error = try #require(throws: GraftError.self) { try GoldenSlice(json) }
    #expect(error.subject == fault)
  }

  /// What is published of tokens and vectors, by the number of texts.
  @Test func publishedEncodingsAndVectors() throws {
    let registry = try Registry.builtIn()
    let catalogue = try ModelCatalogue(registry, userFile: Self.nowhere)
    let encodings = [
      "roberta-base": 8, "xlm-roberta-base": 2, "intfloat/multilingual-e5-small": 1, "camembert-base": 1,
      "albert-base-v2": 1, "microsoft/deberta-v2-xlarge": 1,
    ]
    let found = catalogue.entries.filter { !$0.encodings.isEmpty }
    #expect(
      Dictionary(uniqueKeysWithValues: found.map { ($0.name, $0.encodings.count) }) == encodings)
    #expect(catalogue.find("roberta-base")?.encodings[4].text == "mąka")
    let vectors = catalogue.entries.filter { $0.golden.contains { $0.output == "sentence_embedding" } }
    #expect(
      Set(vectors.map(\.name)) == [
        "sentence-transformers/all-MiniLM-L6-v2", "BAAI/bge-small-en-v1.5", "BAAI/bge-base-en-v1.5",
        "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2", "intfloat/multilingual-e5-small",
      ])
  }

  /// A text is left to the checkpoint's tokenizer; values may be published with a tolerance of their own.
  @Test func goldenSliceOfAText() throws {
    let registry = try Registry.builtIn()
    let checkpoint = try registry.open(fixtures.appending(path: "demo/bert-mini")).checkpoint
    let encoding = try #require(checkpoint.tokenizer).encode(
      "a tool", pair: nil, truncation: nil, addSpecialTokens: true)
    func difference(_ input: (String, JSON)) throws -> Float {
      let slice: JSON = JSON(
        dictionaryLiteral:
          input, ("output", "last_hidden_state"), ("first", [0, 0]), ("values", [[0, 0], [0, 0]]),
        ("tolerance", 0.25))
      let golden = try GoldenSlice(slice)
      #expect(golden.tolerance == 0.25)
      return try golden.difference(of: checkpoint, backend: ReferenceBackend(threads: 1))
    }
    let ids = JSON.array(encoding.ids.map { JSON(Int($0)) })
    let ofText = try difference(("text", "a tool"))
    #expect(ofText > 0)
    #expect(try difference(("ids", ids)) == ofText)
    #expect(try difference(("ids", .array([101, 5, 102]))) != ofText)
  }
}
