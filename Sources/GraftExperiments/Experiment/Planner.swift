import Foundation
import GraftCore
import GraftData
import GraftKit
import GraftTensors
import OrderedCollections

/// Goes through arms, stage by stage, and finds those that were planned before.
struct Planner {
  let machine: ExperimentMachine
  let registry: Registry
  let data: OrderedDictionary<String, DataFacts>
  /// How many ranks have each as many batches of a step as a stage says.
  let ranks: Int
  let diagnostics: Diagnostics
  var stages: [PlannedStage] = []
  /// What is planned for.
  var fold: Int?
  private var indices: [String: Int] = [:]
  private var imports: [URL: Model] = [:]
  private var repetitions: [String: [String]] = [:]

  init(
    machine: ExperimentMachine, registry: Registry,
    data: OrderedDictionary<String, DataFacts>, ranks: Int, diagnostics: Diagnostics
  ) {
    (self.machine, self.registry) = (machine, registry)
    (self.data, self.ranks, self.diagnostics) = (data, ranks, diagnostics)
  }

  /// What an arm has come to.
  struct Model {
    var checkpoint: Checkpoint
    var source: StageInput
    /// Stands for the weights in the keys of stages.
    var hash: String
    /// The classes that each head was last trained on, by the head's name, and the data set.
    var trainedOn: [String: (classes: Set<Int32>, data: String)] = [:]
    /// All data sets that each head was trained on since it was put on.
    var learnt: [String: Set<String>] = [:]
    /// The most tokens that the head was last trained with in this experiment.
    var trainedLength: Int?
    /// How many tokens its windows shared.
    var trainedStride: Int?
  }

  /// Plans one arm with one seed. What is wrong is added to the diagnostics, and the rest of the arm left out.
  ///
  /// - Parameter title: What mistakes call the arm: points of a search have one name, so that what is wrong with all is said once.
  mutating func plan(
    _ names: [String], of arm: String, called title: String, in experiment: Experiment, seed: UInt64,
    from start: Model
  ) throws -> [ExperimentPlan.Step] {
    var model = start
    var steps: [ExperimentPlan.Step] = []
    for name in names {
      guard let stage = experiment.stage(name, of: arm) else { continue }
      do {
        steps.append(.init(name: name, index: try plan(stage, seed: seed, &model)))
      } catch let error as GraftError {
        diagnostics.add(stage.place, error.about("arm '\(title)', stage '\(name)'"))
        break
      }
    }
    return steps
  }

  private mutating func plan(_ stage: Experiment.Stage, seed: UInt64, _ model: inout Model) throws -> Int {
    switch stage.task {
    case .importing(let url, let dtype):
      model = try opened(url)
      let index = try add(stage, stage.task, model, ["dtype": dtype.map { .string($0) } ?? .null])
      model.become(stages[index], at: index)
      return index
    case .swap(var swap):
      swap.seed = swap.seed ?? seed
      var notes: [String] = []
      if let name = swap.labelsFrom {
        let heads = try registry.heads(swap.head, of: model.checkpoint.family)
        let inferred = try facts(name).inferredLabels(for: heads, swap.problemType)
        (swap.labels, swap.problemType) = (inferred.labels, inferred.problemType)
        notes = try facts(name).remarks(on: inferred, for: heads)
      }
      var report = LoadReport()
      let input = model
      _ = try model.checkpoint.activate(
        swap.head, labels: swap.labels, problemType: swap.problemType, seed: swap.seed ?? seed,
        report: &report,
        registry: registry)
      (model.trainedOn, model.learnt) = ([:], [:])
      (model.trainedLength, model.trainedStride) = (nil, nil)
      let index = try add(
        stage, .swap(swap), input,
        [
          "head": .string(swap.head), "labels": swap.labels.map { .array($0.map { .string($0) }) } ?? .null,
          "problem-type": swap.problemType.map { .string($0.rawValue) } ?? .null,
          "seed": .number(String(swap.seed ?? seed)),
        ])
      stages[index].notes = notes
      model.become(stages[index], at: index)
      return index
    case .train(var training):
      if !training.hasOwnSeed { training.options.seed = seed }
      training.options.accumulate(for: ranks)
      return try plan(stage, training, &model)
    case .evaluate(let scoring):
      // The model stays as it is.
      var model = model
      try model.checkpoint.selectTask(scoring.head, registry: registry)
      try model.requireHead()
      let untrained = try scoring.checkTrained(model.checkpoint, on: facts(scoring.data).sample)
      if scoring.pseudoPerplexity { try model.requireTokens(for: "pseudo-perplexity") }
      if scoring.groupsTexts { try model.requireTokens(for: "group-texts") }
      try scoring.requirePrecision(of: machine.backend(for: stage.task))
      var scored = model.checkpoint
      try scoring.settle(&scored)
      try scoring.checkSettings(for: scored, like: model)
      let classes = try facts(scoring.data, isTest: true).check(for: scored)
      try model.checkClasses(classes, of: scoring.data, scoring.head, model.checkpoint)
      var key = scoring.key
      // Where nothing else is said, texts are cut as in training; version 0.1 took the model's own limit.
      if scoring.maxLength == nil, let length = model.trainedLength, length != TrainingOptions().maxLength {
        key["trained-max-length"] = JSON(length)
      }
      if let head = scoring.head { key["task"] = .string(head) }
      if let ranks = scoring.options.topRanks { key["top-k"] = .array(ranks.map { JSON($0) }) }
      if let stride = scoring.stride ?? model.trainedStride { key["trained-stride"] = JSON(stride) }
      key["generator"] = try generatorHash(scoring.generator, for: [model.checkpoint])
      let index = try add(stage, stage.task, model, key, data: [scoring.data])
      let learnt = model.learnt[scoring.head ?? model.checkpoint.activeHead?.name ?? ""] ?? []
      let task = model.checkpoint.activeHead?.tasks.first?.name ?? ""
      stages[index].notes =
        try [untrained].compactMap(\.self) + dataNotes([scoring.data], for: model.checkpoint)
        + repeatedRows(scoring.data, learnt.sorted(), as: task)
      return index
    case .export(let output):
      _ = try output.resolve(registry, for: model.checkpoint.family)
      return try add(
        stage, stage.task, model,
        [
          "format": .string(output.format), "dialect": output.dialect.map { .string($0) } ?? .null,
          "dtype": output.dtype.map { .string($0) } ?? .null,
        ])
    }
  }

