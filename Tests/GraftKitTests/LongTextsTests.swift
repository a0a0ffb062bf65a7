import Foundation
import GraftCompute
import GraftCore
import GraftPlugins
import GraftTensors
import TestSupport
import Testing

@testable import GraftKit

/// Texts that are longer than a classifier reads, beside transformers; see Fixtures/long-texts/make.py.
@Suite struct LongTextsTests {
  private static let golden = Result {
    try JSON(parsing: Array(Data(contentsOf: fixtures.appending(path: "long-texts/long-texts.json"))))
  }

  private let registry: Registry
  private let backend: any ComputeBackend

  init() throws {
    registry = try Registry(builtInPlugins)
    backend = try registry.makeBackend(threads: 1)
  }

  private func model(_ name: String, _ longTexts: LongTexts) throws -> Model {
    var checkpoint = try registry.open(fixtures.appending(path: "bert-tiny/\(name)")).checkpoint
    try checkpoint.setLongTexts(longTexts)
    return try checkpoint.makeModel()
  }

  private static func rows(_ name: String) throws -> [JSON] {
    try #require(try golden.get()["models"]?[name]?.array)
  }

  private static func texts(_ name: String) throws -> [TextRow] {
    try rows(name).map { TextRow($0["text"]?.string ?? "", pair: $0["pair"]?.string) }
  }

  private func data(_ model: Model, _ rows: [TextRow]) throws -> Dataset {
    let golden = try Self.golden.get()
    return try Dataset(
      rows, for: model, maxLength: golden["length"]?.int, stride: golden["stride"]?.int,
      requiringLabels: false)
  }

  @Test(arguments: ["sequence-classification", "multi-label", "regression"])
  func windowsArePooled(_ name: String) throws {
    let model = try model(name, .windows)
    let data = try data(model, Self.texts(name))
    var index = 0
    for row in try Self.rows(name) {
      for window in try #require(row["windows"]?.array) {
        #expect(try data.example(index).encoding.ids.map(Int.init) == window.array?.compactMap(\.int))
        index += 1
      }
    }
    #expect(index == data.count && data.facts.truncated == 0)
    // Windows of one row in several batches, and of several rows in one.
    for batchSize in [1, 3, 64] {
      let found = try predict(InferenceSession(model, backend: backend), on: data, batchSize: batchSize)
      for (prediction, row) in zip(found, try Self.rows(name)) {
        try expect(prediction, has: row["pooled"], name)
      }
    }
  }

  @Test(arguments: ["sequence-classification", "multi-label", "regression"])
  func startAndEndAreRead(_ name: String) throws {
    let model = try model(name, .headTail)
    let data = try data(model, Self.texts(name))
    let found = try predict(InferenceSession(model, backend: backend), on: data)
    for (index, row) in try Self.rows(name).enumerated() {
      #expect(
        try data.example(index).encoding.ids.map(Int.init) == row["head_tail"]?.array?.compactMap(\.int))
      try expect(found[index], has: row["head_tail_logits"], name)
    }
  }

  /// Compares scores with what the golden logits are as probabilities.
  private func expect(_ prediction: any TaskPrediction, has logits: JSON?, _ name: String) throws {
    let logits = try #require(logits?.array).compactMap(\.double)
    let total = logits.map(exp).reduce(0, +)
    let expected =
      switch name {
      case "regression": logits
      case "multi-label": logits.map { 1 / (1 + exp(-$0)) }
      default: logits.map { exp($0) / total }
      }
    #expect(prediction.scores.count == expected.count)
    for (score, expected) in zip(prediction.scores, expected) {
      #expect(abs(Double(score) - expected) <= 1e-5 * max(1, abs(expected)))
    }
  }

  @Test func evaluationIsOfRows() throws {
    let model = try model("sequence-classification", .windows)
    let labels = try model.configuration.labels()
    let rows = try Self.texts("sequence-classification").enumerated().map { index, row in
      var row = row
      row.label = .text(labels[index % labels.count])
      return row
    }
    let data = try Dataset(rows, for: model, maxLength: 16, stride: 4)
    let evaluation = try evaluate(
      model, on: data, options: EvaluationOptions(batchSize: 3, keepsPredictions: true), backend: backend)
    var (hits, loss) = (0, 0.0)
    for (index, row) in try Self.rows("sequence-classification").enumerated() {
      let logits = try #require(row["pooled"]?.array).compactMap(\.double)
      let label = index % labels.count
      loss += log(logits.map(exp).reduce(0, +)) - logits[label]
      if logits.indices.max(by: { logits[$0] < logits[$1] }) == label { hits += 1 }
    }
    #expect(evaluation.examples == rows.count && evaluation.predictions.count == rows.count)
    #expect(evaluation.metrics["accuracy"] == Double(hits) / Double(rows.count))
    #expect(abs(evaluation.loss - loss / Double(rows.count)) < 1e-5)
  }

  @Test func itIsKeptWithTheHead() throws {
    try withTemporaryDirectory { directory in
      var checkpoint = try registry.open(fixtures.appending(path: "bert-tiny/sequence-classification"))
        .checkpoint
      try checkpoint.setLongTexts(.windows)
      try checkpoint.write(to: directory.appending(path: "a"), registry: registry)
      let opened = try registry.open(directory.appending(path: "a")).checkpoint
      #expect(opened.configuration[LongTexts.key] == "windows")
      let swapped = try swapHead(directory.appending(path: "a"), to: "masked-lm", registry: registry)
      #expect(swapped.checkpoint.configuration[LongTexts.key] == nil)
    }
    var wrong = Configuration()
    wrong[LongTexts.key] = "middle"
    let error = #expect(throws: GraftError.self) { try LongTexts(wrong) }
    #expect(error?.description.contains("truncate, head-tail, windows") == true)
  }
}
