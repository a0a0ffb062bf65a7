import Foundation
import GraftCompute
import GraftCore
import GraftData
import GraftTensors
import TestSupport
import Testing

@testable import GraftKit

/// What a run does with the model in the end, and which scores it may ask for.
@Suite struct FinalWeightsTests {
  let registry: Registry
  let backend: any ComputeBackend

  init() throws {
    registry = try Support.registry()
    backend = try registry.makeBackend("reference", threads: 1)
  }

  private func rows(_ labels: [WrittenLabel]) -> [TextRow] {
    (0..<12).map { TextRow("a \($0 % 5) b \($0 % 3) c", label: labels[$0 % labels.count]) }
  }

  /// Trains for four steps, with a checkpoint after every second.
  private func run(
    _ head: String, _ rows: [TextRow], in output: URL, stoppingAfter stop: Int? = nil, resume: Bool = false,
    change: (inout TrainingOptions) -> Void
  ) throws -> (outcome: TrainingOutcome, notes: [TrainingNote]) {
    var options = TrainingOptions()
    (options.maxSteps, options.batchSize, options.saveSteps, options.learningRate) = (4, 4, 2, 1e-2)
    change(&options)
    let data = TrainingData(rows, named: ["rows"])
    let control = TrainingControl()
    var notes: [TrainingNote] = []
    let outcome = try train(
      registry.open(Support.fixture(head)).checkpoint, on: data, evaluating: data, options: options,
      output: output, backend: backend, registry: registry, resume: resume, control: control
    ) { event in
      // That the rows are evaluated on which are trained on is said, and does not matter here.
      if case .noted(let note) = event, note != .repeatedRows(12, of: 12, set: nil) { notes.append(note) }
      if case .step(let report) = event, report.step == stop { control.requestStop() }
    }
    return (outcome, notes)
  }

