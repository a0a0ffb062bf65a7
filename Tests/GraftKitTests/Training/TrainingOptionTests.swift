import Foundation
import GraftCompute
import GraftCore
import GraftData
import GraftTensors
import OrderedCollections
import TestSupport
import Testing

@testable import GraftKit

/// Runs of 50 steps that transformers' Trainer made with each option: `Fixtures/training-options/make.py`.
@Suite struct TrainingOptionTests {
  /// A run of the golden file.
  struct Golden: CustomTestStringConvertible, Sendable {
    let json: JSON
    var testDescription: String { json["name"]?.string ?? "" }

    static let all: [Golden] = (document["runs"]?.array ?? []).map(Golden.init)

    static let document: JSON =
      (try? JSON(file: fixtures.appending(path: "training-options/runs.json"))) ?? .null

    func numbers(_ key: String) -> [Double] { (json[key]?.array ?? []).compactMap(\.double) }
  }

  let registry: Registry
  let backend: any ComputeBackend

  init() throws {
    registry = try Support.registry()
    backend = try registry.makeBackend(threads: 2)
  }

  /// What a run did.
  private struct Course {
    var losses: [Double] = []
    var rates: [Double] = []
    var evaluations: [[String: Double]] = []
    var notes: [TrainingNote] = []
    var outcome: TrainingOutcome?

    var summary: TrainingSummary? {
      if case .finished(let summary) = outcome { summary } else { nil }
    }
  }

  private func data(_ head: String, _ part: String) throws -> TrainingData {
    let isOfTexts = head == "sequence-classification"
    let items = try #require(Golden.document[isOfTexts ? "texts" : "sentences"]?[part]?.array)
    let rows = items.map { item -> TextRow in
      let (text, label) = (item.array?[0] ?? .null, item.array?[1] ?? .null)
      guard isOfTexts else {
        var row = TextRow("")
        row.fields = ["tokens": text, "tags": label]
        return row
      }
      return TextRow(text.string ?? "", label: .text(label.text()))
    }
    return TrainingData(rows, named: ["rows"])
  }

  private func run(
    _ golden: Golden, in output: URL, stoppingAfter stop: Int? = nil, resume: Bool = false,
    change: (inout TrainingOptions) -> Void = { _ in }
  ) throws -> Course {
    var options = TrainingOptions()
    options.epochs = 5
    options.batchSize = 4
    options.learningRate = 5e-4
    options.weightDecay = 0.01
    options.dropout = 0
    options.shuffles = false
    options.evalStrategy = .epoch
    options.saveStrategy = .no
    for (name, value) in golden.json["options"]?.object ?? [:] {
      let setting = try #require(TrainingOptions.settings.first { $0.name == name })
      try #require(setting.assign(value.string ?? "", &options), "\(name)")
    }
    change(&options)
    let head = golden.json["head"]?.string ?? ""
    let test = try data(head, "test")
    let sets: OrderedDictionary<String, TrainingData> =
      golden.testDescription == "two sets" ? ["test": test, "other": try data(head, "other")] : [:]
    let control = TrainingControl()
    var course = Course()
    course.outcome = try train(
      registry.open(Support.fixture(head)).checkpoint, on: data(head, "train"),
      evaluating: sets.isEmpty ? test : nil, evaluatingSets: sets, options: options, output: output,
      backend: backend, registry: registry, resume: resume, control: control
    ) { event in
      switch event {
      case .step(let report):
        course.losses.append(report.loss)
        course.rates.append(report.learningRate)
        if report.step == stop { control.requestStop() }
      case .evaluated(let entry): course.evaluations.append(entry)
      case .noted(let note): course.notes.append(note)
      default: break
      }
    }
    return course
  }

  private func expectEqual(_ mine: [Double], _ theirs: [Double], _ what: String, _ tolerance: Double = 1e-5) {
    #expect(mine.count == theirs.count && !mine.isEmpty, "\(what)")
    for (index, (left, right)) in zip(mine, theirs).enumerated() {
      #expect(abs(left - right) <= tolerance * abs(right), "\(what) \(index): \(left), not \(right)")
    }
  }

  private func expectEqual(_ mine: [[String: Double]], _ theirs: JSON?, but left: String?) {
    let theirs = theirs?.array ?? []
    #expect(mine.count == theirs.count && !mine.isEmpty)
    for (mine, theirs) in zip(mine, theirs) {
      for (key, value) in theirs.object ?? [:] where key != left {
        let (value, found) = (value.double ?? .nan, mine[key] ?? .nan)
        #expect(abs(found - value) <= 1e-5 * abs(value), "\(key): \(found), not \(value)")
      }
    }
  }

