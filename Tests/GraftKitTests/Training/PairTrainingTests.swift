import Foundation
import GraftCompute
import GraftData
import GraftTensors
import TestSupport
import Testing

@testable import GraftCore
@testable import GraftKit

/// Scores of pairs, learnt as sentence-transformers' CrossEncoders learn them step by step:
/// `Fixtures/sentences/make_pair_training.py`.
@Suite struct PairTrainingTests {
  struct Golden: CustomTestStringConvertible, Sendable {
    let json: JSON

    static let all: [Golden] =
      ((try? JSON(file: fixtures.appending(path: "sentences/pair_training.json")))?["runs"]?.array ?? [])
      .map(Golden.init)

    var testDescription: String { rows("rows").first?.label.map { "\($0)" } ?? "" }

    func numbers(_ key: String) -> [Double] { json[key]?.array?.compactMap(\.double) ?? [] }

    func rows(_ key: String) -> [TextRow] {
      (json[key]?.array ?? []).map { object in
        var row = TextRow(object["query"]?.string ?? "", pair: object["text"]?.string)
        row.label = .text(object["label"]?.text() ?? "")
        return row
      }
    }
  }

  let registry: Registry
  let backend: any ComputeBackend

  init() throws {
    registry = try Support.registry()
    backend = try registry.makeBackend(threads: 2)
  }

  private func classifier() throws -> Checkpoint {
    try registry.open(fixtures.appending(path: "bert-tiny/regression")).checkpoint
  }

  private static func options(_ change: (inout TrainingOptions) -> Void = { _ in }) -> TrainingOptions {
    var options = TrainingOptions()
    (options.epochs, options.batchSize, options.evalBatchSize) = (10, 8, 8)
    (options.learningRate, options.dropout, options.shuffles) = (1e-3, 0, false)
    (options.evalStrategy, options.saveStrategy) = (.epoch, .no)
    change(&options)
    return options
  }

  private static func summary(_ outcome: TrainingOutcome) throws -> TrainingSummary {
    var summary: TrainingSummary?
    if case .finished(let found) = outcome { summary = found }
    return try #require(summary)
  }

