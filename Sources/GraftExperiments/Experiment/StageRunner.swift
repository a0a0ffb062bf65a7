import Foundation
import GraftCore
import GraftData
import GraftKit
import GraftTensors
import OrderedCollections

/// Does one stage of a plan, whose input is there.
struct StageRunner {
  let plan: ExperimentPlan
  let cache: StageCache
  let machine: ExperimentMachine
  let registry: Registry
  let control: TrainingControl
  /// Whether training that diverges, and an evaluation of what it made, is marked as such, so that it is not done again.
  var marksDivergence = false
  /// Is told how much of the stage is done, and what happens in a training run.
  let observe: (_ share: Double, TrainingEvent?) -> Void

  /// The ranks that share the work. What they do not share rank 0 does, and it alone writes.
  private var group: any ProcessGroup { machine.group }

  /// A stage gave way to a request to stop.
  struct Interrupted: Error {}

  /// Does the stage, or what is left of it, and marks it as finished.
  ///
  /// - Throws: What the stage throws, in the words of experiments; ``Interrupted``.
  func run(_ stage: PlannedStage) throws {
    do { try perform(stage) } catch let error as GraftError where error.kind != .system {
      throw error.inWordsOfExperiments.about("stage '\(stage.name)'")
    }
  }

  private func perform(_ stage: PlannedStage) throws {
    let isTraining = if case .train = stage.task { true } else { false }
    try group.onLeader {
      // What was finished lacks its model now; anything else than training cannot be gone on with.
      if !isTraining || cache.record(stage) != nil { try cache.remove(stage.directoryName) }
    }
    try checkStop()
    let start = ContinuousClock.now
    switch stage.task {
    case .train(let training): return try train(training, stage)
    case .evaluate(let scoring):
      try markingDivergence(of: stage) {
        try evaluate(scoring, stage, since: start)
      } record: {
        StageCache.Record(
          stage, seconds: start.secondsSince, measuredSeconds: 0, measuredShare: 0, isDiverged: true)
      }
    case .importing(let source, let dtype):
      try group.onLeader {
        var options = OutputOptions()
        options.dtype = dtype
        try make(stage, since: start, of: registry.open(source).checkpoint, options)
      }
    case .swap(let swap):
      try group.onLeader {
        let change = try swapHead(
          input(of: stage), to: swap.head, labels: swap.labels, problemType: swap.problemType,
          seed: swap.seed ?? 0, registry: registry)
        try make(stage, since: start, of: change.checkpoint, OutputOptions())
      }
    case .export(let options):
      try group.onLeader {
        try make(stage, since: start, of: registry.open(input(of: stage)).checkpoint, options)
      }
    }
    observe(1, nil)
  }

  /// Ends the stage where any rank was asked to stop.
  private func checkStop() throws {
    if try group.any(control.isStopRequested) { throw Interrupted() }
  }

  /// The directory of the model that a stage works on.
  private func input(of stage: PlannedStage) -> URL {
    switch stage.input {
    case .base: plan.experiment.base
    case .stage(let index, let step): cache.model(plan.stages[index], step: step)
    }
  }

  /// The model that a stage works on, with the task that it names.
  private func checkpoint(for stage: PlannedStage, _ task: String?) throws -> Checkpoint {
    var checkpoint = try registry.open(input(of: stage)).checkpoint
    try checkpoint.selectTask(task, registry: registry)
    return checkpoint
  }

  /// Makes the directory of a stage, which appears complete.
  private func make(
    _ stage: PlannedStage, since start: ContinuousClock.Instant, _ body: (URL) throws -> Void
  ) throws {
    try DirectoryWriter.write(cache.url(stage)) { directory in
      try body(directory)
      try StageCache.Record(stage, seconds: start.secondsSince).write(into: directory)
    }
  }

  /// Makes the directory of a stage that writes a checkpoint.
  private func make(
    _ stage: PlannedStage, since start: ContinuousClock.Instant, of checkpoint: Checkpoint,
    _ options: OutputOptions
  ) throws {
    try make(stage, since: start) {
      try checkpoint.write(into: $0, options.resolve(registry, for: checkpoint.family))
    }
  }

  /// Does a stage, and marks it where what it computes is no number any more.
  ///
  /// - Parameter record: Of the stage, marked.
  private func markingDivergence(
    of stage: PlannedStage, _ body: () throws -> Void, record: () -> StageCache.Record
  ) throws {
    do {
      try body()
    } catch let error as GraftError where error.isDivergence && marksDivergence {
      try group.onLeader {
        let record = record()
        try cache.remove(stage.directoryName)
        try DirectoryWriter.write(cache.url(stage)) { try record.write(into: $0) }
      }
      throw error
    }
  }

  // MARK: Training

