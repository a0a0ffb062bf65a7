import Foundation
import GraftCompute
import GraftCore
import GraftKit
import GraftPlugins
import GraftTensors
import TestSupport
import Testing

@testable import SentenceOrder

/// Pairs in their order or swapped.
@Suite("Sentence order") struct SentenceOrderTests {
  private let task: SentenceOrder
  private let model: Model

  init() throws {
    task = try SentenceOrder(Configuration())
    model = try Registry.builtIn().open(fixtures.appending(path: "albert-tiny/pretraining")).checkpoint
      .makeModel()
  }

  private func context(_ step: UInt64, _ tokenizer: any Tokenizer) -> BatchContext {
    BatchContext(
      key: RandomKey(seed: 7, step: step), specialTokens: tokenizer.specialTokens, vocabularySize: 30)
  }

  @Test("a swapped pair has the tokens of the pair the other way round")
  func swapped() throws {
    let tokenizer = try model.requireTokenizer()
    let texts = ("the team plays the game", "oil prices rise")
    let pair = tokenizer.encode(texts.0, pair: texts.1, maximumLength: nil, addSpecialTokens: true)
    let other = tokenizer.encode(texts.1, pair: texts.0, maximumLength: nil, addSpecialTokens: true)
    #expect(pair.swappingTexts == other && other.swappingTexts == pair && pair != other)
    let single = tokenizer.encode(texts.0, maximumLength: nil)
    #expect(single.swappingTexts == single)
  }

  @Test("of pairs without labels about half are swapped, the same ones whenever a step is prepared again")
  func half() throws {
    let tokenizer = try model.requireTokenizer()
    let examples = (0..<400).map { _ in
      Example(tokenizer.encode("the team", pair: "oil prices", maximumLength: nil, addSpecialTokens: true))
    }
    func classes(_ step: UInt64) throws -> [Int32] {
      try task.arranged(examples, context(step, tokenizer)).map { example in
        let index = try #require(example.label as? ClassLabel).index
        #expect((example.encoding == examples[0].encoding) == (index == 0))
        return index
      }
    }
    let first = try classes(1)
    #expect(try classes(1) == first && classes(2) != first)
    #expect((160...240).contains(first.count { $0 == 1 }))
  }

  @Test("an evaluation swaps the same pairs in batches of any size")
  func evaluations() throws {
    let rows = (0..<40).map { place in
      TextRow(
        String(repeating: "the team ", count: 1 + place % 5), pair: place % 3 == 0 ? "oil" : "prices rise")
    }
    let alone = try Registry.builtIn().open(fixtures.appending(path: "albert-tiny/sentence-order")).checkpoint
      .makeModel()
    let data = try Dataset(rows, for: alone)
    let found = try [1, 3, 8, 40].map { size in
      var options = EvaluationOptions()
      options.batchSize = size
      let means = try evaluate(
        alone, on: data, options: options, backend: ReferenceBackend(threads: 1)
      ).metrics
      return [means["accuracy"], means["log_loss"], means["f1_macro"]]
    }
    for others in found.dropFirst() {
      for (one, other) in zip(found[0], others) {
        #expect(abs(try #require(one) - #require(other)) < 1e-6)
      }
    }
  }

