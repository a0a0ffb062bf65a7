import Foundation
import GraftCore
import Testing

@testable import GraftKit

@Suite struct EvaluateTests {
  private let registry: Registry
  private let backend: any ComputeBackend

  init() throws {
    registry = try Support.registry()
    backend = try registry.makeBackend(threads: 2)
  }

  private func model(_ name: String) throws -> Model {
    try registry.open(Support.fixture(name)).checkpoint.makeModel()
  }

  private func texts(_ count: Int) -> [String] {
    (0..<count).map { index in
      (0..<(1 + index * 7 % 12)).map { String("abcdefghijklmnop".dropFirst(($0 * 5 + index) % 16).prefix(1)) }
        .joined(separator: " ")
    }
  }

  @Test func predictionsAreInTheOrderOfTheData() throws {
    let model = try model("sequence-classification")
    let rows = texts(9).map { TextRow($0) }
    let together = try predict(
      model, on: Dataset(rows, for: model, requiringLabels: false), batchSize: 4, backend: backend)
    for (row, prediction) in zip(rows, together) {
      let alone = try predict(
        model, on: Dataset([row], for: model, requiringLabels: false), backend: backend)[0]
      #expect(prediction.labels == alone.labels)
      #expect(zip(prediction.scores, alone.scores).allSatisfy { abs($0 - $1) < 1e-5 })
      #expect(abs(prediction.scores.reduce(0, +) - 1) < 1e-5)
      let best = try #require(prediction.scores.firstIndex(of: prediction.score))
      #expect(prediction.labels == [try model.configuration.labels()[best]])
    }
    #expect(Set(together.map(\.labels)).count > 1)
  }

  @Test func problemTypesAreReadTheirWay() {
    let labels = ["a", "b", "c"]
    let single = Prediction([0, 2, 1], labels: labels, problemType: .singleLabel)
    #expect(single.labels == ["b"])
    #expect(abs(single.score - 0.665_240_96) < 1e-6)
    let multiple = Prediction([3, -1, 0.5], labels: labels, problemType: .multiLabel)
    #expect(multiple.labels == ["a", "c"])
    #expect(abs(multiple.scores[1] - 0.268_941_4) < 1e-6)
    let values = Prediction([-3, 2, 0], labels: labels, problemType: .regression)
    #expect(values.labels == [])
    #expect(values.scores == [-3, 2, 0])
    #expect(values.score == -3)
  }

  @Test(arguments: ["multi-label", "regression"]) func otherProblemTypesTrainAndScore(_ name: String) throws {
    let model = try model(name)
    let count = try model.configuration.labels().count
    let written = name == "regression" ? "0.5" : "0|\(count - 1)"
    let rows = texts(5).map { TextRow($0, label: .text(written)) }
    let evaluation = try evaluate(model, on: Dataset(rows, for: model), backend: backend)
    #expect(evaluation.loss > 0)
    #expect(evaluation.metrics.keys.sorted() == [name == "regression" ? "mse" : "accuracy"])
    #expect(try predict(model, on: Dataset(rows, for: model), backend: backend).count == 5)
  }

  @Test func aHeadWithoutLabelsIsRefused() throws {
    let model = try model("masked-lm")
    let data = try Dataset([TextRow("a b")], for: model)
    let error = #expect(throws: GraftError.self) { try predict(model, on: data, backend: backend) }
    #expect(error?.problem == "the active head does not label texts")
  }

  @Test func theSizeOfBatchesDoesNotChangeScores() throws {
    let model = try model("sequence-classification")
    let rows = texts(11).enumerated().map { TextRow($1, label: .text(String($0 % 4))) }
    let data = try Dataset(rows, for: model)
    let evaluations = try [1, 4, 32].map { size in
      try evaluate(model, on: data, options: EvaluationOptions(batchSize: size), backend: backend)
    }
    let labels = try model.configuration.labels()
    let hits = zip(try predict(model, on: data, backend: backend), rows).count { prediction, row in
      row.label == .text(String(labels.firstIndex(of: prediction.labels[0]) ?? -1))
    }
    for evaluation in evaluations {
      #expect(abs(evaluation.loss - evaluations[0].loss) < 1e-6)
      #expect(evaluation.metrics["accuracy"] == Double(hits) / 11)
      #expect(evaluation.results["eval_loss"] == evaluation.loss)
    }
    #expect(evaluations.map(\.batches) == [11, 3, 1])
  }

  @Test func masksAreTheSameInEveryEvaluation() throws {
    let model = try model("masked-lm")
    let data = try Dataset(texts(20).map { TextRow($0) }, for: model)
    func loss(_ seed: UInt64) throws -> Double {
      try evaluate(
        model, on: data, options: EvaluationOptions(batchSize: 4, maskingProbability: 0.4, seed: seed),
        backend: backend
      ).loss
    }
    #expect(try loss(1) == loss(1))
    #expect(try loss(1) != loss(2))
  }

  // MARK: Data

  @Test func textsAreTruncated() throws {
    let model = try model("sequence-classification")
    let row = TextRow(String(repeating: "a ", count: 500), label: .text("0"))
    #expect(try Dataset([row], for: model, maximumLength: 10)[0].encoding.ids.count == 10)
    #expect(try Dataset([row], for: model)[0].encoding.ids.count == 64)
  }

  @Test func labelsAreCheckedBeforeTraining() throws {
    let model = try model("sequence-classification")
    let rows = [TextRow("a", label: .text("Sports")), TextRow("b", label: .text("Cooking"))]
    let error = #expect(throws: GraftError.self) { try Dataset(rows, for: model) }
    #expect(error?.problem == "unknown label")
    #expect(try Dataset(rows, for: model, requiringLabels: false)[1].label == nil)
    #expect(throws: GraftError.self) { try Dataset([], for: model) }
  }

  @Test func fingerprintsTellDataApart() throws {
    let model = try model("sequence-classification")
    func fingerprint(_ rows: [(String, String)]) throws -> String {
      try Dataset(rows.map { TextRow($0.0, label: .text($0.1)) }, for: model).fingerprint
    }
    let base = [("a b", "0"), ("c", "1")]
    #expect(try fingerprint(base) == fingerprint(base))
    let others = [
      [("a b", "0"), ("c", "2")], [("c", "1"), ("a b", "0")], [("a", "0"), (" bc", "1")], [("a b", "0")],
    ]
    for other in others { #expect(try fingerprint(base) != fingerprint(other)) }
  }

  @Test func compressedFilesAreRead() throws {
    let file = Support.root.appending(path: "Fixtures/tokenizer/characters.txt.gz")
    let rows = try DataSource(reading: [file], options: DataOptions(take: 3)).rows()
    #expect(rows.count == 3)
  }
}
