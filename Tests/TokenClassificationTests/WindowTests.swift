import Foundation
import GraftCompute
import GraftCore
import GraftKit
import GraftPlugins
import GraftTensors
import TestSupport
import Testing

@testable import TokenClassification

/// Long texts in windows, and what is learnt from the tokens of a word.
@Suite("Windows over tagged words")
struct WindowTests {
  private static let registry = Result { try Registry.builtIn() }

  private static func model(_ family: String = "bert", _ settings: [String: JSON] = [:]) throws -> Model {
    var checkpoint = try registry.get().open(fixtures.appending(path: "\(family)-tiny/token-classification"))
      .checkpoint
    for (key, value) in settings { checkpoint["token-classification"]?.settings[key] = value }
    return try checkpoint.makeModel()
  }

  private static func row(_ words: [String], _ tags: [String]) -> TextRow {
    var row = TextRow("", label: .list(tags))
    row.fields["tokens"] = .array(words.map { .string($0) })
    return row
  }

  private static let words = (0..<60).map { ["president", "of", "playing", "xyz"][$0 % 4] }
  private static let tags = (0..<60).map { ["B-PER", "O", "B-ORG", "I-ORG"][$0 % 4] }

  @Test(
    "every word of a long row is learnt once, whatever the length and the stride",
    arguments: [
      (10, 0), (10, 3), (10, 7), (17, 6), (33, 8), (64, nil),
    ] as [(Int, Int?)], ["bert", "roberta"])
  func once(_ size: (Int, Int?), _ family: String) throws {
    let model = try Self.model(family)
    let data = try Dataset(
      [Self.row(Self.words, Self.tags)], for: model, maxLength: size.0, stride: size.1)
    #expect(data.count > 1)
    let examples = try (0..<data.count).map(data.example)
    let firsts = examples.flatMap { ($0.label as? TokenClassification.WindowLabels)?.tokens ?? [] }
      .filter(\.isFirst)
    #expect(firsts.map(\.word) == Array(Self.words.indices))
    for example in examples {
      let label = try #require(example.label as? TokenClassification.WindowLabels)
      #expect(example.encoding.ids.count <= size.0)
      for token in label.tokens {
        let (place, word) = (example.encoding.offsets[token.token], label.words.ranges[token.word])
        #expect(place.overlaps(word))
      }
    }
    let found = try predict(InferenceSession(model, backend: ReferenceBackend(threads: 1)), on: data)
    #expect(found.count == 1)
    #expect(found[0].answer.array?.count == Self.words.count)
    #expect(found[0].answer.array?.contains(.null) == false)
  }

  @Test("predictions are those of the selection while they are scored, and the same")
  func selected() throws {
    for settings in [[:], ["label_all_tokens": true]] as [[String: JSON]] {
      let model = try Self.model("bert", settings)
      let data = try Dataset([Self.row(Self.words, Self.tags)], for: model, maxLength: 20, stride: 4)
      let backend = try ReferenceBackend(threads: 1)
      let all = try predict(InferenceSession(model, backend: backend), on: data)
      let scored = try evaluate(
        model, on: data, options: EvaluationOptions(keepsPredictions: true), backend: backend)
      #expect(all.map(\.answer) == scored.predictions.map(\.answer))
      #expect(
        Set(["accuracy", "f1", "f1_macro", "precision_weighted", "broken_tags"]).isSubset(
          of: scored.metrics.keys))
    }
  }

  @Test("all tokens of a word: the first has its label, the others go on with it")
  func allTokens() throws {
    let row = Self.row(["president", "xyz", "of"], ["B-PER", "B-ORG", "O"])
    func targets(_ settings: [String: JSON]) throws -> [Int32] {
      let model = try Self.model("bert", settings)
      let data = try Dataset([row], for: model)
      let example = try data.example(0)
      var batch = PreparedBatch(Batch([example.encoding]))
      let context = BatchContext(key: RandomKey(seed: 1), specialTokens: SpecialTokens(), vocabularySize: 1)
      try model.requireHead().task.prepare(&batch, [example], context)
      let task = try #require(model.requireHead().task as? TokenClassification)
      return try batch.targets(of: task).classes
    }
    #expect(try targets([:]) == [1, 3, 0])
    // xyz is x, ##y, ##z.
    #expect(try targets(["label_all_tokens": true]) == [1, 3, 4, 4, 0])
  }

  @Test("a row without words has no example, and a prediction without labels")
  func empty() throws {
    let model = try Self.model()
    let rows = [Self.row([], []), Self.row(["of"], ["O"]), TextRow(" ")]
    let data = try Dataset(rows, for: model, requiringLabels: false)
    #expect(data.count == 1)
    let found = try predict(InferenceSession(model, backend: ReferenceBackend(threads: 1)), on: data)
    #expect(found.map { $0.answer.array?.count } == [0, 1, 0])
  }

  @Test("a row of many words takes time in proportion")
  func long() throws {
    let model = try Self.model()
    let words = Array(repeating: "of", count: 50_000)
    let start = ContinuousClock.now
    let data = try Dataset([Self.row(words, words.map { _ in "O" })], for: model)
    #expect(data.count > 1000)
    for index in [0, 1, 2, data.count - 1] { _ = try data.example(index) }
    #expect(ContinuousClock.now - start < .seconds(60))
  }
}
