import Foundation
import GraftCompute
import GraftCore
import GraftTensors

/// One `train(…)`: what changes while it runs.
final class TrainingLoop {
  let run: TrainingRun
  let heads: [RunHead]
  let evaluations: [EvaluationSet]
  private let control: TrainingControl
  private let profile: Profile?
  let observe: (TrainingEvent) -> Void

  let plan: TrainingPlan
  let arguments: TrainingArguments
  let directory: TrainingDirectory
  private let courses: [HeadCourse]
  /// What is there to learn in any step, frozen parameters included.
  let parameters: [Parameter]
  let optimizer: any Optimizer
  let groupReduction: GroupReduction?
  private let pool = MemoryPool()
  private let rates: LayerRates
  let average: WeightAverage?
  private let choice: BestChoice
  /// The k of the top-k accuracies of each head.
  private let topRanks: [[Int]?]

  var state = TrainerState()
  /// Held while the run is at work in the output directory.
  private var lock: DirectoryLock?
  /// Whether the output directory is this run's.
  private var hasBegun = false
  /// Whether the run ends before its last step.
  private var hasStopped = false
  /// Whose turn each step of an epoch is, of several heads.
  private var turns: (epoch: Int, all: [(head: Int, step: Int)]) = (-1, [])
  var meter = Meter()
  let start = ContinuousClock.now

  var options: TrainingOptions { run.options }
  var group: any ProcessGroup { run.ranks.group }

  /// An evaluation gave way to a request to stop.
  private struct Stopped: Error {}

  /// What this process has done, for rates.
  struct Meter {
    var steps = 0
    /// Rows; of one that is read in windows, its share for each.
    var samples = 0.0
    var tokens = 0
    var seconds = 0.0
    /// Of the first step of the run, where that is not of an earlier start.
    var firstLoss: Double?
  }

  init(
    _ run: TrainingRun, _ heads: [RunHead], evaluations: [EvaluationSet], control: TrainingControl,
    profile: Profile?, observe: @escaping (TrainingEvent) -> Void
  ) throws {
    self.run = run
    self.heads = heads
    self.evaluations = evaluations
    self.control = control
    self.profile = profile
    self.observe = observe
    plan = try run.options.plan(of: heads)
    arguments = try TrainingArguments(run, heads, evaluations: evaluations)
    directory = TrainingDirectory(url: run.output)
    let losses = try run.options.classLosses(of: heads)
    parameters = heads.parameters
    let trained = parameters.filter(\.needsGradient)
    rates = LayerRates(trained, of: run.model, run.options)
    average = run.options.emaDecay.map { WeightAverage(trained, decay: $0, backend: run.backend) }
    choice = BestChoice(run.options)
    try run.options.checkAverage(plan)
    let tasks = try heads.map { try $0.model.requireHead().task }
    topRanks = try run.options.topRanks(of: tasks)
    if let tuning = run.options.thresholdTuning {
      for task in tasks { try task.checkThresholds(tuning) }
    }
    groupReduction =
      run.ranks.isAlone
      ? nil
      : GroupReduction(
        run.ranks.group, run.ranks.gradientPrecision, trained, sharing: run.optimizerType.isElementwise,
        kernels: run.backend.kernels, profile: profile)
    optimizer = run.optimizerType.init(
      groupReduction?.ownParameters ?? trained,
      options: OptimizerOptions(weightDecay: Float(run.options.weightDecay)))
    let reduction: any GradientReduction = groupReduction ?? NoReduction()
    courses = heads.enumerated().map { [plan, optimizer, pool] place, head in
      HeadCourse(
        head, place: place, plan: plan.turns?.parts[place] ?? plan, classLoss: losses[place],
        step: TrainingStep(
          model: head.model, optimizer: optimizer, maxGradNorm: run.options.maxGradNorm,
          backend: run.backend, pool: pool, reduction: reduction,
          generator: run.options.trainsGenerator ? head.generator : nil,
          discriminatorWeight: run.options.discriminatorWeight),
        run.options, run.ranks.group)
    }
  }