  /// A checkpoint that stands beside the base, opened once.
  private mutating func opened(_ url: URL) throws -> Model {
    if let known = imports[url] { return known }
    let checkpoint = try registry.open(url).checkpoint
    let model = Model(checkpoint: checkpoint, source: .base, hash: try checkpoint.contentHash())
    imports[url] = model
    return model
  }

  /// What tells a stage's generator from any other; `nil` where there is none.
  ///
  /// - Parameter heads: The checkpoint as each head has it that the stage is about.
  private mutating func generatorHash(_ path: String?, for heads: [Checkpoint]) throws -> JSON? {
    let wanting = heads.first { $0.activeHead?.tasks.contains { $0.readsGenerator } == true } ?? heads.first
    try TokenGenerator.check(path, for: wanting?.activeHead)
    guard let path, let wanting else { return nil }
    let generator = try opened(URL(filePath: path))
    try TokenGenerator.check(generator.checkpoint, for: wanting)
    return .string(generator.hash)
  }

  private mutating func plan(
    _ stage: Experiment.Stage, _ training: Experiment.Training, _ model: inout Model
  ) throws -> Int {
    let heads = try heads(of: training, model)
    model.checkpoint = heads[0]
    try training.options.checkHeads(heads)
    let input = model
    model.trainedLength = training.options.maxLength
    model.trainedStride = training.options.stride
    var (examples, parts): ([(name: String?, examples: Int)], [JSON]) = ([], [])
    var notes: [String] = []
    for (own, checkpoint) in zip(training.heads, heads) {
      let rows = try facts(own.data)
      let classes = try rows.check(for: checkpoint, isLearnt: true)
      if !classes.isEmpty { try rows.checkFolds() }
      let name = own.head ?? training.head ?? checkpoint.activeHead?.name
      model.trainedOn[name ?? ""] = (classes, own.data)
      model.learnt[name ?? "", default: []].insert(own.data)
      notes += try dataNotes([own.data] + own.evaluations, for: checkpoint)
      for name in own.evaluations {
        try model.checkClasses(
          try facts(name).check(for: checkpoint), of: name, own.head ?? training.head, checkpoint)
      }
      try training.options.checkSplit(of: rows.rows)
      let heldOut = training.options.evaluationRows(of: rows.rows)
      examples.append((own.head, max(1, rows.rows - heldOut)))
      parts.append(try key(of: own, for: checkpoint))
    }
    model.trade(training.heads[0].head ?? training.head)
    try model.markTrained(training.heads.map(\.head), as: heads, on: facts(training.heads[0].data).sample)
    let run = try training.options.plan(of: examples)
    // How many pieces packed texts make, and windows long ones, is known when they are tokenized.
    let isKnown = try !training.options.groupsTexts && !heads.contains(where: { try $0.splitsLongRows })
    if isKnown {
      if let step = training.usedStep { try training.options.checkSaved(step, run) }
      try training.options.checkAverage(run)
    }
    var key = keyValues(of: training.options)
    key["generator"] = try generatorHash(training.options.generator, for: heads)
    if let head = training.head { key["task"] = .string(head) }
    if training.namesHeads { key["heads"] = .array(parts) }
    let index = try add(
      stage, .train(training), input, key, data: stage.task.data, heads: heads)
    stages[index].notes = notes
    if isKnown { stages[index].trainingPlan = run }
    try training.checkScore(among: stages[index].scoreNames)
    model.become(stages[index], at: index, step: training.usedStep)
    if let step = training.usedStep { stages[index].usedSteps.insert(step) }
    return index
  }

