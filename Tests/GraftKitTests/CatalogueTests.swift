import Foundation
import GraftCompute
import GraftCore
import GraftKit
import GraftTensors
import TestSupport
import Testing

import GraftPlugins

@testable import GraftCommandLine

@Suite struct CatalogueTests {
  private static let nowhere = URL(filePath: "/nowhere/zoo.json")

  /// Counts of the published sizes: FACTS of bert-base-uncased, and the formula for the others.
  @Test func everyModelCanBeCounted() throws {
    let registry = try Registry.builtIn()
    let catalogue = try ModelCatalogue(userFile: Self.nowhere)
    for entry in catalogue.entries {
      let configuration = try #require(entry.configuration)
      func size(_ key: String) throws -> Int { try configuration.size(key) }
      let (layers, hidden) = try (size("num_hidden_layers"), size("hidden_size"))
      let (inner, words) = try (size("intermediate_size"), size("vocab_size"))
      let embeddings = (words + 512 + 2 + 2) * hidden
      let attention = 4 * (hidden * hidden + hidden) + 2 * hidden
      let feedForward = 2 * hidden * inner + inner + hidden + 2 * hidden
      let pooler = hidden * hidden + hidden
      #expect(
        try entry.parameterCount(registry) == embeddings + layers * (attention + feedForward) + pooler,
        "\(entry.name)")
      #expect(hidden % (try size("num_attention_heads")) == 0)
    }
    #expect(try catalogue.find("bert-base-uncased")?.parameterCount(registry) == 109_482_240)
    let small = catalogue.entries.filter { $0.name.hasPrefix("google/bert_uncased_L-") }
    #expect(small.count == 24)
    for entry in small {
      let configuration = try #require(entry.configuration)
      let (layers, hidden) = try (configuration.size("num_hidden_layers"), configuration.size("hidden_size"))
      #expect(entry.name == "google/bert_uncased_L-\(layers)_H-\(hidden)_A-\(hidden / 64)")
    }
    let names = catalogue.entries.flatMap(\.names)
    #expect(Set(names).count == names.count)
  }

  @Test func bertBase() throws {
    let catalogue = try ModelCatalogue(userFile: Self.nowhere)
    let entry = try #require(catalogue.find("google-bert/bert-base-uncased"))
    #expect(entry.name == "bert-base-uncased")
    #expect(entry.files.map(\.name).contains("model.safetensors"))
    #expect(entry.files.allSatisfy { $0.sha256.utf8.count == 64 })
    #expect(
      entry.golden.map(\.output) == ["last_hidden_state", "prediction_logits", "seq_relationship_logits"])
    #expect(entry.golden.map(\.values.count) == [3, 3, 1])
  }

  @Test func usersCatalogue() throws {
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: "graft/zoo.json")
      try ModelCatalogue.register("news", path: URL(filePath: "/models/news"), about: "sorts news", in: file)
      try ModelCatalogue.register(
        "bert-base-cased", path: URL(filePath: "/models/cased"), about: nil, in: file)
      try ModelCatalogue.register("news", path: URL(filePath: "/models/news-2"), about: nil, in: file)
      let catalogue = try ModelCatalogue(userFile: file)
      #expect(catalogue.find("news")?.path == "/models/news-2")
      #expect(catalogue.find("bert-base-cased")?.path == "/models/cased")
      #expect(catalogue.find("bert-base-uncased")?.path == nil)
      #expect(catalogue.entries.filter { $0.names.contains("bert-base-cased") }.count == 1)

      try ModelCatalogue.unregister("bert-base-cased", in: file)
      #expect(try ModelCatalogue(userFile: file).find("bert-base-cased")?.configuration != nil)
      #expect {
        try ModelCatalogue.unregister("bert-base-cased", in: file)
      } throws: { error in
        "\(error)" == "bert-base-cased: no checkpoint was added under that name. "
          + "'ModelCatalogue.entries' shows the checkpoints that were added."
      }

      try Data(#"{"models": [{"names": []}]}"#.utf8).write(to: file)
      #expect {
        try ModelCatalogue(userFile: file)
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
          let slice = try #require(try ModelCatalogue(userFile: file).find("tiny")?.golden.first)
          return try slice.difference(of: checkpoint, backend: ReferenceBackend(threads: 1))
        }
      }
      #expect(try difference(0) < 1e-5)
      #expect(abs(try difference(0.5) - 0.5) < 1e-4)
      compared += 1
    }
    #expect(compared > 0)
  }
}