  // MARK: The course of a run

  func run(resume: Bool) throws -> TrainingOutcome {
    let isNew = !FileManager.default.fileExists(atPath: directory.url.path)
    try plan.checkRanks(group)
    try requireSameRanks(resume: resume)
    // The model outlives the run.
    defer { groupReduction?.releaseGradients() }
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
    if state.globalStep < plan.totalSteps { try shareMemory() }
    try spreadWeights()
    observe(.started(plan, completedSteps: state.globalStep))
    for note in options.remarks(on: plan) { observe(.noted(note)) }
    if let counts = plan.turns?.counts(after: plan.totalSteps) {
      for (head, count) in zip(heads, counts) where count == 0 {
        observe(.noted(.headWithoutSteps(head.name ?? "")))
      }
    }
    do {
      // A run that was stopped while it evaluated has the checkpoint but not the evaluation.
      let isDue = state.globalStep > 0 ? isEvaluationDue : options.evalOnStart
      if isDue, state.evaluation(at: state.globalStep, sets: evaluations.count) == nil {
        _ = try evaluate(counts: state.globalStep > 0)
        // What goes on from the same checkpoint again knows of it, and logs it no second time.
        if state.globalStep > 0 {
          state.markSaved()
          try group.onLeader { try writeState(in: directory.checkpoint(state.globalStep)) }
        }
      }
      while state.globalStep < plan.totalSteps, !hasStopped {
        try takeStep()
      }
      if state.globalStep < plan.totalSteps {
        let isOfLastStep = !options.loadsBestModelAtEnd && options.averageLast == nil
        let best = state.best.flatMap { isOfLastStep && $0.step < state.globalStep ? $0.step : nil }
        observe(
          .noted(
            .stoppedEarly(
              step: state.globalStep, evaluations: options.earlyStoppingPatience ?? 0, best: best)))
      }
      return .finished(try finish())
    } catch is Stopped {
      if try !checkpoints().contains(state.globalStep) { try save() }
      return .interrupted(checkpoint: directory.checkpoint(state.globalStep), step: state.globalStep)
    }
  }

  /// Makes the output directory, or takes up what is in it.
  ///
  /// - Returns: The results, when the run has finished already.
  private func begin(resume: Bool) throws -> TrainingSummary? {
    let summary = try group.valueFromLeader { try enter(resume: resume) }
    if let summary { return summary }
    try checkScore()
    if resume, let newest = try checkpoints().last { try restoreNewest(newest) }
    return nil
  }

  /// What rank 0 does in the output directory to begin.
  ///
  /// - Returns: The results, when the run has finished already.
  private func enter(resume: Bool) throws -> TrainingSummary? {
    if resume, try directory.hasRun {
      lock = try DirectoryLock(directory.url)
      try directory.removeDebris(isAlone: true)
      let before = try TrainingArguments.length(in: directory.url, options) { try $0.plan(of: heads) }
      let isLonger = before > 0 && plan.totalSteps > before
      let mayGoOn = try isLonger || hasStoppedEarly(before)
      try arguments.check(against: directory.url, mayBeLonger: mayGoOn)
      hasBegun = true
      let writers = try arguments.addedWriters(to: directory.url)
      if try mayGoOn && mayGoOnAfterStopping(before, isLonger: isLonger) {
        try extend(from: before)
      } else if let summary = try finishedSummary() {
        return summary
      }
      if !writers.isEmpty {
        observe(.noted(.addedWriters(writers)))
        // It is said once.
        try write(arguments.document, TrainingArguments.fileName, in: directory.url)
      }
    } else {
      try directory.create()
      lock = try DirectoryLock(directory.url)
      // Another process may have begun one since.
      try directory.create()
      hasBegun = true
      try write(arguments.document, TrainingArguments.fileName, in: directory.url)
      for (name, text) in run.records { try write(text, name, in: directory.url) }
    }
    return nil
  }