  /// The model as each head has it that a stage trains.
  private func heads(of training: Experiment.Training, _ model: Model) throws -> [Checkpoint] {
    var model = model
    if !training.namesHeads { try model.checkpoint.selectTask(training.head, registry: registry) }
    try model.requireHead()
    let heads = try training.heads.map { head in
      HeadTraining(
        head.head, try facts(head.data).sample,
        evaluating: try head.evaluationData.map { try facts($0).sample },
        evaluatingSets: OrderedDictionary(
          uniqueKeysWithValues: try head.evaluationSets.map { ($0, try facts($0).sample) }))
    }
    try heads.checkNames(training.options)
    return try model.checkpoint.settled(for: heads, training.options)
  }

  /// What one of the heads that a stage names has to do with its result.
  private func key(of head: Experiment.HeadData, for checkpoint: Checkpoint) throws -> JSON {
    func key(_ name: String) throws -> JSON { .string(try facts(name).key(for: checkpoint)) }
    return [
      "head": head.head.map { .string($0) } ?? .null, "data": try key(head.data),
      "eval-data": try head.evaluationData.map(key) ?? .null,
      "eval-sets": .array(try head.evaluationSets.map { [.string($0), try key($0)] }),
    ]
  }

  /// What decides a stage of training, under the names that version 0.1 gave it, so that what it made is found.
  private func keyValues(of options: TrainingOptions) -> OrderedDictionary<String, JSON> {
    var values = options.stageRecord
    values["trainer"] = values.removeValue(forKey: "optimizer")
    return values
  }

  /// How a head reads the labels of data sets, and which of their files are given more than once.
  private func dataNotes(_ names: [String], for checkpoint: Checkpoint) throws -> [String] {
    try names.flatMap { name in
      let data = try facts(name)
      let notes =
        FilePattern.remarks(on: data.files)
        + [try data.labelNote(for: checkpoint)?.experimentText]
        .compactMap(\.self)
      return notes.map { "data '\(name)': \($0)" }
    }
  }

  /// That rows are scored whose text a head was trained on. It is the same for all seeds.
  private mutating func repeatedRows(_ name: String, _ learnt: [String], as task: String) throws -> [String] {
    let question = ([task, fold.map(String.init) ?? "", name] + learnt).joined(separator: "\n")
    if let note = repetitions[question] { return note }
    let rows = try facts(name, isTest: true)
    let note = [
      rows.repetitions(
        of: try learnt.map { try facts($0) }, as: task, fold: data[name]?.folds == nil ? nil : fold)
    ]
    .compactMap { $0 }
    repetitions[question] = note
    return note
  }

  /// A data set, or the part of it that is trained or tested.
  private func facts(_ name: String, isTest: Bool = false) throws -> DataFacts {
    guard let facts = data[name] else {
      throw GraftError(.unknownName, "there is no data set '\(name)'")
    }
    return facts.part(fold, isTest: isTest)
  }

  /// The index of a stage: that of one with the same key, or of a new one.
  private mutating func add(
    _ stage: Experiment.Stage, _ task: Experiment.Task, _ model: Model,
    _ options: OrderedDictionary<String, JSON>,
    data names: [String] = [], heads: [Checkpoint] = []
  ) throws -> Int {
    let backend = try machine.backend(for: task)
    var parts = [task.kind, String(Self.revision), model.hash, JSON.object(options).text(.sorted)]
    let isTest = if case .evaluate = task { true } else { false }
    let used = OrderedDictionary(
      try names.map { ($0, try facts($0, isTest: isTest)) }, uniquingKeysWith: { first, _ in first })
    parts += names.compactMap { used[$0]?.key(for: model.checkpoint) }
    if !names.isEmpty { parts += [type(of: backend).name, backend.precision.rawValue] }
    let key = ContentHash.of(parts)
    if let index = indices[key] { return index }
    var planned = PlannedStage(
      key: key, task: task, name: stage.name, fold: used.values.contains { $0.folds != nil } ? fold : nil,
      input: model.source, checkpoint: model.checkpoint, heads: heads,
      work: StageWork(task, model.checkpoint, used))
    planned.excessiveLength = try task.excessiveLength(for: model.checkpoint)
    stages.append(planned)
    indices[key] = stages.count - 1
    return stages.count - 1
  }