  @Test(arguments: MultiLabelScores.Tuning.allCases)
  func thresholdsAreTunedInTheEnd(_ tuning: MultiLabelScores.Tuning) throws {
    let labels = try registry.open(Support.fixture("multi-label")).checkpoint.configuration.labels()
    let rows = rows([.list([labels[0]]), .list([labels[1], labels[2]]), .list([labels[1]])])
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      let (outcome, notes) = try run("multi-label", rows, in: output) { $0.thresholdTuning = tuning }
      var plain = try registry.open(output).checkpoint
      try plain.setThresholds([0.5])
      let model = try plain.makeModel()
      var evaluation = try evaluate(model, on: Dataset(rows, for: model), backend: backend)
      let score = tuning == .global ? "f1_micro" : "f1_macro"
      let before = try #require(evaluation.metrics[score])
      let thresholds = try evaluation.tuneThresholds(tuning)
      let after = try #require(evaluation.metrics[score])
      #expect(notes == [.tunedThresholds(thresholds, score: score, before: before, after: after)])
      // The scores that are reported are those before.
      guard case .finished(let summary) = outcome else { throw CancellationError() }
      #expect(summary.evaluation?["eval_\(score)"] == before)
      // What the model gives from now on is what was tuned.
      let kept = try registry.open(output).checkpoint.makeModel()
      #expect(try evaluate(kept, on: Dataset(rows, for: kept), backend: backend).metrics[score] == after)
      let parts = directory.appending(path: "parts")
      _ = try run("multi-label", rows, in: parts, stoppingAfter: 3) { $0.thresholdTuning = tuning }
      _ = try run("multi-label", rows, in: parts, resume: true) { $0.thresholdTuning = tuning }
      for name in ["config.json", "model.safetensors"] {
        #expect(
          try Data(contentsOf: output.appending(path: name)) == Data(contentsOf: parts.appending(path: name)))
      }
    }
  }

  private func message(_ head: String, _ change: (inout TrainingOptions) -> Void) -> String {
    errorMessage {
      try withTemporaryDirectory {
        _ = try run(head, rows([.text("0"), .text("1")]), in: $0.appending(path: "out"), change: change)
      }
    } ?? "nothing"
  }

  @Test func whatDoesNotGoTogether() {
    let head = "sequence-classification"
    #expect(
      message(head) { $0.averageLast = 3 }.contains("option 'average-last': the run writes fewer checkpoints")
    )
    #expect(message(head) { $0.averageLast = 3 }.contains("expected at most 2, found 3"))
    #expect(
      message(head) { ($0.averageLast, $0.saveStrategy) = (2, .no) }.contains(
        "there are no checkpoints to average"))
    #expect(
      message(head) { ($0.averageLast, $0.saveTotalLimit) = (2, 1) }.contains("fewer checkpoints are kept"))
    #expect(
      message(head) { ($0.averageLast, $0.emaDecay) = (2, 0.9) }.contains("the weights are averaged already"))
    #expect(
      message(head) { ($0.averageLast, $0.loadsBestModelAtEnd, $0.evalStrategy) = (2, true, .epoch) }
        .contains("either with a mean or with its best weights"))
    #expect(message(head) { $0.averageLast = 2 } == "nothing")
    #expect(
      message(head) { $0.thresholdTuning = .label }.contains(
        "only a head that gives several labels has thresholds"))
    #expect(
      message(head) { $0.topRanks = [1, 4] }.contains(
        "option 'top-k': the right label is always among as many as there are; expected numbers from 1 to 3, for 4 labels, "
          + "found 4"))
    #expect(
      message("masked-lm") { $0.topRanks = [1] }.contains("the head 'masked-lm' has no top-k accuracies"))
    #expect(
      message("regression") { ($0.metricForBestModel, $0.evalStrategy) = ("accuracy", .epoch) }.contains(
        "expected one of loss, mae, mse, pearson, r2, spearman"))
  }

  /// A name is known by what the task may report, also where a first evaluation does not have it.
  @Test func aScoreThatIsNotDefinedYetIsAScore() throws {
    try withTemporaryDirectory { directory in
      // Constant targets have no correlation.
      let rows = rows([.text("0.5")])
      let output = directory.appending(path: "out")
      let (_, notes) = try run("regression", rows, in: output) {
        ($0.metricForBestModel, $0.evalStrategy, $0.evalSteps) = ("spearman", .steps, 2)
      }
      #expect(notes.isEmpty)
    }
  }

  @Test func topRanksAreThoseThatAreWanted() throws {
    let model = try registry.open(Support.fixture("sequence-classification")).checkpoint.makeModel()
    let data = try Dataset(rows([.text("0"), .text("3")]), for: model)
    var options = EvaluationOptions()
    let usual = try evaluate(model, on: data, options: options, backend: backend).metrics
    options.topRanks = [1, 2]
    let found = try evaluate(model, on: data, options: options, backend: backend).metrics
    #expect(
      usual["top_3_accuracy"] != nil && usual["top_5_accuracy"] == nil && usual["top_2_accuracy"] == nil)
    #expect(found["top_1_accuracy"] == found["accuracy"] && found["top_3_accuracy"] == nil)
    #expect(try #require(found["top_2_accuracy"]) >= found["top_1_accuracy"] ?? 1)
  }

  @Test func nextSentencesAreScoredAsClasses() throws {
    let model = try registry.open(Support.fixture("next-sentence")).checkpoint.makeModel()
    let rows = (0..<8).map { TextRow("a b \($0)", pair: "c \($0)", label: .text("\($0 % 2)")) }
    let evaluation = try evaluate(model, on: Dataset(rows, for: model), backend: backend)
    #expect(Set(evaluation.metrics.keys) == Metrics.namesOfClasses(scored: 2, topRanks: [3, 5]))
    #expect(evaluation.labels == ["IsNext", "NotNext"])
    #expect(evaluation.document["classes"]?.array?.count == 2 && evaluation.confusion?.total == 8)
  }

  /// Golden of `AveragedModel`: 1 + (4 − 1) / 2, and so on.
  @Test func theMeanIsThatOfAllTimes() throws {
    let parameter = Parameter("w", Tensor([1, 10], shape: [2]), decays: true)
    var mean = CheckpointAverage([parameter])
    for values in [[1, 10], [4, 20], [7, 60]] as [[Float]] {
      for (index, value) in values.enumerated() { parameter.value.pointer[index] = value }
      mean.add()
    }
    mean.take()
    #expect(Array(parameter.value.buffer) == [4, 30])
  }
}