  /// Whether a run of so many steps has finished before its last.
  private func hasStoppedEarly(_ steps: Int) throws -> Bool {
    guard let newest = try directory.checkpoints.last, newest < steps, try finishedSummary() != nil else {
      return false
    }
    // Later checkpoints of a run that went to its end may be gone.
    let state = directory.url.appendingPathComponent(TrainerState.fileName)
    return try JSON(file: state)["global_step"]?.int == newest
  }

  /// Whether early stopping, which ended the run, would let it go on now.
  ///
  /// - Throws: `GraftError` of kind `refused` where it would not, and the run is to be longer.
  private func mayGoOnAfterStopping(_ steps: Int, isLonger: Bool) throws -> Bool {
    guard try hasStoppedEarly(steps), let newest = try directory.checkpoints.last,
      let patience = options.earlyStoppingPatience
    else { return true }
    let count = try TrainerState(readingFrom: directory.checkpoint(newest))
      .evaluationsWithoutProgress(by: choice, threshold: options.earlyStoppingThreshold)
    guard isLonger, count >= patience else { return count < patience }
    throw GraftError(
      .refused,
      "the run stopped after step \(newest): \(NumberText.count(count, "evaluation")) in a row brought no progress",
      file: directory.url.path, option: "early-stopping-patience", expected: "more than \(count)",
      found: "\(patience)", advice: "Raise it to go on, or leave it out.")
  }

  /// Makes a run that was begun for fewer steps, or that stopped early, one of as many as are wanted now.
  private func extend(from before: Int) throws {
    let newest = try directory.checkpoints.last
    if newest == nil, try finishedSummary() != nil {
      throw GraftError(
        .missing, "the run has kept no checkpoint to go on from", file: directory.url.path,
        advice: "Start a new run with its model, or save checkpoints: \(option: "save-strategy").")
    }
    // In this order, so that a run that is killed here is extended the next time.
    try removeResults()
    try write(arguments.document, TrainingArguments.fileName, in: directory.url)
    guard plan.totalSteps > before else { return }
    observe(
      .noted(
        .extended(
          from: before, to: plan.totalSteps,
          lastRate: options.learningRate(at: max(0, (newest ?? 0) - 1), of: before),
          nextRate: options.learningRate(at: newest ?? 0, of: plan.totalSteps))))
  }

  /// Looks whether evaluations have brought no progress for as long as the options bear it.
  func checkProgress() {
    guard let patience = options.earlyStoppingPatience else { return }
    let count = state.evaluationsWithoutProgress(by: choice, threshold: options.earlyStoppingThreshold)
    hasStopped = count >= patience
  }

  /// Makes sure, before anything is trained, that evaluations have the score that decides.
  private func checkScore() throws {
    guard choice.score != nil, !evaluations.isEmpty else { return }
    var all: [String: Double] = [:]
    for (place, head) in heads.enumerated() {
      let sets = evaluations.filter { $0.head == place }
      guard let first = sets.first else { continue }
      let results = try scoreNames(of: place) ?? scores(of: head, on: first)
      for set in sets { all.merge(set.named(results)) { first, _ in first } }
    }
    try choice.check(all)
  }

  /// All that a head's task says that evaluations may have, each as 0.
  ///
  /// - Parameter place: The head's place in the list of heads.
  private func scoreNames(of place: Int) throws -> [String: Double]? {
    let task = try heads[place].model.requireHead().task
    return task.evaluationScores(topRanks: topRanks[place]).map { names in
      Dictionary(uniqueKeysWithValues: names.map { ("eval_\($0)", 0) })
    }
  }

  /// The results of as many rows as hold some of everything, where the task does not say what there may be.
  private func scores(of head: RunHead, on set: EvaluationSet) throws -> [String: Double] {
    try GraftKit.evaluate(
      head.model, on: set.data.prefix(64), options: EvaluationOptions(batchSize: options.evalBatchSize),
      backend: run.backend, pool: pool, generator: head.generator
    ).results
  }

