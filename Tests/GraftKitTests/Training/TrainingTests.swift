import Foundation
import GraftCompute
import GraftCore
import GraftData
import GraftTensors
import TestSupport
import Testing

@testable import GraftKit

/// Runs of the tiny classifier and the tiny masked language model.
@Suite struct TrainingTests {
  let registry: Registry
  let backend: any ComputeBackend

  init() throws {
    registry = try Support.registry()
    backend = try registry.makeBackend(threads: 2)
  }

  // MARK: Against transformers

  /// A run that transformers' `Trainer` made: `Fixtures/trainer/make.py`.
  @Test func logsAndCheckpointsAreTrainers() throws {
    let golden = try JSON(file: fixtures.appending(path: "trainer/run.json"))
    try withTemporaryDirectory { directory in
      var options = TrainingOptions()
      options.epochs = 4
      options.batchSize = 4
      options.learningRate = 2e-3
      options.warmupSteps = 3
      options.weightDecay = 0.1
      options.dropout = 0
      options.shuffles = false
      options.loggingSteps = 2
      options.evalStrategy = .epoch
      options.evalOnStart = true
      options.evalSteps = 500
      options.saveStrategy = .epoch
      options.saveTotalLimit = 2
      let output = directory.appending(path: "out")
      let outcome = try train(
        registry.open(Support.fixture("sequence-classification")).checkpoint, on: rows(golden["train"]),
        evaluating: rows(golden["test"]), options: options, output: output, backend: backend,
        registry: registry)

      guard case .finished(let summary) = outcome else { throw Unexpected(outcome) }
      let theirs = try #require(golden["state"]?.object)
      let mine = try #require(JSON(file: output.appending(path: "trainer_state.json")).object)
      #expect(mine.keys.sorted() == theirs.keys.sorted())
      for key in [
        "best_global_step", "global_step", "max_steps", "num_train_epochs", "logging_steps", "eval_steps",
        "save_steps", "train_batch_size", "epoch", "is_world_process_zero",
      ] {
        #expect(mine[key] == theirs[key], "\(key)")
      }
      #expect(mine["best_model_checkpoint"]?.string == output.appending(path: "checkpoint-3").path)
      try expectEqual(mine["log_history"], theirs["log_history"])
      #expect(try TrainingDirectory(url: output).checkpoints == [3, 12])
      let loss = try #require(golden["metrics"]?["train_loss"]?.double)
      #expect(abs((summary.training["train_loss"] ?? 0) / loss - 1) < 1e-5)

      let results = try ["train", "eval", "all"].map { name in
        try #require(JSON(file: output.appending(path: "\(name)_results.json")).object)
      }
      #expect(
        results[0].keys.sorted() == [
          "epoch", "total_flos", "train_loss", "train_runtime", "train_samples", "train_samples_per_second",
          "train_steps_per_second",
        ])
      #expect(
        results[1]["eval_accuracy"] == (theirs["log_history"]?.array ?? []).dropLast().last?["eval_accuracy"])
      #expect(results[2].count == results[0].count + results[1].count - 1)
      // The final model is the last checkpoint's.
      let files = [output, output.appending(path: "checkpoint-12")].map {
        $0.appending(path: "model.safetensors")
      }
      #expect(try Data(contentsOf: files[0]) == Data(contentsOf: files[1]))
      let trained = try registry.open(output).checkpoint
      var inputs = TrainedInputs()
      inputs.maxLength = 512
      #expect(
        trained.activeHeads.map(\.history) == [
          .trained(on: .init(data: ["rows"], examples: 10, steps: 12, inputs: inputs))
        ])
      #expect(trained.configuration["hidden_dropout_prob"]?.double == 0.1)
    }
  }

  /// Entry by entry; what measures time need only be there. Trainer's `compute_metrics` had accuracy and macro F1 alone.
  func expectEqual(_ mine: JSON?, _ theirs: JSON?) throws {
    let (mine, theirs) = (try #require(mine?.array), try #require(theirs?.array))
    #expect(mine.count == theirs.count)
    for (left, right) in zip(mine, theirs) {
      let keys = try #require(right.object?.keys)
      let others = try #require(left.object?.keys).filter { !keys.contains($0) }
      #expect(keys.allSatisfy { left[$0] != nil })
      #expect(others.allSatisfy { $0.hasPrefix("eval_") }, "\(others)")
      for (key, value) in right.object ?? [:] where !key.hasSuffix("_second") && !key.hasSuffix("runtime") {
        let (value, found) = (value.double ?? .nan, left[key]?.double ?? .nan)
        #expect(key == "total_flos" || abs(found - value) <= 1e-5 * abs(value), "\(key) of \(right.text())")
      }
    }
  }

  // MARK: Steps

  @Test func aLossThatIsNoNumberStopsTheRun() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      let error = #expect(throws: GraftError.self) {
        try run(.classification, in: output) {
          $0.learningRate = 1e38
          $0.warmupSteps = 0
          $0.saveSteps = 1
        }
      }
      let description = try #require(error).description
      #expect(description.hasPrefix("step 2: training diverged: the loss is"), "\(description)")
      #expect(description.contains("Lower 'learning-rate'"))
    }
  }

  @Test func accumulatingGivesTheGradientOfOneLargeBatch() throws {
    let results = try [12, 5].map { size in
      let model = try makeModel(.classification, dropout: 0)
      let data = try Dataset(Self.rows(12), for: model)
      let batching = Batching(model: model, data: data, mlmProbability: 0.3)
      let batches = try stride(from: 0, to: 12, by: size).map { start in
        try batching.prepared((start..<min(12, start + size)).map(data.example), key: RandomKey(seed: 1))
      }
      let result = try step(model).run(batches, learningRate: 0.1)
      return result
    }
    #expect(abs(results[0].loss - results[1].loss) < 1e-6)
    #expect(abs(results[0].gradientNorm / results[1].gradientNorm - 1) < 1e-5)
  }

  @Test func aFrozenBackboneStaysAsItIs() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      let source = Support.fixture("sequence-classification")
      _ = try run(.classification, in: output) { $0.freezesBackbone = true }
      let changed = try compare(source, output, registry: registry).changed
      #expect(
        changed.map(\.name).sorted() == ["sequence_classification.bias", "sequence_classification.weight"])
    }
  }

  /// Random weights are not called trained because a run went by.
  @Test func onlyWhatWasTrainedIsMarked() throws {
    let checkpoint = try swapHead(Support.fixture("base"), to: "pretraining", registry: registry).checkpoint
    try withTemporaryDirectory { directory in
      func states(stoppedAfter stop: Int, resume: Bool = false, pairs: Bool = false, _ name: String) throws
        -> [String: Bool]
      {
        let control = TrainingControl()
        if stop == 0 { control.requestStop() }
        let rows = Self.rows(6).map { row in
          pairs ? TextRow(row.text, pair: "x", label: .text("1")) : TextRow(row.text, label: row.label)
        }
        var options = TrainingOptions()
        options.maxSteps = 3
        options.batchSize = 2
        let outcome = try train(
          checkpoint, on: TrainingData(rows, named: ["rows"]), options: options,
          output: directory.appending(path: name), backend: backend, registry: registry, resume: resume,
          control: control
        ) { event in
          if case .step(let report) = event, report.step == stop { control.requestStop() }
        }
        let written =
          if case .interrupted(let checkpoint, _) = outcome { checkpoint } else {
            directory.appending(path: name)
          }
        let heads = try registry.open(written).checkpoint.activeHeads
        return Dictionary(uniqueKeysWithValues: heads.map { ($0.id, !$0.isUntrained) })
      }
      let random = try states(stoppedAfter: 0, "texts")
      #expect(random == ["masked-lm": false, "next-sentence": false])
      let stopped = try states(stoppedAfter: 1, resume: true, "texts")
      #expect(stopped == ["masked-lm": true, "next-sentence": false])
      let finished = try states(stoppedAfter: 9, resume: true, "texts")
      #expect(finished == ["masked-lm": true, "next-sentence": false])
      let both = try states(stoppedAfter: 1, pairs: true, "pairs")
      #expect(both == ["masked-lm": true, "next-sentence": true])
    }
  }

  @Test func progressIsReported() throws {
    try withTemporaryDirectory { directory in
      var (steps, evaluated, saved, removed): ([StepReport], Int, [String], [String]) = ([], 0, [], [])
      var examples: [Int] = []
      _ = try run(.classification, in: directory.appending(path: "out"), change: { $0.saveTotalLimit = 1 }) {
        event in
        switch event {
        case .started(let plan, let completed): #expect(plan.totalSteps == 7 && completed == 0)
        case .step(let report): steps.append(report)
        case .evaluating(let done, let total): examples.append(done * 100 + total)
        case .evaluated: evaluated += 1
        case .saved(let url): saved.append(url.lastPathComponent)
        case .removed(let url): removed.append(url.lastPathComponent)
        case .logged, .prepared, .noted: break
        case .warned(let error): Issue.record(error)
        }
      }
      #expect(steps.map(\.step) == Array(1...7))
      #expect(
        steps.allSatisfy { $0.tokens > 0 && $0.tokensPerSecond > 0 && $0.loss > 0 && $0.gradientNorm > 0 })
      #expect(steps.last?.remaining == 0)
      #expect(evaluated == 3)
      #expect(examples.prefix(2) == [405, 505])
      #expect(saved == [2, 4, 6, 7].map { "checkpoint-\($0)" })
      #expect(removed.count >= 2)
    }
  }

  // MARK: Helpers

  struct Unexpected: Error {
    let outcome: TrainingOutcome?
    init(_ outcome: TrainingOutcome? = nil) { self.outcome = outcome }
  }

  /// A disk that fills up while a certain model is written.
  final class FailingStore: ModelStore {
    struct Full: Error {}
    private let store: any ModelStore
    private let failing: Int
    private var writes = 0

    init(_ store: any ModelStore, failing: Int) {
      self.store = store
      self.failing = failing
    }

    var fingerprint: String { store.fingerprint }

    func write(_ model: Model, into directory: URL, steps: Int, trained: Set<String>) throws {
      try store.write(model, into: directory, steps: steps, trained: trained)
      writes += 1
      if writes == failing { throw Full() }
    }

    func read(_ model: Model, from directory: URL) throws { try store.read(model, from: directory) }
  }

  static func rows(_ count: Int) -> [TextRow] {
    let letters = Array("abcdefghijklmnopqrstuvwxyz")
    return (0..<count).map { row in
      let words = (0..<(3 + row * 5 % 9)).map { String(letters[(row * 7 + $0 * $0) % 26]) }
      return TextRow(words.joined(separator: " "), label: .text(String(row * 3 % 4)))
    }
  }

  func rows(_ golden: JSON?) throws -> TrainingData {
    let rows = try #require(golden?.array).map { row in
      TextRow(row.array?[0].string ?? "", label: row.array?[1].int.map { .text(String($0)) })
    }
    return TrainingData(rows, named: ["rows"])
  }

  func makeModel(_ task: Task, dropout: Double? = nil) throws -> Model {
    var checkpoint = try registry.open(Support.fixture(task.rawValue)).checkpoint
    if let dropout {
      checkpoint.configuration = checkpoint.family.overridingDropout(dropout, in: checkpoint.configuration)
    }
    return try checkpoint.makeModel()
  }

  func step(_ model: Model) throws -> TrainingStep {
    let optimizer = try registry.optimizers.find("adamw").init(
      model.parameters.all, options: OptimizerOptions())
    return TrainingStep(model: model, optimizer: optimizer, maxGradNorm: 1, backend: backend)
  }

  func store(_ task: Task) throws -> CheckpointStore {
    CheckpointStore(
      try registry.open(Support.fixture(task.rawValue)).checkpoint, data: ["rows"], examples: 13,
      registry: registry)
  }

  /// Seven steps of two batches, over 13 rows, with dropout and evaluations.
  func run(
    _ task: Task,
    in output: URL,
    rows: Int = 13,
    store: (any ModelStore)? = nil,
    change: (inout TrainingOptions) -> Void = { _ in },
    resume: Bool = false,
    control: TrainingControl = TrainingControl(),
    observe: @escaping (TrainingEvent) -> Void = { _ in }
  ) throws -> TrainingOutcome {
    var options = TrainingOptions()
    options.batchSize = 3
    options.gradientAccumulationSteps = 2
    options.maxSteps = 7
    options.learningRate = 2e-3
    options.warmupSteps = 1
    options.weightDecay = 0.1
    options.mlmProbability = 0.3
    options.loggingSteps = 3
    options.evalStrategy = .steps
    options.evalBatchSize = 4
    options.saveSteps = 2
    options.saveTotalLimit = 2
    change(&options)
    let checkpoint = try registry.open(Support.fixture(task.rawValue)).checkpoint
    let model = try checkpoint.makeModel(frozen: options.freezesBackbone ? .backbone : .none)
    let run = TrainingRun(
      model: model, options: options, output: output, store: try store ?? self.store(task),
      optimizer: try registry.optimizers.find("adamw"),
      optimizerFormat: try registry.formats.find("safetensors").init(),
      backend: backend)
    return try run.train(
      on: Dataset(Self.rows(rows), for: model), evaluating: Dataset(Self.rows(5), for: model), resume: resume,
      control: control, observe: observe)
  }

  func expectSameEnd(_ output: URL, _ undisturbed: URL) throws {
    let ends = [output, undisturbed]
    let weights = try ends.map { try Data(contentsOf: $0.appending(path: "model.safetensors")) }
    #expect(weights[0] == weights[1])
    let histories = try ends.map { end in
      try #require(JSON(file: end.appending(path: "trainer_state.json"))["log_history"]?.array).map { entry in
        (entry.object ?? [:]).filter { !$0.key.hasSuffix("_second") && !$0.key.hasSuffix("runtime") }
      }
    }
    #expect(histories[0] == histories[1])
    let best = try ends.map { try JSON(file: $0.appending(path: "trainer_state.json"))["best_global_step"] }
    #expect(best[0] == best[1])
  }
}
