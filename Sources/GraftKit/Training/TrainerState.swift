import Foundation
import GraftTensors
import OrderedCollections

/// What a run has come to: the content of `trainer_state.json`, which transformers reads as well, and the sums
/// that are needed to go on exactly.
///
/// https://github.com/huggingface/transformers/blob/v5.0.0/src/transformers/trainer_callback.py
public struct TrainerState: Sendable, Equatable {
  /// How many steps are done.
  public var globalStep = 0
  /// Every log entry: `loss`, `grad_norm` and `learning_rate`; evaluations; at the end the summary.
  public var history: [[String: Double]] = []
  /// The best evaluation: its usual score or, for heads without, its loss, unless another score decides.
  public var best: Best?
  /// The step of the newest checkpoint whose evaluation was the best so far.
  public var bestCheckpoint: Int?
  /// How many tokens were trained on.
  public var tokens = 0
  /// The names of the parameters that any step has changed.
  var trained: Set<String> = []
  /// The sum of all steps' losses.
  var lossSum = 0.0
  /// The part of it that is not in the history yet, and how many steps it is of.
  var unloggedLoss = 0.0
  var unloggedSteps = 0
  /// The same for each of several heads, by name.
  var heads: [String: HeadSums] = [:]

  /// The losses of one of several heads.
  struct HeadSums: Sendable, Equatable {
    var lossSum = 0.0
    var steps = 0
    var unloggedLoss = 0.0
    var unloggedSteps = 0
  }

  /// The best evaluation.
  public struct Best: Sendable, Equatable {
    public var step: Int
    public var metric: Double
  }

  package static let fileName = "trainer_state.json"
  static let progressName = "training_progress.json"

  init() {}

  /// Counts a step, of one of several heads where a name is given.
  mutating func add(_ result: TrainingStep.Result, tokens: Int, head: String? = nil) {
    globalStep += 1
    lossSum += result.loss
    unloggedLoss += result.loss
    unloggedSteps += 1
    self.tokens += tokens
    trained.formUnion(result.trained)
    guard let head else { return }
    heads[head, default: HeadSums()].lossSum += result.loss
    heads[head, default: HeadSums()].steps += 1
    heads[head, default: HeadSums()].unloggedLoss += result.loss
    heads[head, default: HeadSums()].unloggedSteps += 1
  }

  /// Adds an entry to the history, with the epoch and the step.
  ///
  /// - Returns: The entry.
  mutating func log(_ values: [String: Double], _ plan: TrainingPlan) -> [String: Double] {
    var entry = values
    entry["epoch"] = plan.epochs(after: globalStep)
    entry["step"] = Double(globalStep)
    history.append(entry)
    return entry
  }

  /// The mean loss since this was last asked.
  mutating func takeUnloggedLoss() -> Double {
    defer { (unloggedLoss, unloggedSteps) = (0, 0) }
    return unloggedLoss / Double(max(1, unloggedSteps))
  }

  /// The mean loss of each of several heads since this was last asked, of those that had a step.
  mutating func takeUnloggedLosses() -> [String: Double] {
    let losses = heads.filter { $0.value.unloggedSteps > 0 }.mapValues {
      $0.unloggedLoss / Double($0.unloggedSteps)
    }
    for head in heads.keys {
      heads[head]?.unloggedLoss = 0
      heads[head]?.unloggedSteps = 0
    }
    return losses
  }

  /// The mean loss of each of several heads over all its steps.
  var meanLosses: [String: Double] {
    heads.filter { $0.value.steps > 0 }.mapValues { $0.lossSum / Double($0.steps) }
  }

  /// The evaluation of a step, over all sets; `nil` when one is not done.
  ///
  /// - Parameter sets: How many sets there are, each of which has an entry of its own.
  func evaluation(at step: Int, sets: Int = 1) -> [String: Double]? {
    let entries = history.filter { $0["step"] == Double(step) && $0.keys.contains { $0.hasPrefix("eval_") } }
    guard sets > 0, entries.count >= sets else { return nil }
    return entries.suffix(sets).reduce(into: [:]) { $0.merge($1) { first, _ in first } }
  }