  /// The loss of a written model.
  private func loss(of output: URL, on part: String = "test") throws -> Double {
    let model = try registry.open(output).checkpoint.makeModel()
    let rows = try data("sequence-classification", part).rows
    return try evaluate(model, on: Dataset(rows, for: model), backend: backend).loss
  }

  @Test(arguments: Golden.all) func followsTrainer(_ golden: Golden) throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      var course = try run(golden, in: output)
      if let epochs = golden.json["extended"]?.double {
        #expect(course.losses.count == 30)
        course = try run(golden, in: output, resume: true) { $0.epochs = epochs }
        #expect(course.notes == [.extended(from: 30, to: 50, lastRate: 5e-4 / 30, nextRate: 2e-4)])
        course.evaluations.insert(
          contentsOf: try history(output).filter { $0["eval_loss"] != nil }.prefix(3), at: 0)
      }
      expectEqual(course.losses, golden.numbers("losses"), "loss")
      expectEqual(course.rates, golden.numbers("rates"), "rate", 1e-9)
      // The F1 of words is that of entities here, and of labels there.
      let isOfWords = golden.json["head"]?.string == "token-classification"
      expectEqual(course.evaluations, golden.json["evaluations"], but: isOfWords ? "eval_f1_macro" : nil)

      if let best = golden.json["best_global_step"]?.int {
        let state = try JSON(file: output.appending(path: "trainer_state.json"))
        #expect(state["best_global_step"]?.int == best)
        #expect(state["global_step"] == golden.json["global_step"])
        let final = try #require(golden.json["final_loss"]?.double)
        #expect(abs(try loss(of: output) / final - 1) < 1e-5)
        #expect(abs((course.summary?.evaluation?["eval_loss"] ?? 0) / final - 1) < 1e-5)
        #expect(course.notes.contains { if case .loadedBest(best, _, _) = $0 { true } else { false } })
      }
      if let averaged = golden.json["options"]?["average-last"] {
        #expect(averaged == "3" && course.notes == [.averaged(steps: [30, 40, 50])])
      }
      if golden.json["options"]?["ema-decay"] != nil || golden.json["options"]?["average-last"] != nil {
        // What was evaluated is what was written.
        let last = try #require(course.evaluations.last?["eval_loss"])
        #expect(abs(try loss(of: output) / last - 1) < 1e-6)
      }
    }
  }

  private func history(_ output: URL) throws -> [[String: Double]] {
    try #require(JSON(file: output.appending(path: "trainer_state.json"))["log_history"]?.array).map {
      entry in
      (entry.object ?? [:]).reduce(into: [:]) { entries, member in
        if !member.key.hasSuffix("_second"), !member.key.hasSuffix("runtime") {
          entries[member.key] = member.value.double
        }
      }
    }
  }

  /// With dropout, and in an order of its own.
  @Test(arguments: Golden.all) func resumesBitForBit(_ golden: Golden) throws {
    try withTemporaryDirectory { directory in
      let (whole, parts) = (directory.appending(path: "whole"), directory.appending(path: "parts"))
      func course(_ output: URL, stop: Int? = nil, resume: Bool = false) throws -> Course {
        try run(golden, in: output, stoppingAfter: stop, resume: resume) { options in
          options.dropout = 0.1
          options.shuffles = true
        }
      }
      _ = try course(whole)
      for (index, stop) in [3, 10, 28, 47].enumerated() {
        _ = try course(parts, stop: stop, resume: index > 0)
      }
      _ = try course(parts, resume: true)
      let models = try [whole, parts].map { try Data(contentsOf: $0.appending(path: "model.safetensors")) }
      #expect(models[0] == models[1])
      #expect(try history(whole) == history(parts))
    }
  }

  // MARK: What options may be

  private var plain: Golden { Golden.all.first { $0.testDescription == "two sets" } ?? Golden.all[0] }

  private func message(_ golden: Golden? = nil, _ change: (inout TrainingOptions) -> Void) -> String? {
    errorMessage {
      try withTemporaryDirectory { directory in
        _ = try run(golden ?? plain, in: directory.appending(path: "out"), change: change)
      }
    }
  }

  @Test func aScoreThatDoesNotExistNamesTheNearest() throws {
    let message = try #require(
      message(Golden.all[0]) {
        $0.metricForBestModel = "acuracy"
        $0.maxSteps = 1
      })
    #expect(message.contains("option 'metric-for-best-model': evaluations have no such score"))
    #expect(
      message.contains("found 'acuracy'. Choose a score of the head, or 'loss'. Did you mean 'accuracy'?"))
    #expect(message.contains("expected one of accuracy, balanced_accuracy, "))
    #expect(
      self.message {
        $0.metricForBestModel = "eval_other_accuracy"
        $0.maxSteps = 1
      } == nil)
  }

  @Test("the best evaluation goes by the score that experiments compare such heads by") func usualScores() {
    func score(_ names: String..., sets: [String] = [""]) -> String {
      let names = sets.flatMap { set in (names + ["loss", "runtime"]).map { "eval_\(set)\($0)" } }
      return BestChoice(TrainingOptions()).score(
        among: Dictionary(uniqueKeysWithValues: names.map { ($0, 0.5) }))
    }
    #expect(score("accuracy", "balanced_accuracy", "f1_macro") == "eval_accuracy")
    #expect(score("accuracy", "f1", "f1_macro", "broken_tags") == "eval_f1")
    #expect(score("exact", "f1", "HasAns_f1", "best_f1") == "eval_f1")
    #expect(score("subset_accuracy", "f1_micro", "hamming_loss") == "eval_f1_micro")
    #expect(score("mse", "r2", "spearman") == "eval_r2")
    #expect(score("cosine_ndcg@10", "cosine_accuracy@1") == "eval_cosine_ndcg@10")
    #expect(score("accuracy", "f1", "ndcg@10", "spearman") == "eval_ndcg@10")
    #expect(score("accuracy", "f1", "average_precision", "spearman") == "eval_spearman")
    #expect(score("pearson_cosine", "spearman_cosine") == "eval_spearman_cosine")
    #expect(score("perplexity") == "eval_loss")
    #expect(score("accuracy", "f1", sets: ["test_", "dev_"]) == "eval_dev_f1")
    #expect(score("accuracy", sets: ["dev_", ""]) == "eval_accuracy")
    #expect(BestChoice(TrainingOptions()).score(among: [:]) == "eval_loss")
  }

  @Test("evaluations of several sets at a step are one, and the first by name decides") func patience() {
    var state = TrainerState()
    // The second set has a lower score, and the first gets better until the third step.
    for (step, score) in [(0, 0.9), (1, 0.5), (2, 0.6), (3, 0.6), (4, 0.55)] {
      for (set, value) in [("a", score), ("b", score / 2)] {
        state.history.append([
          "step": Double(step), "eval_\(set)_accuracy": value, "eval_\(set)_runtime": 1,
        ])
      }
      state.history.append(["step": Double(step), "loss": 1])
    }
    let choice = BestChoice(TrainingOptions())
    #expect(state.evaluationsWithoutProgress(by: choice, threshold: 0) == 2)
    state.history.append(["step": 5, "eval_a_accuracy": 0.7, "eval_a_runtime": 1])
    #expect(state.evaluationsWithoutProgress(by: choice, threshold: 0) == 0)
  }

  @Test func evaluationsAreNeeded() {
    let none = message {
      $0.earlyStoppingPatience = 2
      $0.evalStrategy = .no
    }
    #expect(
      none
        == "option 'early-stopping-patience': needs evaluations while the run goes on. Set 'eval-strategy' to epoch or "
        + "steps.")
    var options = TrainingOptions()
    options.earlyStoppingPatience = 2
    #expect(
      options.missingEvaluations(hasData: false).map(\.description) == [
        "option 'early-stopping-patience': needs data to evaluate on. Pass 'eval-data' or 'eval-split'."
      ])
    options.earlyStoppingPatience = nil
    options.earlyStoppingThreshold = 0.1
    #expect(
      errorMessage { try options.validate() }
        == "option 'early-stopping-threshold': says nothing without patience. Set 'early-stopping-patience'.")
  }

  @Test func weightsAreOfLabelsThatThereAre() {
    #expect(
      message { $0.classWeights = .given(["Sport": 2]) }
        == "option 'class-weights': there is no label 'Sport'; expected labels of the head: World, Sports, Business, "
        + "Sci/Tech. Weights go by the names of labels. Did you mean 'Sports'?")
    #expect(
      ClassWeights(text: "A=0") == nil && ClassWeights(text: "A") == nil
        && ClassWeights(text: "A=1,A=2") == nil)
    #expect(ClassWeights(text: #"{"a, b": 2}"#) == .given(["a, b": 2]))
    #expect(ClassWeights(text: "a=b=2") == .given(["a=b": 2]))
    #expect(ClassWeights(text: "A=nan") == nil && ClassWeights(text: "") == nil)
  }

  @Test func schedulesHaveTheShapesOfTheirKind() {
    func message(_ schedule: LearningRateSchedule, _ shape: String) -> String? {
      errorMessage {
        var options = TrainingOptions()
        options.schedule = schedule
        options.scheduleShape = try #require(ScheduleShape(text: shape))
        try options.validate()
      }
    }
    #expect(message(.polynomial, "power=2,lr_end=0") == nil)
    #expect(
      message(.cosine, "power=2")
        == "option 'lr-scheduler-kwargs': the schedule 'cosine' has no 'power'; expected num_cycles, found power."
    )
    #expect(message(.cosineWithRestarts, "num_cycles=1.5")?.contains("a whole number, 1 or more") == true)
    #expect(message(.polynomial, "lr_end=1")?.contains("below 5e-05") == true)
    #expect(ScheduleShape(text: "powr=2") == nil)
  }

  @Test func headsWithoutClassesRefuseTheirLosses() throws {
    try withTemporaryDirectory { directory in
      var options = TrainingOptions()
      options.focalGamma = 2
      let message = errorMessage {
        _ = try train(
          registry.open(Support.fixture("masked-lm")).checkpoint,
          on: TrainingData([TextRow("a b c")], named: ["rows"]), options: options,
          output: directory.appending(path: "out"), backend: backend, registry: registry)
      }
      #expect(
        message
          == "option 'focal-gamma': the head 'masked-lm' does not choose one of its labels. Leave the option out: it is for "
          + "heads of single labels, of texts or of words.")
    }
  }

  /// Eight batches of one make the gradient of one of eight, whatever their classes weigh.
  @Test func weightsCountOverTheWholeStep() throws {
    let losses = try [1, 3, 8].map { size in
      let model = try registry.open(Support.fixture("sequence-classification")).checkpoint.makeModel()
      let data = try Dataset(Array(data("sequence-classification", "train").rows.prefix(8)), for: model)
      let batching = Batching(
        model: model, data: data,
        classLoss: ClassLoss(smoothing: 0.1, weights: [1, 0.2, 5, 3], focalGamma: 1))
      let batches = try stride(from: 0, to: 8, by: size).map { start in
        try batching.prepared((start..<min(8, start + size)).map(data.example), key: RandomKey(seed: 1))
      }
      let optimizer = try registry.optimizers.find("adamw").init(
        model.parameters.all, options: OptimizerOptions())
      let step = TrainingStep(model: model, optimizer: optimizer, maxGradNorm: 1, backend: backend)
      let result = try step.run(batches, learningRate: 0)
      #expect(result.predictions == 8)
      return (result.loss, result.gradientNorm)
    }
    for other in losses.dropFirst() {
      #expect(abs(other.0 / losses[0].0 - 1) < 1e-6)
      #expect(abs(other.1 / losses[0].1 - 1) < 1e-5)
    }
  }

  // MARK: Extending

  @Test func aFinishedRunIsExtendedToTheSameEndAsAnInterruptedOne() throws {
    try withTemporaryDirectory { directory in
      let golden = try #require(Golden.all.last)
      let (finished, killed) = (directory.appending(path: "finished"), directory.appending(path: "killed"))
      for output in [finished, killed] { _ = try run(golden, in: output) }
      _ = try run(golden, in: finished, resume: true) { $0.epochs = 5 }
      _ = try run(golden, in: killed, stoppingAfter: 37, resume: true) { $0.epochs = 5 }
      let course = try run(golden, in: killed, resume: true) { $0.epochs = 5 }
      #expect(course.losses.count == 13 && course.notes.isEmpty)
      let models = try [finished, killed].map {
        try Data(contentsOf: $0.appending(path: "model.safetensors"))
      }
      #expect(models[0] == models[1])
      let shorter = errorMessage { _ = try run(golden, in: finished, resume: true) { $0.epochs = 2 } }
      #expect(
        shorter?.contains("option 'epochs': differs from the run that is resumed; expected 5.0, found 2.0")
          == true)
    }
  }

  @Test func aFinishedRunWithoutCheckpointsIsNotExtended() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      _ = try run(plain, in: output) { $0.maxSteps = 2 }
      let message = errorMessage { _ = try run(plain, in: output, resume: true) { $0.maxSteps = 4 } }
      #expect(message?.contains("the run has kept no checkpoint to go on from") == true)
    }
  }
}