  @Test("50 steps of binary cross-entropy, and the scores of the written folder", arguments: Golden.all)
  func followsSentenceTransformers(_ golden: Golden) throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      var losses: [Double] = []
      let outcome = try train(
        classifier(), on: TrainingData(golden.rows("rows"), named: ["rows"]),
        evaluating: TrainingData(golden.rows("eval_rows"), named: ["rows"]),
        options: Self.options { $0.pairLoss = .binaryCrossEntropy }, output: output, backend: backend,
        registry: registry
      ) { if case .step(let report) = $0 { losses.append(report.loss) } }
      let expected = golden.numbers("losses")
      #expect(losses.count == 50 && expected.count == 50)
      for (step, (mine, theirs)) in zip(losses, expected).enumerated() {
        #expect(abs(mine - theirs) <= 1e-5 * max(1, abs(theirs)), "step \(step): \(mine), not \(theirs)")
      }
      let summary = try Self.summary(outcome)
      let evaluated = try #require(golden.json["eval_loss"]?.double)
      let found = try #require(summary.evaluation?["eval_loss"])
      #expect(abs(found - evaluated) <= 1e-4 * max(1, evaluated), "\(found), not \(evaluated)")
      let written = try registry.open(output).checkpoint
      let encoder = try #require(written.crossEncoder)
      #expect(encoder.activation == .sigmoid && encoder.maximumLength == 64 && written.scoresPairs)
      #expect(written.configuration["problem_type"] == nil)
      #expect(written.card?["pipeline_tag"] == "pipeline_tag: text-ranking")
      #expect(written.card?["library_name"] == "library_name: sentence-transformers")
      let model = try written.makeModel()
      for (row, theirs) in zip(golden.rows("eval_rows"), golden.numbers("scores")) {
        let own = try rerank(
          [row.pair ?? ""], query: row.text, with: InferenceSession(model, backend: backend), encoder)[0]
          .score
        #expect(abs(Double(own) - theirs) < 1e-4)
      }
    }
  }

  @Test("what the folder says decides the loss where none is given, and the option before it")
  func choosesTheLoss() throws {
    let golden = try #require(Golden.all.last)
    let data = TrainingData(golden.rows("rows"), named: ["rows"])
    try withTemporaryDirectory { directory in
      func run(
        _ checkpoint: Checkpoint, _ name: String, _ loss: PairLoss? = nil
      ) throws -> (checkpoint: Checkpoint, loss: Double?, scores: [String: Double]) {
        var first: Double?
        let outcome = try train(
          checkpoint, on: data, evaluating: data,
          options: Self.options { ($0.pairLoss, $0.maxSteps, $0.maxLength) = (loss, 1, 30) },
          output: directory.appending(path: name), backend: backend, registry: registry
        ) { if case .step(let report) = $0 { first = report.loss } }
        return (
          try registry.open(directory.appending(path: name)).checkpoint, first,
          try Self.summary(outcome).evaluation ?? [:]
        )
      }
      let entropy = try #require(golden.numbers("losses").first)
      let numbers = try run(classifier(), "numbers")
      #expect(abs(try #require(numbers.loss) - entropy) > 0.01 && numbers.scores["eval_mse"] != nil)
      try expectLogits(of: numbers.checkpoint, golden.rows("eval_rows"))
      let pairs = try run(classifier(), "pairs", .binaryCrossEntropy)
      #expect(abs(try #require(pairs.loss) - entropy) < 1e-5 && pairs.scores["eval_mse"] == nil)
      #expect(pairs.scores["eval_spearman"] != nil)
      #expect(pairs.checkpoint.crossEncoder?.maximumLength == 30)
      let again = try run(pairs.checkpoint, "again")
      #expect(again.checkpoint.scoresPairs && again.scores["eval_mse"] == nil)
      let back = try run(again.checkpoint, "back", .meanSquaredError)
      #expect(!back.checkpoint.scoresPairs && back.scores["eval_mse"] != nil)
      #expect(back.checkpoint.crossEncoder?.activation == .identity)
      #expect(try run(back.checkpoint, "stays").scores["eval_mse"] != nil)
      try expectLogits(
        of: run(classifier(), "squares", .meanSquaredError).checkpoint, golden.rows("eval_rows"))
      for (name, learnt) in [("forth", back.checkpoint), ("from numbers", numbers.checkpoint)] {
        let forth = try run(learnt, name, .binaryCrossEntropy).checkpoint
        #expect(forth.scoresPairs && forth.crossEncoder?.activation == .sigmoid, "\(name)")
        let modules = directory.appending(path: "\(name)/modules.json")
        #expect(FileManager.default.fileExists(atPath: modules.path), "\(name)")
      }
    }
  }

  /// Expects that scores of pairs are what a regression predicts, and that `config.json` says so to sentence-transformers,
  /// which would take the sigmoid of one logit.
  private func expectLogits(of checkpoint: Checkpoint, _ rows: [TextRow]) throws {
    let encoder = try #require(checkpoint.crossEncoder)
    #expect(encoder.activation == .identity && !checkpoint.scoresPairs)
    #expect(
      checkpoint.configuration["sentence_transformers"]
        == ["activation_fn": "torch.nn.modules.linear.Identity"])
    let session = InferenceSession(try checkpoint.makeModel(), backend: backend)
    let values = try predict(session, on: Dataset(rows, for: session.model, requiringLabels: false))
    for (row, value) in zip(rows, values) {
      let own = try rerank([row.pair ?? ""], query: row.text, with: session, encoder)[0].score
      #expect(abs(own - (try #require(value.scores.first))) < 1e-6)
    }
  }

  @Test("a head that becomes a cross-encoder beside another has its files, whichever is active in the end")
  func besideAnotherHead() throws {
    let golden = try #require(Golden.all.last)
    try withTemporaryDirectory { directory in
      let (own, other) = ("sequence-classification", "token-classification")
      var words = TextRow("")
      words.fields = ["tokens": ["he", "can"], "tags": ["O", "O"]]
      let checkpoint = try swapHead(
        fixtures.appending(path: "bert-tiny/regression"), to: other, labels: ["O", "B-A", "I-A"],
        registry: registry
      ).checkpoint
      let heads = [
        HeadTraining(other, TrainingData([words], named: ["words"])),
        HeadTraining(own, TrainingData(golden.rows("rows"), named: ["rows"])),
      ]
      for (name, order) in [("second", heads), ("first", heads.reversed())] {
        let output = directory.appending(path: name)
        _ = try train(
          checkpoint, heads: order,
          options: Self.options {
            ($0.pairLoss, $0.maxSteps, $0.evalStrategy) = (.binaryCrossEntropy, 3, .no)
          }, output: output, backend: backend, registry: registry)
        let folder = name == "first" ? output : output.appending(path: "heads/\(own)")
        #expect(
          try JSON(file: folder.appending(path: "config_sentence_transformers.json"))["model_type"]
            == "CrossEncoder")
        let written = try registry.open(output).checkpoint
        #expect((written.crossEncoder == nil) == (name == "second"))
        let selected = try written.selecting(head: own)
        #expect(selected.scoresPairs && selected.crossEncoder?.activation == .sigmoid, "\(name)")
        #expect(selected.crossEncoder?.maximumLength == 64)
      }
    }
  }

  @Test("a regression on single texts says nothing of pairs")
  func singleTexts() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      let rows = ["he can", "do it"].map { TextRow($0, label: .text("0.5")) }
      _ = try train(
        classifier(), on: TrainingData(rows, named: ["rows"]),
        options: Self.options { ($0.maxSteps, $0.evalStrategy) = (1, .no) }, output: output,
        backend: backend, registry: registry)
      let written = try registry.open(output).checkpoint
      #expect(written.crossEncoder == nil && written.configuration["sentence_transformers"] == nil)
    }
  }

  @Test("scores outside 0 to 1, single texts and other heads are refused, naming the row")
  func refusals() throws {
    let output = FileManager.default.temporaryDirectory.appending(path: "never")
    func message(_ checkpoint: Checkpoint, _ rows: [TextRow]) -> String? {
      errorMessage {
        _ = try train(
          checkpoint, on: TrainingData(rows, named: ["rows"]),
          options: Self.options { $0.pairLoss = .binaryCrossEntropy }, output: output, backend: backend,
          registry: registry)
      }
    }
    func row(_ text: String, _ pair: String?, _ label: String?) -> TextRow {
      TextRow(text, pair: pair, label: label.map { .text($0) }, place: TextRow.Place(file: "a.csv", row: 2))
    }
    let one = try classifier()
    for label in ["1.5", "-0.1", "five", "0|1", "nan"] {
      let found = message(one, [row("a", "b", "1"), row("a", "b", label)])
      #expect(
        found?.contains(
          "a.csv: row 2: wrong score of a pair; expected a number from 0 to 1, found '\(label)'")
          == true, "\(found ?? "nothing")")
      #expect(found?.contains("Divide the scores") == (Double(label) != nil), "\(found ?? "nothing")")
    }
    #expect(
      message(one, [row("a", " ", "1")])?.contains("row 2: the second text is empty. Remove such rows")
        == true)
    #expect(message(one, [row("a", nil, "1")])?.contains("there is no second text to score") == true)
    for label in [nil, ""] {
      #expect(message(one, [row("a", "b", label)])?.contains("there is no score") == true)
    }
    for name in ["sequence-classification", "masked-lm", "token-classification"] {
      let other = try registry.open(Support.fixture(name)).checkpoint
      #expect(
        message(other, [row("a", "b", "1")])?.contains("does not give each text one number") == true,
        "\(name)")
    }
    #expect(!FileManager.default.fileExists(atPath: output.path))
  }
}