  /// Counts up when a stage comes to do something else with the same options, so that what was cached is not taken.
  private static let revision = 13
}

extension Planner.Model {
  /// Goes on with what a stage makes.
  fileprivate mutating func become(_ stage: PlannedStage, at index: Int, step: Int? = nil) {
    source = .stage(index, step: step)
    hash = step.map { "\(stage.key)/\($0)" } ?? stage.key
  }

  fileprivate func requireHead() throws {
    guard checkpoint.activeHead != nil else {
      var error = GraftError.noHead(nil, parked: checkpoint.parkedTasks) { _ in true }
      error.problem += " here"
      throw error
    }
    _ = try checkpoint.requireTokenizer()
  }

  /// Refuses a head that predicts no tokens.
  fileprivate func requireTokens(for key: String) throws {
    guard let head = checkpoint.activeHead, !head.tasks.contains(where: { $0.predictsTokens }) else { return }
    throw GraftError(
      .mismatch, "the head '\(head.name)' predicts no tokens, which \(key) is about",
      advice: "Swap it for one that does in a stage before this one, or leave '\(key)' out.")
  }

  /// Has the heads trade names as their checkpoint does when the first of several becomes the active one.
  fileprivate mutating func trade(_ first: String?) {
    guard let first, let active = checkpoint.activeHead?.name, first != active else { return }
    (trainedOn[first], trainedOn[active]) = (trainedOn[active], trainedOn[first])
    (learnt[first], learnt[active]) = (learnt[active], learnt[first])
  }

  /// Marks the heads that a stage trains, and a pooler that one of them reads, as its checkpoint will have them.
  ///
  /// - Parameters:
  ///   - names: What the heads are called before the stage; the first of several trades names with the active one.
  ///   - heads: The checkpoint as each head has it.
  ///   - data: What the first is trained on. Of several tasks that learn together, one may find nothing there.
  fileprivate mutating func markTrained(
    _ names: [String?], as heads: [Checkpoint], on data: TrainingData
  ) throws {
    let active = checkpoint.activeHead?.name
    let taught = try data.tasksWithTargets(of: checkpoint)
    let others = names.dropFirst().map { $0 == active ? names[0] : $0 }
    let readsPooler = try heads.contains { try $0.activeHeadReadsPooler() }
    let ids =
      checkpoint.activeHeads.filter { $0.task.map { taught.contains($0.name) } ?? true }.map(\.id)
      + others.compactMap(\.self) + (readsPooler ? [Component.pooler] : [])
    for index in checkpoint.components.indices
    where ids.contains(checkpoint.components[index].id) && checkpoint.components[index].isUntrained {
      checkpoint.components[index].history = .trained(on: .init(data: [], examples: 0, steps: 0))
    }
  }

  /// Refuses to test on classes that were never learnt.
  ///
  /// - Parameters:
  ///   - head: What is tested; `nil` is the active head.
  ///   - checkpoint: The checkpoint in which it is active.
  fileprivate func checkClasses(
    _ classes: Set<Int32>, of name: String, _ head: String?, _ checkpoint: Checkpoint
  ) throws {
    guard let trainedOn = trainedOn[head ?? checkpoint.activeHead?.name ?? ""], !trainedOn.classes.isEmpty
    else { return }
    let unknown = classes.subtracting(trainedOn.classes).sorted()
    guard let first = unknown.first else { return }
    let labels = try checkpoint.configuration.labels()
    let label = labels.indices.contains(Int(first)) ? labels[Int(first)] : String(first)
    throw GraftError(
      .mismatch, "the data set '\(name)' has the label '\(label)', which '\(trainedOn.data)' never has",
      advice: "Train on rows of every label.")
  }
}

