import Foundation
import GraftCompute
import GraftCore
import GraftTensors

/// One `train(…)`: what changes while it runs.
final class TrainingLoop {
  let run: TrainingRun
  let data: Dataset
  let evaluationData: Dataset?
  private let control: TrainingControl
  private let profile: Profile?
  private let observe: (TrainingEvent) -> Void

  let plan: TrainingPlan
  private let arguments: TrainingArguments
  let directory: TrainingDirectory
  private let randomness: Randomness
  private let batching: Batching
  private let optimizer: any Optimizer
  private let pool = MemoryPool()
  private let step: TrainingStep

  var state = TrainerState()
  /// Whether the output directory is this run's.
  private var hasBegun = false
  private var order: (epoch: Int, examples: [Int]) = (-1, [])
  var meter = Meter()
  let start = ContinuousClock.now

  private var options: TrainingOptions { run.options }

  /// An evaluation gave way to a request to stop.
  private struct Stopped: Error {}

  /// What this process has done, for rates.
  struct Meter {
    var steps = 0
    var samples = 0
    var tokens = 0
    var seconds = 0.0
  }

  init(
    _ run: TrainingRun, data: Dataset, evaluationData: Dataset?, control: TrainingControl,
    profile: Profile?, observe: @escaping (TrainingEvent) -> Void
  ) {
    self.run = run
    self.data = data
    self.evaluationData = evaluationData
    self.control = control
    self.profile = profile
    self.observe = observe
    plan = TrainingPlan(examples: data.count, options: run.options)
    arguments = TrainingArguments(run, data: data, evaluationData: evaluationData)
    directory = TrainingDirectory(url: run.output)
    randomness = Randomness(run.options.seed)
    batching = Batching(
      model: run.model, data: data, mlmProbability: Float(run.options.mlmProbability))
    optimizer = run.optimizerType.init(
      run.model.parameters.all.filter(\.needsGradient),
      options: OptimizerOptions(weightDecay: Float(run.options.weightDecay)))
    step = TrainingStep(
      model: run.model, optimizer: optimizer, maxGradNorm: run.options.maxGradNorm, backend: run.backend,
      pool: pool)
  }

  // MARK: The course of a run

  func run(resume: Bool) throws -> TrainingOutcome {
    let isNew = !FileManager.default.fileExists(atPath: directory.url.path)
    do {
      return try proceed(resume: resume)
    } catch {
      // A run that failed before its first checkpoint left nothing to resume: clear the way for the next.
      if hasBegun { directory.abandon(removingIt: isNew) }
      throw error
    }
  }

  private func proceed(resume: Bool) throws -> TrainingOutcome {
    if let summary = try begin(resume: resume) { return .alreadyFinished(summary) }
    observe(.started(plan, completedSteps: state.globalStep))
    do {
      // A run that was stopped while it evaluated has the checkpoint but not the evaluation.
      let isDue = state.globalStep > 0 ? isEvaluationDue : options.evalOnStart
      if isDue, state.evaluation(at: state.globalStep) == nil {
        try evaluate(isSaved: state.globalStep > 0 && isSavingDue)
      }
      while state.globalStep < plan.totalSteps {
        if control.isStopRequested { throw Stopped() }
        try takeStep()
      }
      return .finished(try finish())
    } catch is Stopped {
      if try !directory.checkpoints.contains(state.globalStep) { try save() }
      return .interrupted(checkpoint: directory.checkpoint(state.globalStep), step: state.globalStep)
    }
  }

  /// Makes the output directory, or takes up what is in it.
  ///
  /// - Returns: The results, when the run has finished already.
  private func begin(resume: Bool) throws -> TrainingSummary? {
    if resume { try directory.removeDebris() }
    if resume, try directory.hasRun {
      try arguments.check(against: directory.url)
      hasBegun = true
      if let summary = try finishedSummary() { return summary }
      if let newest = try directory.checkpoints.last { try restore(directory.checkpoint(newest)) }
    } else {
      try directory.create()
      hasBegun = true
      try write(arguments.document, TrainingArguments.fileName, in: directory.url)
    }
    return nil
  }

  private func takeStep() throws {
    let clock = ContinuousClock.now
    // The first steps get their memory from the system.
    let index = state.globalStep
    let profile = meter.steps < min(2, plan.totalSteps - (index - meter.steps) - 1) ? nil : profile
    let epoch = plan.epoch(ofStep: index)
    let numbers = plan.batches(ofStep: index)
    let running = numbers.map { epoch * plan.batchesPerEpoch + $0 }
    let batches = try profile.measure("tokenizing and masking") {
      try zip(numbers, running).map { number, running in
        let examples = try batching.examples(examples(ofEpoch: epoch)[plan.examples(ofBatch: number)])
        return try batching.prepared(examples, key: randomness.masks(batch: running))
      }
    }
    let learningRate =
      options.learningRate
      * options.schedule.factor(step: index, warmupSteps: options.warmupSteps, totalSteps: plan.totalSteps)
    let result: TrainingStep.Result
    do {
      result = try step.run(
        batches, learningRate: learningRate,
        dropoutKeys: options.dropout == 0 ? nil : running.map(randomness.dropout), profile: profile)
    } catch var error as GraftError {
      error.subject = error.subject ?? "step \(index + 1)"
      throw error
    }
    let tokens = batches.reduce(0) { $0 + $1.inputs.tokenCount }
    state.add(result, tokens: tokens)
    meter.steps += 1
    meter.samples += batches.reduce(0) { $0 + $1.inputs.sequenceCount }
    meter.tokens += tokens
    meter.seconds += clock.secondsSince
    observe(.step(report(result, learningRate: learningRate, tokens: tokens)))
    try endStep(result, learningRate: learningRate)
  }