  @Test("what is said of pairs is said of them as they stand, also by an evaluation that swaps some")
  func predictions() throws {
    let rows = (0..<12).map { TextRow("the team", pair: $0 % 3 == 0 ? "oil prices" : "prices rise \($0)") }
    let alone = try Registry.builtIn().open(fixtures.appending(path: "albert-tiny/sentence-order")).checkpoint
      .makeModel()
    let session = InferenceSession(alone, backend: try ReferenceBackend(threads: 1))
    let predicted = try predict(session, on: Dataset(rows, for: alone, requiringLabels: false))
    let evaluation = try evaluate(
      session, on: Dataset(rows, for: alone), options: EvaluationOptions(keepsPredictions: true))
    // Without labels the pairs stand in their order, so that what is said of them is right where it is class 0.
    let right = evaluation.predictions.count { $0.answer == 0 }
    #expect(evaluation.metrics["accuracy"] == Double(right) / Double(rows.count))
    let names = try #require(predicted[0].members["scores"]?.object)
    #expect(Array(names.keys) == ["InOrder", "Swapped"])
    // A pair that is read the other way round has the scores of that pair, of which the other class is meant.
    let turned = try predict(
      session,
      on: Dataset(rows.map { TextRow($0.pair ?? "", pair: $0.text) }, for: alone, requiringLabels: false))
    func areEqual(_ one: [Float], _ other: [Float]) -> Bool {
      zip(one, other).allSatisfy { abs($0 - $1) < 1e-6 }
    }
    var swapped = 0
    for (said, (one, other)) in zip(evaluation.predictions, zip(predicted, turned)) {
      if areEqual(said.scores, one.scores) { continue }
      #expect(areEqual(said.scores, other.scores.reversed()), "\(said.scores) \(other.scores)")
      swapped += 1
    }
    #expect((1..<rows.count).contains(swapped))
    let example = try Dataset(rows, for: alone).example(1)
    let read = try task.predictions(
      Tensor([3, 1], shape: [1, 2]), Batch([example.encoding.swappingTexts]), [example])
    #expect(read[0].labels == ["Swapped"])
  }

  @Test("labels of the data stay, and single texts are passed over beside another head")
  func labels() throws {
    let pairs = ["1", "0"].map { TextRow("a", pair: "b", label: .text($0)) }
    let labels = try task.labels(of: pairs, LabelReading())
    #expect(labels.map { ($0 as? ClassLabel)?.index } == [1, 0])
    let tokenizer = try model.requireTokenizer()
    let examples = zip(pairs, labels).map { row, label in
      Example(
        tokenizer.encode("the team", pair: "oil", maximumLength: nil, addSpecialTokens: true), label: label,
        row: row)
    }
    #expect(try task.arranged(examples, context(1, tokenizer)).map(\.encoding) == examples.map(\.encoding))
    // An empty text has no order.
    let blank = Example(tokenizer.encode("the team", pair: " ", maximumLength: nil, addSpecialTokens: true))
    for step in 1...4 {
      let arranged = try task.arranged([blank], context(UInt64(step), tokenizer))[0]
      #expect(arranged.label == nil && arranged.encoding == blank.encoding)
    }
    #expect(try task.labels(of: [TextRow("a", pair: "b")], LabelReading()).isEmpty)
    #expect(try task.labels(of: [TextRow("a")], LabelReading(isRequired: false)).isEmpty)
    #expect(throws: GraftError.self) { try task.labels(of: [TextRow("a")], LabelReading()) }
    #expect(throws: GraftError.self) {
      try task.labels(of: [TextRow("a", pair: "b", label: .text("2"))], LabelReading())
    }
  }

  @Test("masking and swapping go together: each masked token is predicted where it stands")
  func pretraining() throws {
    let rows = [("the team plays the game", "oil prices rise"), ("a new film", "the season of music")].map {
      TextRow($0.0, pair: $0.1)
    }
    let data = try Dataset(rows + rows + rows + [TextRow("a single text")], for: model)
    let batching = Batching(model: model, data: data)
    let batch = try batching.prepared(try (0..<7).map(data.example), key: RandomKey(seed: 3, step: 1))
    #expect(batch.targetCount(of: SentenceOrder.self) == 6)
    let tape = Tape(try ReferenceBackend(threads: 1))
    let loss = try model.loss(model.scores(batch, tape), batch, tape)
    #expect(loss.value.item.isFinite && loss.value.item > 0)
    // What is not masked is the text of one of the two orders.
    let selected = Set(batch.selections["masked-lm"] ?? [])
    let orders = rows.flatMap { row in
      [(row.text, row.pair ?? ""), (row.pair ?? "", row.text)].map {
        model.tokenizer?.encode($0.0, pair: $0.1, maximumLength: nil, addSpecialTokens: true).ids ?? []
      }
    }
    for sequence in 0..<6 {
      let range = batch.inputs.offsets[sequence]..<batch.inputs.offsets[sequence + 1]
      let isOne = orders.contains { ids in
        ids.count == range.count
          && zip(range, ids).allSatisfy { selected.contains(Int32($0)) || batch.inputs.ids[$0] == $1 }
      }
      #expect(isOne, "sequence \(sequence)")
    }
  }
}