  /// The head that a step trains, and how many steps it has had before.
  private func turn(_ step: Int) -> (course: HeadCourse, step: Int) {
    guard let turns = plan.turns else { return (courses[0], step) }
    let (epoch, place) = step.quotientAndRemainder(dividingBy: plan.stepsPerEpoch)
    if self.turns.epoch != epoch { self.turns = (epoch, turns.turns(ofEpoch: epoch)) }
    let turn = self.turns.all[place]
    return (courses[turn.head], turn.step)
  }

  private func takeStep() throws {
    let clock = ContinuousClock.now
    // The first steps get their memory from the system.
    let index = state.globalStep
    let profile = meter.steps < min(2, plan.totalSteps - (index - meter.steps) - 1) ? nil : profile
    groupReduction?.profile = profile
    let (course, own) = turn(index)
    let batches = try profile.measure("tokenizing and masking") { try course.batches(ofStep: own) }
    let tokens = batches.prepared.reduce(0) { $0 + $1.inputs.tokenCount }
    // One exchange for all that ranks have to agree on before a step.
    let sums = try group.sum([control.isStopRequested ? 1 : 0, Double(tokens), Double(batches.examples)])
    if sums[0] > 0 { throw Stopped() }
    let learningRate = options.learningRate(at: index, of: plan.totalSteps)
    rates.thaw(for: index)
    let result: TrainingStep.Result
    do {
      result = try course.step.run(
        batches.prepared, learningRate: learningRate,
        dropoutKeys: options.dropout == 0 ? nil : batches.dropout, profile: profile)
    } catch var error as GraftError {
      error.subject = error.subject ?? "step \(index + 1)"
      throw error
    }
    average?.update()
    let allTokens = Int(sums[1])
    state.add(result, tokens: allTokens, head: course.head.name)
    if index == 0 { meter.firstLoss = result.loss }
    meter.steps += 1
    meter.samples += sums[2] * course.head.data.rowsPerExample
    meter.tokens += allTokens
    meter.seconds += clock.secondsSince
    observe(.step(report(result, learningRate: learningRate, tokens: allTokens, head: course.head.name)))
    try endStep(result, learningRate: learningRate)
  }

