import Foundation
import GraftCompute
import GraftCore
import GraftData
import GraftTensors
import TestSupport
import SequenceClassification
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
      InferenceSession(model, backend: backend), on: Dataset(rows, for: model, requiringLabels: false),
      batchSize: 4
    ).compactMap { $0 as? TextLabels }
    #expect(together.count == rows.count)
    for (row, prediction) in zip(rows, together) {
      let alone = try #require(
        try predict(
          InferenceSession(model, backend: backend), on: Dataset([row], for: model, requiringLabels: false))[
            0]
          as? TextLabels)
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
    let single = TextLabels([0, 2, 1], names: labels, problemType: .singleLabel)
    #expect(single.labels == ["b"])
    #expect(abs(single.score - 0.665_240_96) < 1e-6)
    let multiple = TextLabels([3, -1, 0.5], names: labels, problemType: .multiLabel)
    #expect(multiple.labels == ["a", "c"])
    #expect(abs(multiple.scores[1] - 0.268_941_4) < 1e-6)
    let values = TextLabels([-3, 2, 0], names: labels, problemType: .regression)
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
    // All rows have the same values, so that correlations are not defined.
    #expect(
      evaluation.metrics.keys.sorted()
        == (name == "regression"
          ? ["mae", "mse", "r2"]
          : [
            "average_precision_macro", "average_precision_micro", "f1_macro", "f1_micro", "f1_samples",
            "hamming_loss", "precision_macro", "precision_micro", "precision_samples", "recall_macro",
            "recall_micro", "recall_samples", "subset_accuracy",
          ]))
    #expect(try predict(InferenceSession(model, backend: backend), on: Dataset(rows, for: model)).count == 5)
  }

  @Test func aHeadWithoutLabelsIsRefused() throws {
    let model = try model("masked-lm")
    let data = try Dataset([TextRow("a b")], for: model)
    let error = #expect(throws: GraftError.self) {
      try predict(InferenceSession(model, backend: backend), on: data)
    }
    #expect(error?.problem == "the head 'masked-lm' says nothing about a text as a whole")
  }

  @Test func theSizeOfBatchesDoesNotChangeScores() throws {
    let model = try model("sequence-classification")
    let rows = texts(11).enumerated().map { TextRow($1, label: .text(String($0 % 4))) }
    let data = try Dataset(rows, for: model)
    let evaluations = try [1, 4, 32].map { size in
      try evaluate(model, on: data, options: EvaluationOptions(batchSize: size), backend: backend)
    }
    let hits = zip(try predict(InferenceSession(model, backend: backend), on: data), rows).count {
      prediction, row in
      row.label == .text(prediction.answer.text())
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
        model, on: data, options: EvaluationOptions(batchSize: 4, mlmProbability: 0.4, seed: seed),
        backend: backend
      ).loss
    }
    #expect(try loss(1) == loss(1))
    #expect(try loss(1) != loss(2))
  }

  @Test func predictionsOfAnEvaluationAreThoseOfPredict() throws {
    let model = try model("sequence-classification")
    let rows = texts(9).enumerated().map { index, text in
      TextRow(text, label: .text(String(index % 4)), place: .init(row: index + 2, index: index))
    }
    let data = try Dataset(rows, for: model)
    let evaluation = try evaluate(
      model, on: data, options: EvaluationOptions(batchSize: 4, keepsPredictions: true), backend: backend)
    let predicted = try predict(InferenceSession(model, backend: backend), on: data, batchSize: 4)
    // A session multiplies by kernels of its own, which add up in another order.
    let (own, others) = (
      evaluation.predictions.compactMap { $0 as? TextLabels }, predicted.compactMap { $0 as? TextLabels }
    )
    #expect(own.count == 9 && own.map(\.labels) == others.map(\.labels))
    for (a, b) in zip(own.flatMap(\.scores), others.flatMap(\.scores)) { #expect(abs(a - b) < 1e-6) }
    #expect(try evaluate(model, on: data, backend: backend).predictions.isEmpty)

    try withTemporaryDirectory { directory in
      let file = directory.appending(path: "predictions.jsonl")
      try PredictionFile.write(evaluation.predictions, of: data, to: file)
      let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map {
        try JSON(parsing: Array($0.utf8))
      }
      #expect(lines.count == 9)
      for (index, line) in lines.enumerated() {
        #expect(line.object?.keys.elements == ["row", "label", "prediction", "scores", "text"])
        #expect(line["row"] == JSON(index))
        #expect(line["label"] == JSON(index % 4))
        let scores = try #require(line["scores"]?.array).map { $0.double ?? .nan }
        #expect(line["prediction"]?.int == scores.firstIndex(of: scores.max() ?? 0))
        #expect(line["text"]?.string == rows[index].text)
      }
    }
  }

  @Test func documentsHaveEveryClassAndTheMatrix() throws {
    let model = try model("sequence-classification")
    let rows = texts(11).enumerated().map { TextRow($1, label: .text(String($0 % 3))) }
    let evaluation = try evaluate(model, on: Dataset(rows, for: model), backend: backend)
    let document = evaluation.document
    let matrix = try #require(document["confusion_matrix"]?.array).map {
      $0.array?.map { $0.int ?? -1 } ?? []
    }
    #expect(matrix.map { $0.reduce(0, +) } == [4, 4, 3, 0])
    let hits = matrix.indices.reduce(0) { $0 + matrix[$1][$1] }
    #expect(document["eval_accuracy"]?.double == Double(hits) / 11)
    let classes = try #require(document["classes"]?.array)
    #expect(classes.map { $0["label"]?.string } == (try model.configuration.labels()))
    #expect(classes.map { $0["support"]?.int } == [4, 4, 3, 0])
    #expect(document["eval_samples"] == 11)
  }

  /// Golden written by transformers: `Fixtures/evaluation/make_pseudo_perplexity.py`.
  @Test(arguments: [1, 5, 64]) func pseudoPerplexityIsTransformers(_ batchSize: Int) throws {
    let model = try model("masked-lm")
    let golden = try JSON(file: fixtures.appending(path: "evaluation/pseudo_perplexity.json"))
    let texts = try #require(golden["texts"]?.array)
    func score(_ texts: [JSON]) throws -> PseudoPerplexity {
      let rows = texts.map { TextRow($0["text"]?.string ?? "") }
      return try pseudoPerplexity(
        InferenceSession(model, backend: backend), on: Dataset(rows, for: model), batchSize: batchSize)
    }
    for text in texts {
      let found = try score([text])
      #expect(found.tokens == text["tokens"]?.int)
      let expected = try #require(text["log_likelihood"]?.double)
      #expect(abs(found.logLikelihood / expected - 1) < 1e-6, "\(found) for \(text.text())")
    }
    let whole = try #require(golden["pseudo_perplexity"]?.double)
    #expect(abs(try score(texts).value / whole - 1) < 1e-6)
  }

  @Test func pseudoPerplexityNeedsTokensToHide() throws {
    let model = try model("masked-lm")
    let empty = #expect(throws: GraftError.self) {
      try pseudoPerplexity(
        InferenceSession(model, backend: backend),
        on: Dataset([TextRow("")], for: model, requiringLabels: false))
    }
    #expect(empty?.problem == "the data has no token that could be masked")
    let classifier = try self.model("sequence-classification")
    let data = try Dataset([TextRow("a")], for: classifier, requiringLabels: false)
    let other = #expect(throws: GraftError.self) {
      try pseudoPerplexity(InferenceSession(classifier, backend: backend), on: data)
    }
    #expect(other?.problem == "the head 'sequence-classification' does not predict tokens")
  }

  // MARK: Data

  @Test func textsAreTruncated() throws {
    let model = try model("sequence-classification")
    let row = TextRow(String(repeating: "a ", count: 500), label: .text("0"))
    #expect(try Dataset([row], for: model, maxLength: 10).example(0).encoding.ids.count == 10)
    #expect(try Dataset([row], for: model).example(0).encoding.ids.count == 64)
  }

  @Test func labelsAreCheckedBeforeTraining() throws {
    let model = try model("sequence-classification")
    let rows = [TextRow("a", label: .text("Sports")), TextRow("b", label: .text("Cooking"))]
    let error = #expect(throws: GraftError.self) { try Dataset(rows, for: model) }
    #expect(error?.problem == "unknown label")
    #expect(try Dataset(rows, for: model, requiringLabels: false).example(1).label == nil)
    #expect(throws: GraftError.self) { try Dataset([], for: model) }
  }

  @Test func onlyAPairHasARelation() throws {
    for name in ["pretraining", "masked-lm"] {
      let model = try model(name)
      let topics = (0..<4).map { TextRow("a b", label: .text("\($0)")) }
      let data = try Dataset(topics, for: model)
      #expect(try (0..<4).allSatisfy { try data.example($0).label == nil })
    }
    let model = try model("pretraining")
    let pairs = ["1", "2"].map { TextRow("a b", pair: "c", label: .text($0)) }
    let data = try Dataset(pairs, for: model, labels: LabelReading(base: 1))
    #expect(try (0..<2).map { try data.example($0).label as? ClassLabel } == [ClassLabel(0), ClassLabel(1)])
    #expect(try Dataset([TextRow("a b", pair: "c")], for: model).example(0).label == nil)
  }

  @Test(
    arguments: [
      ("pretraining", "b", .text("3"), "wrong label; expected 0 (the second text follows the first) or 1"),
      ("pretraining", "b", .list(["0"]), "wrong label; expected 0 (the second"),
      ("pretraining", "b", nil, nil), ("pretraining", nil, .text("0"), nil),
      (
        "next-sentence", nil, .text("0"),
        "there is no second text, and the head 'next-sentence' tells how two texts relate. Name the column"
      ),
      ("next-sentence", " ", .text("0"), "the second text is empty. Remove such rows, or complete them."),
      ("pretraining", " ", .text("0"), "the second text is empty. Remove such rows, or complete them."),
      ("pretraining", "", nil, nil),
      ("next-sentence", "b", .text(""), nil),
    ] as [(String, String?, WrittenLabel?, String?)])
  func aRowWithoutItsRelationIsNamed(
    _ head: String, _ pair: String?, _ label: WrittenLabel?, _ message: String?
  ) throws {
    let model = try model(head)
    let place = TextRow.Place(file: "pairs.csv", row: 3)
    let rows = [
      TextRow("a", pair: "b", label: .text("0")), TextRow("a", pair: pair, label: label, place: place),
    ]
    let error = #expect(throws: GraftError.self) { try Dataset(rows, for: model) }
    let start = message.map { "row 3: \($0)" } ?? "1 of 2 rows has no label: row 3; expected 0 (the second"
    #expect(error?.description.hasPrefix("pairs.csv: \(start)") == true, "\(error as Any)")
    #expect(try Dataset(rows, for: model, requiringLabels: false).count == 2)
  }

  @Test("heads that tell how two texts relate say nothing about one, alone or beside others")
  func aPairIsPredicted() throws {
    for name in ["bert-tiny/next-sentence", "bert-tiny/pretraining", "albert-tiny/sentence-order"] {
      let checkpoint = try Registry.builtIn().open(fixtures.appending(path: name)).checkpoint
      let model = try checkpoint.makeModel()
      let session = InferenceSession(model, backend: try ReferenceBackend(threads: 1))
      let head = try #require(checkpoint.heads.first { $0.task?.readsPairs == true }).id
      let heads = try checkpoint.makeHeads([head])
      let shared = InferenceSession(heads[0].model, backend: try ReferenceBackend(threads: 1))
      for (pair, problem) in [
        (
          nil,
          "there is no second text, and the head '\(head)' tells how two texts relate. Give the second text"
        ),
        (" ", "the second text is empty"),
      ] as [(String?, String)] {
        let rows = [TextRow("a", pair: "b"), TextRow("a", pair: pair)]
        for message in [
          errorMessage {
            _ = try predict(session, on: Dataset(rows, for: model, requiringLabels: false))
          }, errorMessage { _ = try answers(to: rows, of: heads, session: shared) },
        ] {
          #expect(message?.hasPrefix(problem) == true, "\(name): \(message ?? "no error")")
        }
      }
    }
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

    // What else a task reads of a row.
    var row = TextRow("a b", label: .text("0"))
    let plain = try Dataset([row], for: model).fingerprint
    row.fields["answer"] = "a"
    #expect(try Dataset([row], for: model).fingerprint != plain)
  }

  @Test func rowsAreCountedAsTheyStandInTheFile() throws {
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: "data.csv")
      try Data("text,label\na,0\nb,1\nc,0\n".utf8).write(to: file)
      let rows = try DataSource(reading: [file, file], options: DataOptions(shuffleSeed: 3, take: 4)).rows()
      for row in rows {
        #expect(row.place.index == ["a", "b", "c"].firstIndex(of: row.text))
        #expect(row.place.row == row.place.index + 2)
      }
    }
  }

  @Test func compressedFilesAreRead() throws {
    let file = fixtures.appending(path: "tokenizer/characters.txt.gz")
    let rows = try DataSource(reading: [file], options: DataOptions(take: 3)).rows()
    #expect(rows.count == 3)
  }
}