  /// Remembers the evaluation of the current step, when it is better than all before; of equals the first is the best.
  mutating func consider(_ results: [String: Double], by choice: BestChoice) {
    let score = choice.score(among: results)
    guard let value = results[score], value.isFinite else { return }
    // A run that was begun with an earlier version may have gone by another score.
    let known = best.map { best in
      history.first { $0["step"] == Double(best.step) && $0[score] != nil }?[score] ?? best.metric
    }
    guard known.map({ choice.isBetter(value, than: $0, among: results) }) ?? true else { return }
    best = Best(step: globalStep, metric: value)
  }

  /// Remembers that there is a checkpoint of the current step.
  mutating func markSaved() {
    if best?.step == globalStep { bestCheckpoint = globalStep }
  }

  /// How many evaluations in a row, up to the last, brought no progress, as transformers' `EarlyStoppingCallback` counts
  /// them. Those of several sets at one step are one.
  ///
  /// - Parameter threshold: What a score has to get better by.
  func evaluationsWithoutProgress(by choice: BestChoice, threshold: Double) -> Int {
    var steps: OrderedDictionary<Double, [String: Double]> = [:]
    for entry in history { steps[entry["step"] ?? 0, default: [:]].merge(entry) { $1 } }
    var (count, best) = (0, Double?.none)
    for (step, results) in steps where step != 0 {
      guard let value = results[choice.score(among: results)] else { continue }
      guard let known = best else {
        best = value
        continue
      }
      let isBetter = choice.isBetter(value, than: known, among: results)
      count = isBetter && abs(value - known) > threshold ? 0 : count + 1
      if isBetter { best = value }
    }
    return count
  }

  // MARK: Files

  /// The text of `trainer_state.json`.
  func document(_ plan: TrainingPlan, _ options: TrainingOptions, directory: URL) -> String {
    let checkpoint = bestCheckpoint.map {
      directory.appendingPathComponent(TrainingDirectory.name(ofStep: $0)).path
    }
    let document: JSON = [
      "best_global_step": best.map { JSON($0.step) } ?? .null,
      "best_metric": best.map { JSON($0.metric) } ?? .null,
      "best_model_checkpoint": checkpoint.map { .string($0) } ?? .null,
      "epoch": JSON(plan.epochs(after: globalStep)),
      "eval_steps": JSON(options.evalSteps ?? options.loggingSteps),
      "global_step": JSON(globalStep),
      "is_hyper_param_search": false,
      "is_local_process_zero": true,
      "is_world_process_zero": true,
      "log_history": .array(history.map(TrainerState.entry)),
      "logging_steps": JSON(options.loggingSteps),
      "max_steps": JSON(plan.totalSteps),
      "num_input_tokens_seen": JSON(tokens),
      "num_train_epochs": JSON(plan.epochs),
      "save_steps": JSON(options.saveSteps),
      "stateful_callbacks": [:],
      "total_flos": 0.0,
      "train_batch_size": JSON(plan.batchSize),
      "trial_name": .null,
      "trial_params": .null,
    ]
    return document.text(.sorted) + "\n"
  }

  /// The text of `training_progress.json`: what `trainer_state.json` has no place for.
  var progressDocument: String {
    var document: OrderedDictionary<String, JSON> = [
      "loss_sum": JSON(lossSum), "unlogged_loss": JSON(unloggedLoss), "unlogged_steps": JSON(unloggedSteps),
      "trained": .array(trained.sorted().map { .string($0) }),
    ]
    if !heads.isEmpty {
      document["heads"] = .object(
        OrderedDictionary(uniqueKeysWithValues: heads.map { ($0.key, $0.value.json) }))
    }
    return JSON.object(document).text(.sorted) + "\n"
  }

  /// Reads both files of a checkpoint.
  ///
  /// - Throws: `GraftError` when one is missing or not what was written.
  init(readingFrom directory: URL) throws {
    try self.init(
      JSON(file: directory.appendingPathComponent(TrainerState.fileName)),
      JSON(file: directory.appendingPathComponent(TrainerState.progressName)), of: directory)
  }