  private func train(_ training: Experiment.Training, _ stage: PlannedStage) throws {
    let clock = StageClock(cache.url(stage))
    var options = training.options
    options.keptSteps = stage.usedSteps
    var (firstShare, share) = (0.0, 0.0)
    var (plan, step, evaluations) = (TrainingPlan(examples: 1, options: options), 0, 0.0)
    // Each set is told of alone.
    let sets = Double(max(1, training.evaluations.count))
    func record(isDiverged: Bool) -> StageCache.Record {
      StageCache.Record(
        stage, seconds: clock.seconds, measuredSeconds: clock.ownSeconds,
        measuredShare: max(0, share - firstShare), isDiverged: isDiverged)
    }
    func proceed() throws -> TrainingOutcome {
      try GraftKit.train(
        checkpoint(for: stage, training.head),
        heads: training.heads.map { head in
          HeadTraining(
            head.head, try rows(head.data, stage.fold),
            evaluating: try head.evaluationData.map { try rows($0, nil) },
            evaluatingSets: OrderedDictionary(
              uniqueKeysWithValues: try head.evaluationSets.map { ($0, try rows($0, nil)) }))
        }, options: options, output: cache.url(stage),
        backend: machine.backend(for: stage.task), registry: registry, resume: true,
        ranks: DataParallel(group, sharesAccumulation: true), control: control
      ) { event in
        var partial = 0.0
        switch event {
        case .started(let started, let completed):
          (plan, step) = (started, completed)
          evaluations = options.evaluations(after: completed, started)
        case .step(let report): step = report.step
        case .evaluating(let done, let total): partial = Double(done) / Double(total) / sets
        case .evaluated: evaluations += 1 / sets
        case .saved: clock.save()
        case .prepared, .logged, .removed, .noted, .warned: break
        }
        share = stage.work.share(
          training: Double(step) / Double(plan.totalSteps), evaluations: evaluations + partial)
        if case .started = event { firstShare = share }
        observe(share, event)
      }
    }
    try markingDivergence(of: stage) {
      if case .interrupted = try proceed() { throw Interrupted() }
    } record: {
      record(isDiverged: true)
    }
    try group.onLeader {
      try cache.prune(stage)
      try record(isDiverged: false).write(into: cache.url(stage))
      clock.remove()
    }
  }

  /// - Parameter fold: The part that is tested, or left out of training.
  private func rows(_ name: String, _ fold: Int?, isTest: Bool = false) throws -> TrainingData {
    guard let set = plan.experiment.data[name] else {
      throw GraftError(.unknownName, "there is no data set '\(name)'")
    }
    let data = try set.read()
    guard let fold, let folds = plan.data[name]?.folds else { return data }
    return data.rows(at: folds.rows(ofPart: fold, isTest: isTest))
  }

  // MARK: Evaluating

  private func evaluate(
    _ scoring: Experiment.Scoring, _ stage: PlannedStage, since start: ContinuousClock.Instant
  ) throws {
    var checkpoint = try checkpoint(for: stage, scoring.head)
    let rows = try rows(scoring.data, stage.fold, isTest: true)
    // A plan takes for trained what may have had nothing to learn from.
    if let untrained = try scoring.checkTrained(checkpoint, on: rows), !stage.notes.contains(untrained) {
      observe(0, .warned(GraftError(.refused, untrained)))
    }
    checkpoint.usePrompts()
    try scoring.settle(&checkpoint)
    let model = try checkpoint.makeModel()
    let data = try rows.namingUnreadColumns {
      try checkpoint.requirePairs(in: rows.rows)
      return try Dataset(
        rows.rows, for: model, labels: rows.labelReading,
        maxLength: scoring.maxLength ?? checkpoint.trainedInputs?.maxLength,
        stride: scoring.stride ?? checkpoint.trainedInputs?.stride, packsTexts: scoring.groupsTexts,
        isLengthGiven: false)
    }
    observe(0, .prepared(data.facts, isEvaluation: false))
    var options = scoring.options
    options.keepsPredictions = model.heads.first.map { type(of: $0.task).predictsRows } ?? false
    let backend = try machine.backend(for: stage.task)
    func report(_ done: Int, before: Double) throws {
      try checkStop()
      observe(
        stage.work.share(training: 0, evaluations: before + Double(done) / Double(data.count)), nil)
    }
    let generator = try TokenGenerator(
      at: scoring.generator, for: model, backend: backend, registry: registry)
    let session = InferenceSession(model, backend: backend, precision: scoring.precision, keepsWeights: false)
    guard session.precision == scoring.precision else {
      throw GraftError(
        .unsupported, "the backend does not multiply in \(scoring.precision.rawValue)", option: "precision",
        expected: scoring.precision.rawValue, found: session.precision.rawValue)
    }
    var evaluation = try GraftKit.evaluate(
      session, on: data, options: options, generator: generator, group: group
    ) { try report($0, before: 0) }
    if scoring.pseudoPerplexity {
      let rest = stage.work.evaluations - 1
      evaluation.metrics["pseudo_perplexity"] = try pseudoPerplexity(
        session, on: data, batchSize: options.batchSize, group: group
      ) { try report(Int(Double($0) * rest), before: 1) }.value
    }
    try group.onLeader {
      try make(stage, since: start) { directory in
        if options.keepsPredictions {
          try PredictionFile.write(
            evaluation.predictions, of: data, labels: evaluation.rowLabels, scores: evaluation.rowScores,
            to: directory.appending(path: "predictions.jsonl"))
        }
        var document = evaluation.document.object ?? [:]
        document["truncated_texts"] = JSON(data.facts.truncated)
        document["max_length"] = JSON(data.facts.maximumLength)
        try FileWriter.write(
          directory.appending(path: "eval_results.json"), text: JSON.object(document).text(.sorted) + "\n")
      }
    }
  }
}