extension Experiment.Training {
  /// Makes sure that evaluations have the score that decides which step is the best.
  ///
  /// - Parameter known: The scores that they may have; `nil` where that is not known.
  fileprivate func checkScore(among known: Set<String>?) throws {
    guard let known, let chosen = options.metricForBestModel.map(TestMetric.key), !known.contains(chosen)
    else {
      return
    }
    let nearest = NearestName.find(chosen, among: known.sorted()).map { " Did you mean '\($0)'?" } ?? ""
    throw GraftError(
      .unknownName, "evaluations have no such score", subject: "'metric-for-best-model'",
      expected: "one of \(known.sorted().joined(separator: ", "))", found: "'\(chosen)'",
      advice: "Choose one of these.\(nearest)")
  }
}

extension TrainingOptions {
  /// Makes sure that the checkpoint of a step is written.
  fileprivate func checkSaved(_ step: Int, _ plan: TrainingPlan) throws {
    let interval = saveStrategy == .epoch ? plan.stepsPerEpoch : saveSteps
    guard (1...plan.totalSteps).contains(step), step % interval == 0 || step == plan.totalSteps else {
      throw GraftError(
        .mismatch, "the run writes no checkpoint-\(step)",
        expected: "a multiple of \(interval) up to its last step, \(plan.totalSteps)", found: "\(step)",
        advice: "Change 'use' or 'save-steps'.")
    }
  }
}

extension Experiment.Task {
  /// How many tokens are asked for, where a model takes fewer, and how many that takes.
  fileprivate func excessiveLength(for checkpoint: Checkpoint) throws -> (length: Int, limit: Int)? {
    let length: Int?
    switch self {
    case .train(let training): length = training.options.givenMaxLength
    case .evaluate(let scoring): length = scoring.maxLength
    case .importing, .swap, .export: length = nil
    }
    guard let length else { return nil }
    let limit = try checkpoint.makeBackbone().maximumLength
    return length > limit ? (length, limit) : nil
  }
}

extension Experiment.Scoring {
  /// Makes sure that the heads that data score were trained, unless the stage takes some that were not.
  ///
  /// - Returns: That one was not, where the stage takes it.
  @discardableResult
  func checkTrained(_ checkpoint: Checkpoint, on data: TrainingData) throws -> String? {
    do {
      let scored = try data.tasksWithTargets(of: checkpoint)
      try checkpoint.requireTrainedHead { scored.contains($0.name) }
      return nil
    } catch let error as GraftError where allowsUntrained && error.kind == .refused {
      return error.problem
    }
  }

  /// Makes sure that the head has what the stage says of its scores and windows.
  ///
  /// - Parameters:
  ///   - checkpoint: With what the stage settles.
  ///   - model: What the arm has come to, whose active head was trained last.
  fileprivate func checkSettings(for checkpoint: Checkpoint, like model: Planner.Model) throws {
    try checkpoint.makeTasks().first?.checkTopRanks(options.topRanks)
    let inputs = checkpoint.trainedInputs
    let (trainedLength, trainedStride) = head == nil ? (model.trainedLength, model.trainedStride) : (nil, nil)
    try checkpoint.checkStride(isGiven: stride != nil)
    try checkpoint.checkRoom(
      stride: stride ?? trainedStride ?? inputs?.stride,
      maxLength: maxLength ?? trainedLength ?? inputs?.maxLength)
  }

  /// Everything that decides its result, except for the data.
  fileprivate var key: OrderedDictionary<String, JSON> {
    var key: OrderedDictionary<String, JSON> = [
      "mlm-probability": JSON(options.mlmProbability), "seed": .number(String(options.seed)),
      "batch-size": JSON(options.batchSize), "max-length": maxLength.map { JSON($0) } ?? .null,
      "pseudo-perplexity": JSON(pseudoPerplexity),
    ]
    // Stages that were run before there was a choice keep their results.
    if precision != .float32 { key["precision"] = .string(precision.rawValue) }
    if groupsTexts { key["group-texts"] = true }
    if let longTexts { key["long-texts"] = .string(longTexts.rawValue) }
    if let thresholds { key["threshold"] = .array(thresholds.map { JSON($0) }) }
    if let nullThreshold { key["null-threshold"] = JSON(nullThreshold) }
    if let tagScheme { key["tag-scheme"] = .string(tagScheme) }
    return key
  }
}

extension GraftError {
  func about(_ subject: String) -> GraftError {
    var error = self
    // Options are keys here.
    error.subject = error.subject ?? error.option.map { "'\($0)'" }
    error.option = nil
    error.subject = error.subject.map { "\(subject), \($0)" } ?? subject
    // The place in the experiment comes first; the file of a row stays in the sentence.
    if let file { error.subject = "\(error.subject ?? subject) of \(file)" }
    error.file = nil
    return error
  }
}