  /// Logs, evaluates and saves, in `Trainer`'s order, where it is time.
  private func endStep(_ result: TrainingStep.Result, learningRate: Double) throws {
    if state.globalStep % options.loggingSteps == 0 {
      var values = [
        "loss": state.takeUnloggedLoss(), "grad_norm": result.gradientNorm, "learning_rate": learningRate,
      ]
      for (head, loss) in state.takeUnloggedLosses() { values["\(head)_loss"] = loss }
      observe(.logged(state.log(values, plan)))
    }
    var isSaved = isSavingDue
    if isEvaluationDue {
      let isBest = try evaluate(counts: true)
      isSaved = isSaved || isBest && options.loadsBestModelAtEnd || options.saveStrategy != .no && hasStopped
    }
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

  private func report(
    _ result: TrainingStep.Result, learningRate: Double, tokens: Int, head: String?
  ) -> StepReport {
    let seconds = max(meter.seconds, 1e-9)
    return StepReport(
      step: state.globalStep, totalSteps: plan.totalSteps, epoch: plan.epochs(after: state.globalStep),
      loss: result.loss, learningRate: learningRate, gradientNorm: result.gradientNorm, tokens: tokens,
      tokensPerSecond: Double(meter.tokens) / seconds, samplesPerSecond: meter.samples / seconds,
      remaining: seconds / Double(meter.steps) * Double(plan.totalSteps - state.globalStep), head: head)
  }

  // MARK: Evaluating

  /// - Parameter counts: Whether the weights that are evaluated may be the best.
  /// - Returns: Whether they are.
  func evaluate(counts: Bool, canStop: Bool = true) throws -> Bool {
    average?.exchange()
    defer { average?.exchange() }
    var results: [String: Double] = [:]
    for set in evaluations {
      // Those of rank 0, which decide what all do next: unlike CPUs may differ in the last bits.
      let evaluated = try evaluate(set, canStop: canStop)
      let own = try group.valueFromLeader { evaluated }
      results.merge(own) { first, _ in first }
      observe(.evaluated(state.log(own, plan)))
    }
    if counts { state.consider(results, by: choice) }
    checkProgress()
    return counts && state.best?.step == state.globalStep
  }

  /// The results of one set, under the names that they are logged with.
  private func evaluate(_ set: EvaluationSet, canStop: Bool) throws -> [String: Double] {
    set.named(try evaluation(of: set, canStop: canStop).results)
  }

  /// - Parameters:
  ///   - canStop: Whether the run may be interrupted meanwhile; not so once the final weights are taken, which are no place to
  ///     go on from.
  ///   - tunesThreshold: Whether the best threshold is wanted as well.
  private func evaluation(
    of set: EvaluationSet, canStop: Bool = true, tunesThreshold: Bool = false
  ) throws -> Evaluation {
    var options = EvaluationOptions(
      batchSize: options.evalBatchSize, mlmProbability: Float(options.mlmProbability),
      seed: options.seed)
    let course = courses[set.head]
    options.classLoss = course.classLoss
    options.topRanks = topRanks[set.head]
    options.tunesThreshold = tunesThreshold
    return try GraftKit.evaluate(
      course.head.model, on: set.data, options: options, backend: run.backend, pool: pool,
      generator: course.head.generator, group: group
    ) { done in
      if canStop, try group.any(control.isStopRequested) { throw Stopped() }
      observe(.evaluating(done: done, total: set.data.count))
    }
  }

  /// The thresholds that are best on the first evaluation set, for the weights as they are, and the key that keeps them.
  ///
  /// - Returns: `nil` where none are wanted, or the set does not say which are best.
  func tunedThresholds() throws -> (values: [Float], key: String)? {
    guard let tuning = options.thresholdTuning, let set = evaluations.first else { return nil }
    var evaluation = try evaluation(of: set, canStop: false, tunesThreshold: true)
    guard !evaluation.isUndecided else {
      observe(.noted(.thresholdUndecided))
      return nil
    }
    let score = evaluation.thresholdScore(tuning)
    let before = evaluation.metrics[score] ?? 0
    let thresholds = try evaluation.tuneThresholds(tuning)
    observe(
      .noted(
        .tunedThresholds(
          thresholds, score: score, before: before, after: evaluation.metrics[score] ?? 0)))
    return (thresholds, evaluation.thresholdKey)
  }

  /// Puts the weights that the run ends with into the model: the average, or those of the best evaluation.
  ///
  /// - Returns: The step that they are of.
  func takeFinalWeights() throws -> Int {
    if options.averageLast != nil {
      try takeMean()
      return state.globalStep
    }
    guard options.loadsBestModelAtEnd, let best = state.best else {
      average?.exchange()
      return state.globalStep
    }
    if best.step == state.globalStep {
      average?.exchange()
    } else {
      try readWeights(ofStep: best.step)
    }
    let results = state.evaluation(at: best.step, sets: evaluations.count) ?? [:]
    observe(.noted(.loadedBest(step: best.step, score: choice.score(among: results), value: best.metric)))
    return best.step
  }

  /// Puts the mean of the last checkpoints' weights into the model, and evaluates it.
  private func takeMean() throws {
    let steps = try averagedSteps
    var mean = CheckpointAverage(parameters)
    for step in steps {
      try readWeights(ofStep: step)
      try group.onLeader { mean.add() }
    }
    try replaceWeights { mean.take() }
    observe(.noted(.averaged(steps: steps)))
    if !evaluations.isEmpty { _ = try evaluate(counts: false, canStop: false) }
  }

  /// The checkpoints that would be averaged if the run ended here: the last of those that are written in any case, and not
  /// because the run was stopped.
  var averagedSteps: [Int] {
    get throws {
      guard let count = options.averageLast else { return [] }
      return averaged(of: try checkpoints(), count)
    }
  }

  func averaged(of steps: [Int], _ count: Int) -> [Int] {
    steps.filter { step in
      step == state.globalStep
        || options.isDue(options.saveStrategy, every: options.saveSteps, at: step, plan)
    }.suffix(count)
  }
}