  /// Logs, evaluates and saves, in `Trainer`'s order, where it is time.
  private func endStep(_ result: TrainingStep.Result, learningRate: Double) throws {
    if state.globalStep % options.loggingSteps == 0 {
      let values = [
        "loss": state.takeUnloggedLoss(), "grad_norm": result.gradientNorm, "learning_rate": learningRate,
      ]
      observe(.logged(state.log(values, plan)))
    }
    let isSaved = isSavingDue
    if isEvaluationDue { try evaluate(isSaved: isSaved) }
    if isSaved { try save() }
  }

  private var isEvaluationDue: Bool {
    options.isDue(
      options.evalStrategy, every: options.evalSteps ?? options.loggingSteps, at: state.globalStep, plan)
  }

  private var isSavingDue: Bool {
    options.isDue(options.saveStrategy, every: options.saveSteps, at: state.globalStep, plan)
      || options.saveStrategy != .no && state.globalStep == plan.totalSteps
  }

  private func examples(ofEpoch epoch: Int) -> [Int] {
    if order.epoch != epoch {
      order =
        (epoch, options.shuffles ? randomness.order(epoch: epoch, count: data.count) : Array(0..<data.count))
    }
    return order.examples
  }

  private func report(_ result: TrainingStep.Result, learningRate: Double, tokens: Int) -> StepReport {
    let seconds = max(meter.seconds, 1e-9)
    return StepReport(
      step: state.globalStep, totalSteps: plan.totalSteps, epoch: plan.epochs(after: state.globalStep),
      loss: result.loss, learningRate: learningRate, gradientNorm: result.gradientNorm, tokens: tokens,
      tokensPerSecond: Double(meter.tokens) / seconds, samplesPerSecond: Double(meter.samples) / seconds,
      remaining: seconds / Double(meter.steps) * Double(plan.totalSteps - state.globalStep))
  }

  // MARK: Evaluating

  /// - Parameter isSaved: Whether the weights that are evaluated are or will be in a checkpoint.
  func evaluate(isSaved: Bool) throws {
    guard let evaluationData else { return }
    let options = EvaluationOptions(
      batchSize: options.evalBatchSize, mlmProbability: Float(options.mlmProbability),
      seed: options.seed)
    let evaluation = try GraftKit.evaluate(
      run.model, on: evaluationData, options: options, backend: run.backend, pool: pool
    ) { done in
      if control.isStopRequested { throw Stopped() }
      observe(.evaluating(done: done, total: evaluationData.count))
    }
    if isSaved { state.consider(evaluation.results) }
    observe(.evaluated(state.log(evaluation.results, plan)))
  }

  // MARK: Saving

  private func save() throws {
    let target = directory.checkpoint(state.globalStep)
    try DirectoryWriter.write(target, replacing: true) { temporary in
      try writeModel(into: temporary)
      try run.optimizerFormat.write(optimizer.state, to: temporary.appendingPathComponent(optimizerName))
      try write(arguments.document, TrainingArguments.fileName, in: temporary)
      try write(state.progressDocument, TrainerState.progressName, in: temporary)
      try writeState(in: temporary)
    }
    observe(.saved(target))
    let kept = options.keptSteps.union([state.best?.step].compactMap { $0 })
    for removed in try directory.rotate(keeping: options.saveTotalLimit, steps: kept) {
      observe(.removed(removed))
    }
  }

  /// Writes the model and its card.
  func writeModel(into directory: URL) throws {
    try run.store.write(run.model, into: directory, steps: state.globalStep, trained: state.trained)
    try run.store.writeCard(
      into: directory,
      TrainingFacts(
        name: run.output.standardizedFileURL.lastPathComponent, options: options, examples: data.count,
        evaluationExamples: evaluationData?.count, history: state.history,
        backend: type(of: run.backend).name, precision: run.backend.precision))
  }

  private func restore(_ checkpoint: URL) throws {
    try arguments.check(against: checkpoint)
    state = try TrainerState(readingFrom: checkpoint)
    guard state.globalStep <= plan.totalSteps else {
      throw GraftError(
        .malformed, "not the state of this run", file: checkpoint.path, subject: "key 'global_step'",
        expected: "at most \(plan.totalSteps)", found: "\(state.globalStep)",
        advice: "Remove this checkpoint to resume from the one before.")
    }
    try run.store.read(run.model, from: checkpoint)
    let file = checkpoint.appendingPathComponent(optimizerName)
    do {
      try optimizer.restore(try run.optimizerFormat.open(file))
    } catch let error as GraftError {
      throw error.inFile(file.path)
    }
  }

  private var optimizerName: String {
    let name = type(of: run.optimizerFormat).fileNames.first ?? "model.bin"
    return "optimizer.\((name as NSString).pathExtension)"
  }

  func writeState(in directory: URL) throws {
    try write(state.document(plan, options, directory: run.output), TrainerState.fileName, in: directory)
  }

  func write(_ text: String, _ name: String, in directory: URL) throws {
    try FileWriter.write(directory.appendingPathComponent(name), text: text)
  }
}