  /// Reads what both files hold.
  init(_ state: JSON, _ progress: JSON, of directory: URL) throws {
    // Sums go on from these numbers; those of a real run are far from overflowing.
    let counts = 0...(1 << 53)
    guard let step = state["global_step"]?.int, counts.contains(step),
      let tokens = state["num_input_tokens_seen"]?.int, counts.contains(tokens),
      let entries = state["log_history"]?.array, let lossSum = progress["loss_sum"]?.double,
      let unloggedLoss = progress["unlogged_loss"]?.double,
      let unloggedSteps = progress["unlogged_steps"]?.int,
      counts.contains(unloggedSteps), let trained = progress["trained"]?.array,
      let heads = TrainerState.heads(in: progress, steps: counts)
    else {
      throw GraftError(
        .malformed, "not the state of a training run", file: directory.path,
        advice: "Remove this checkpoint to resume from the one before.")
    }
    globalStep = step
    self.tokens = tokens
    history = entries.map { entry in
      (entry.object ?? [:]).reduce(into: [:]) { $0[$1.key] = $1.value.double }
    }
    if let step = state["best_global_step"]?.int, let metric = state["best_metric"]?.double {
      best = Best(step: step, metric: metric)
    }
    bestCheckpoint = state["best_model_checkpoint"]?.string.flatMap {
      TrainingDirectory.step(of: URL(fileURLWithPath: $0).lastPathComponent)
    }
    self.trained = Set(trained.compactMap(\.string))
    self.heads = heads
    self.lossSum = lossSum
    self.unloggedLoss = unloggedLoss
    self.unloggedSteps = unloggedSteps
  }

  /// The sums of several heads in a stored document; `nil` when they are not what was written.
  private static func heads(in progress: JSON, steps: ClosedRange<Int>) -> [String: HeadSums]? {
    var heads: [String: HeadSums] = [:]
    for (name, stored) in progress["heads"]?.object ?? [:] {
      guard let sums = HeadSums(stored, steps: steps) else { return nil }
      heads[name] = sums
    }
    return heads
  }

  private static func entry(_ values: [String: Double]) -> JSON {
    .object(
      OrderedDictionary(
        uniqueKeysWithValues: values.sorted { $0.key < $1.key }.map { key, value in
          (key, key == "step" ? JSON(count: value) : JSON(value))
        }))
  }
}

extension TrainerState.HeadSums {
  fileprivate var json: JSON {
    [
      "loss_sum": JSON(lossSum), "steps": JSON(steps), "unlogged_loss": JSON(unloggedLoss),
      "unlogged_steps": JSON(unloggedSteps),
    ]
  }

  fileprivate init?(_ json: JSON, steps counts: ClosedRange<Int>) {
    guard let lossSum = json["loss_sum"]?.double, let steps = json["steps"]?.int, counts.contains(steps),
      let unloggedLoss = json["unlogged_loss"]?.double, let unloggedSteps = json["unlogged_steps"]?.int,
      counts.contains(unloggedSteps)
    else { return nil }
    self.init(lossSum: lossSum, steps: steps, unloggedLoss: unloggedLoss, unloggedSteps: unloggedSteps)
  }
}

extension JSON {
  /// Parses a small file.
  ///
  /// - Throws: `GraftError` naming the file.
  package init(file: URL) throws {
    do {
      try self.init(parsing: RandomAccessFile(file).bytesOfWholeFile(limit: 1 << 28))
    } catch let error as GraftError {
      throw error.inFile(file.path)
    }
  }

  /// The numbers of an evaluation or a summary, as `Trainer` writes them: `eval_results.json`.
  package init(results: [String: Double]) {
    self = .object(
      OrderedDictionary(
        uniqueKeysWithValues: results.sorted { $0.key < $1.key }.map { key, value in
          let isCount =
            key.hasSuffix("_samples") || key.hasSuffix("_windows") || key == "max_length"
            || key == "truncated_texts"
          return (key, isCount ? JSON(count: value) : JSON(value))
        }))
  }
}
