import Foundation
import GraftCompute
import GraftCore
import GraftKit
import GraftPlugins
import GraftTensors
import TestSupport
import Testing

/// Entities as transformers' pipeline finds them: `Fixtures/tagging/make.py`.
@Suite("Tagging against transformers' pipeline")
struct TagTests {
  @Test(arguments: [
    "albert", "bert", "camembert", "deberta-v2", "distilbert", "electra", "modernbert", "mpnet", "nomic_bert",
    "roberta", "xlm-roberta",
  ])
  func entities(_ family: String) throws {
    let registry = try Registry.builtIn()
    let model = try registry.open(fixtures.appending(path: "\(family)-tiny/token-classification")).checkpoint
      .makeModel()
    let cases = try #require(
      try JSON(file: fixtures.appending(path: "tagging/\(family).json"))["cases"]?.array)
    #expect(cases.count == 45)
    for golden in cases {
      let text = try #require(golden["text"]?.string)
      var options = TaggingOptions()
      options.aggregation = try #require(golden["aggregation"]?.string.flatMap(EntityAggregation.init))
      options.stride = golden["stride"]?.int
      options.maxLength = 40
      if golden["ignore_labels"] != nil { options.ignoredLabels = [] }
      let found = try tag(
        [text, "of"], with: InferenceSession(model, backend: ReferenceBackend(threads: 1)), options: options)[
          0]
      let expected = try #require(golden["entities"]?.array).map { try #require($0.array) }
      let name = "\(options.aggregation?.rawValue ?? "") of '\(text)'"
      #expect(found.map(\.label) == expected.map { $0[0].string }, "\(name)")
      #expect(found.map(\.word) == expected.map { $0[2].string }, "\(name)")
      #expect(found.map(\.offsets.lowerBound) == expected.map { $0[3].int }, "\(name)")
      #expect(found.map(\.offsets.upperBound) == expected.map { $0[4].int }, "\(name)")
      #expect(found.map(\.index) == expected.map { $0.count > 5 ? $0[5].int : nil }, "\(name)")
      for (entity, values) in zip(found, expected) {
        #expect(abs(Double(entity.score) - (values[1].double ?? 9)) <= 1e-5, "\(name)")
      }
    }
  }

  @Test(
    "without an aggregation, a head that learnt from first tokens alone is read there, and others as the pipeline's are",
    arguments: [(false, "first"), (true, "simple"), (nil, "simple")] as [(Bool?, String)])
  func usualAggregation(_ learnsAllTokens: Bool?, _ usual: String) throws {
    var checkpoint = try Registry.builtIn().open(
      fixtures.appending(path: "bert-tiny/token-classification")
    ).checkpoint
    checkpoint["token-classification"]?.settings["label_all_tokens"] = learnsAllTokens.map { .bool($0) }
    let session = try InferenceSession(checkpoint.makeModel(), backend: ReferenceBackend(threads: 1))
    let all = try JSON(file: fixtures.appending(path: "tagging/bert.json"))["cases"]?.array ?? []
    let cases = all.filter {
      $0["aggregation"]?.string == usual && $0["stride"] == nil && $0["ignore_labels"] == nil
    }
    #expect(cases.count > 5)
    for golden in cases {
      var options = TaggingOptions()
      options.maxLength = 40
      let text = try #require(golden["text"]?.string)
      let found = try tag([text], with: session, options: options)[0]
      let expected = try #require(golden["entities"]?.array).map { try #require($0.array) }
      #expect(found.map(\.label) == expected.map { $0[0].string })
      #expect(found.map(\.offsets.lowerBound) == expected.map { $0[3].int })
      #expect(found.map(\.offsets.upperBound) == expected.map { $0[4].int })
    }
  }

  @Test("a head that does not label tokens is refused")
  func refused() throws {
    let model = try Registry.builtIn().open(fixtures.appending(path: "bert-tiny/sequence-classification"))
      .checkpoint.makeModel()
    let error = #expect(throws: GraftError.self) {
      try tag(["a"], with: InferenceSession(model, backend: ReferenceBackend(threads: 1)))
    }
    #expect(error?.problem == "the head 'sequence-classification' does not label tokens")
  }

  @Test("no text, an empty text, and a stride without room")
  func edges() throws {
    let model = try Registry.builtIn().open(fixtures.appending(path: "bert-tiny/token-classification"))
      .checkpoint.makeModel()
    let backend = try ReferenceBackend(threads: 1)
    #expect(try tag([], with: InferenceSession(model, backend: backend)).isEmpty)
    #expect(try tag(["", " "], with: InferenceSession(model, backend: backend)) == [[], []])
    var options = TaggingOptions()
    options.maxLength = 8
    options.stride = 6
    // What fits needs no other window.
    #expect(try tag(["a"], with: InferenceSession(model, backend: backend), options: options).count == 1)
    let long = "the president of the company said it"
    #expect(throws: GraftError.self) {
      try tag([long], with: InferenceSession(model, backend: backend), options: options)
    }
  }
}
