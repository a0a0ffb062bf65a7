import Foundation
import GraftCompute
import GraftCore
import GraftTensors
import TestSupport
import Testing

@testable import GraftKit

/// Several heads that answer from one run of the backbone: each says what it says alone.
@Suite struct AnswersTests {
  private static let names = ["sequence-classification", "token-classification"]
  private static let texts = [
    "he can do it", "it is the game", "he can do it", "a", "",
    String(repeating: "it is the game of the year and he can do it ", count: 12),
  ]

  private let registry: Registry
  private let backend: any ComputeBackend

  init() throws {
    registry = try Support.registry()
    backend = try registry.makeBackend(threads: 2)
  }

  private func checkpoint(in directory: URL) throws -> Checkpoint {
    let head = directory.appending(path: "head")
    try detachHead(Support.fixture(Self.names[1]), registry: registry).write(to: head, registry: registry)
    return try attachHead(Support.fixture(Self.names[0]), head: head, registry: registry).checkpoint
  }

  @Test(arguments: [1, 3, 32]) func areThoseOfEachHeadAlone(batchSize: Int) throws {
    try withTemporaryDirectory { directory in
      let checkpoint = try checkpoint(in: directory)
      let rows = Self.texts.map { TextRow($0) }
      var totals: Set<Int> = []
      let found = try answers(
        to: rows, of: checkpoint.makeHeads(Self.names), batchSize: batchSize, backend: backend
      ) { _, total in totals.insert(total) }
      let classifier = try checkpoint.selecting(head: Self.names[0]).makeModel()
      let predictions = try predict(
        InferenceSession(classifier, backend: backend),
        on: Dataset(rows, for: classifier, requiringLabels: false))
      let entities = try tag(
        Self.texts,
        with: InferenceSession(checkpoint.selecting(head: Self.names[1]).makeModel(), backend: backend))
      for (row, answers) in found.enumerated() {
        guard case .prediction(let prediction) = answers[0], case .entities(let own) = answers[1] else {
          Issue.record("\(answers)")
          continue
        }
        #expect(prediction.answer == predictions[row].answer)
        for (mine, alone) in zip(prediction.scores, predictions[row].scores) {
          #expect(abs(mine - alone) < 1e-5)
        }
        #expect(own.map(\.label) == entities[row].map(\.label))
        #expect(own.map(\.offsets) == entities[row].map(\.offsets))
        for (mine, alone) in zip(own, entities[row]) { #expect(abs(mine.score - alone.score) < 1e-5) }
      }
      #expect(found.contains { if case .entities(let own) = $0[1] { !own.isEmpty } else { false } })
      // Five texts for both heads at once; the long one is cut for one head and read in windows for the other, of which
      // the first is what the other head reads.
      let tagger = try EntityTagger([Self.texts[5]], with: classifierBeside(checkpoint), TaggingOptions())
      #expect(tagger.encodings.count > 1 && totals == [5 + tagger.encodings.count])
    }
  }

  private func classifierBeside(_ checkpoint: Checkpoint) throws -> Model {
    try checkpoint.selecting(head: Self.names[1]).makeModel()
  }

  /// The models share the backbone's parameters, and no others.
  @Test func headsShareOneBackbone() throws {
    try withTemporaryDirectory { directory in
      let heads = try checkpoint(in: directory).makeHeads(Self.names)
      let (first, second) = (heads[0].model.parameters, heads[1].model.parameters)
      for name in first.names where second.names.contains(name) { #expect(first[name] === second[name]) }
      #expect(second.names.contains { first[$0] == nil } && first.names.contains { second[$0] == nil })
    }
  }

  @Test func refusesHeadsThatCannotAnswer() throws {
    try withTemporaryDirectory { directory in
      let checkpoint = try checkpoint(in: directory)
      func message(_ names: [String], of checkpoint: Checkpoint) -> String {
        do {
          _ = try answers(to: [TextRow("a")], of: checkpoint.makeHeads(names), backend: backend)
          return "nothing"
        } catch { return "\(error)" }
      }
      #expect(message(["a"], of: checkpoint).contains("has no head 'a'"))
      #expect(message([], of: checkpoint).contains("no head is named"))
      #expect(message([Self.names[0], Self.names[0]], of: checkpoint).contains("is named twice"))
      let filler = try registry.open(Support.fixture("masked-lm")).checkpoint
      #expect(message(["masked-lm"], of: filler).contains("says nothing about a text as a whole"))
    }
  }
}
