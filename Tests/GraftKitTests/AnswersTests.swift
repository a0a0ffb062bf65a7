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
      let heads = try checkpoint.makeHeads(Self.names)
      let (found, facts) = try answers(
        to: rows, of: heads, batchSize: batchSize,
        session: InferenceSession(heads[0].model, backend: backend),
        progress: { _, total in totals.insert(total) })
      #expect(facts.map(\.truncated) == [1, 0])
      let classifier = try checkpoint.selecting(head: Self.names[0]).makeModel()
      let predictions = try predict(
        InferenceSession(classifier, backend: backend),
        on: Dataset(rows, for: classifier, requiringLabels: false))
      let entities = try tag(
        Self.texts,
        with: InferenceSession(checkpoint.selecting(head: Self.names[1]).makeModel(), backend: backend))
      for (row, answers) in found.enumerated() {
        guard case .prediction(let prediction) = answers[0], case .entities(let own, _) = answers[1] else {
          Issue.record("\(answers)")
          continue
        }
        #expect(prediction.answer == predictions[row].answer)
        #expect(prediction.scores == predictions[row].scores)
        #expect(own.map(\.label) == entities[row].map(\.label))
        #expect(own.map(\.offsets) == entities[row].map(\.offsets))
        #expect(own.map(\.score) == entities[row].map(\.score))
      }
      #expect(found.contains { if case .entities(let own, _) = $0[1] { !own.isEmpty } else { false } })
      // Five texts for both heads at once; the long one is cut for one head and read in windows for the other, of which
      // the first is what the other head reads.
      let tagger = try EntityTagger(
        [TextRow(Self.texts[5])], with: classifierBeside(checkpoint), TaggingOptions())
      #expect(tagger.encodings.count > 1 && totals == [5 + tagger.encodings.count])
    }
  }

  /// The 2,000th of equal texts has the answer of the first.
  @Test func repeatedTexts() throws {
    try withTemporaryDirectory { directory in
      let heads = try checkpoint(in: directory).makeHeads(Self.names)
      let session = InferenceSession(heads[0].model, backend: backend)
      let rows = [TextRow](repeating: TextRow("he can"), count: 2000)
      let found = try answers(to: rows, of: heads, session: session).answers
      let one = try answers(to: [rows[0]], of: heads, session: session).answers[0]
      func scores(_ answers: [HeadAnswer]) -> [Float] {
        if case .prediction(let prediction) = answers[0] { prediction.scores } else { [] }
      }
      #expect(!scores(one).isEmpty && found.allSatisfy { scores($0) == scores(one) })
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
          let heads = try checkpoint.makeHeads(names)
          _ = try answers(
            to: [TextRow("a")], of: heads, session: InferenceSession(heads[0].model, backend: backend))
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
