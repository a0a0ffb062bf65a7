import Foundation
import GraftCompute
import GraftCore
import GraftData
import GraftTensors
import OrderedCollections

/// Trains a checkpoint's active head and, unless it is frozen, its backbone.
///
///     let checkpoint = try registry.open(source).checkpoint
///     var options = TrainingOptions()
///     options.epochs = 5
///     let rows = try DataSource(reading: [file]).rows()
///     let outcome = try train(
///       checkpoint, on: TrainingData(rows, named: ["train.csv"]), options: options, output: output,
///       backend: registry.makeBackend(), registry: registry)
///
/// - Parameters:
///   - checkpoint: With a head, which decides the task, and a tokenizer.
///   - data: What is trained on.
///   - evaluationData: What the model is evaluated on.
///   - evaluationSets: Further sets to evaluate it on, by names that their scores bear: `eval_NAME_loss`.
///   - options: The settings.
///   - output: A directory to create, or to go on in when `resume`.
///   - outputOptions: The weight format and dialect of what is written.
///   - backend: The compute kernels.
///   - registry: The plugins.
///   - resume: Goes on from the newest checkpoint of `output`.
///   - ranks: The processes that train together, each of which calls this with the same.
///   - control: Asks the run to stop.
///   - profile: Where the time of all steps but the first two is counted.
///   - observe: Is told what happens.
/// - Throws: as ``TrainingRun/train(on:evaluating:evaluatingSets:resume:control:profile:observe:)``; `GraftError` when the
///   checkpoint has no head or no tokenizer, or a label is unknown.
public func train(
  _ checkpoint: Checkpoint,
  on data: TrainingData,
  evaluating evaluationData: TrainingData? = nil,
  evaluatingSets evaluationSets: OrderedDictionary<String, TrainingData> = [:],
  options: TrainingOptions = TrainingOptions(),
  output: URL,
  outputOptions: OutputOptions = OutputOptions(),
  backend: any ComputeBackend,
  registry: Registry,
  resume: Bool = false,
  ranks: DataParallel = .alone,
  control: TrainingControl = TrainingControl(),
  profile: Profile? = nil,
  observe: @escaping (TrainingEvent) -> Void = { _ in }
) throws -> TrainingOutcome {
  try train(
    [HeadTraining(nil, data, evaluating: evaluationData, evaluatingSets: evaluationSets)], of: checkpoint,
    options: options, output: output, outputOptions: outputOptions, backend: backend, registry: registry,
    resume: resume, ranks: ranks, control: control, profile: profile, observe: observe)
}

/// Trains several heads of a checkpoint on one backbone, in turn: each step is one head's, on that head's own data.
///
///     let outcome = try train(
///       checkpoint,
///       heads: [
///         HeadTraining("sequence-classification", topics, evaluating: testTopics),
///         HeadTraining("token-classification", entities),
///       ], options: options, output: output, backend: registry.makeBackend(), registry: registry)
///
/// Which head a step trains follows from the seed and the step; see ``HeadTurns``. A step changes the backbone and its own
/// head. The other heads, and what the optimizer remembers of them, stay as they were, as PyTorch's optimizers leave
/// parameters without a gradient.
///
/// In the checkpoint that is written the first head is active, and the others are parked with their own settings. Losses and
/// scores bear the names of heads: `token-classification_loss`, `eval_token-classification_f1`.
///
/// - Parameters:
///   - checkpoint: With these heads, active or parked, and a tokenizer.
///   - heads: What each head is trained on; the first is the active one in the end. One head alone is trained as without
///     others.
///   - options: The settings, which hold for every head that they make sense for.
///   - output: A directory to create, or to go on in when `resume`.
///   - outputOptions: The weight format and dialect of what is written.
///   - backend: The compute kernels.
///   - registry: The plugins.
///   - resume: Goes on from the newest checkpoint of `output`.
///   - ranks: The processes that train together, each of which calls this with the same.
///   - control: Asks the run to stop.
///   - profile: Where the time of all steps but the first two is counted.
///   - observe: Is told what happens.
/// - Throws: as ``train(_:on:evaluating:evaluatingSets:options:output:outputOptions:backend:registry:resume:ranks:control:profile:observe:)``;
///   `GraftError` for a head that the checkpoint does not have, a head that is given twice, and a setting that is about one
///   head.
public func train(
  _ checkpoint: Checkpoint,
  heads: [HeadTraining],
  options: TrainingOptions = TrainingOptions(),
  output: URL,
  outputOptions: OutputOptions = OutputOptions(),
  backend: any ComputeBackend,
  registry: Registry,
  resume: Bool = false,
  ranks: DataParallel = .alone,
  control: TrainingControl = TrainingControl(),
  profile: Profile? = nil,
  observe: @escaping (TrainingEvent) -> Void = { _ in }
) throws -> TrainingOutcome {
  try train(
    heads, of: checkpoint, options: options, output: output, outputOptions: outputOptions, backend: backend,
    registry: registry, resume: resume, ranks: ranks, control: control, profile: profile, observe: observe)
}

private func train(
  _ heads: [HeadTraining], of checkpoint: Checkpoint, options: TrainingOptions, output: URL,
  outputOptions: OutputOptions, backend: any ComputeBackend, registry: Registry, resume: Bool,
  ranks: DataParallel, control: TrainingControl, profile: Profile?, observe: @escaping (TrainingEvent) -> Void
) throws -> TrainingOutcome {
  try options.validate()
  try heads.checkNames(options)
  var options = options
  let batches = try TrainingArguments.batches(options, ranks, resuming: resume ? output : nil)
  options.gradientAccumulationSteps = batches.perStep
  // Once, and not whenever it is written.
  var checkpoint = checkpoint
  try checkpoint.confirmCopies()
  let selected = try checkpoint.settled(for: heads, options)
  try options.checkHeads(selected)
  // One head alone is trained as without others: its scores have no name before them.
  var heads = heads
  if heads.count == 1 { heads[0].head = nil }
  let recorder = MetricsRecorder(
    try (ranks.group.leads ? options.reportTo : []).map { try registry.metricsWriters.find($0) },
    output: output,
    warn: { observe(.warned($0)) })
  var prepared: [PreparedHead] = []
  let packs = selected.map(\.learnsFromTexts)
  for (index, head) in heads.enumerated() {
    var own = options
    // Where no head learns from texts alone, the first head's error says so.
    if packs.contains(true), !packs[index] { own.groupsTexts = false }
    prepared.append(
      try PreparedHead(head, of: selected[index], sharing: prepared.first?.model, own, observe))
  }
  let generators = try prepared.map(\.model).generators(options, backend, registry)
  let runs = zip(prepared, generators).map { head, generator in
    RunHead(name: head.name, model: head.model, data: head.data, generator: generator)
  }
  let learning = options.trainsGenerator ? generators[0] : nil
  let plan = try options.plan(of: runs)
  let store: any ModelStore =
    if prepared.count > 1 {
      HeadStore(prepared, plan, output: outputOptions, registry)
    } else if let learning {
      GeneratorStore(
        CheckpointStore(prepared[0], output: outputOptions, registry), learning,
        CheckpointStore(prepared[0], of: learning.checkpoint, output: outputOptions, registry))
    } else {
      CheckpointStore(prepared[0], output: outputOptions, registry)
    }
  var run = TrainingRun(
    model: prepared[0].model, options: options, output: output, store: store,
    optimizer: try registry.optimizers.find(options.optimizer),
    optimizerFormat: try registry.formats.find(outputOptions.format).init(),
    backend: backend)
  (run.ranks, run.firstRanks) = (ranks, batches.ranks)
  for head in prepared { run.records.merge(head.records) { first, _ in first } }
  recorder.description = RunDescription(run, prepared)
  return try recorder.record { record in
    try run.train(
      runs,
      evaluating: prepared.enumerated().flatMap { place, head in
        head.evaluations.map { EvaluationSet($0.name, $0.data, files: $0.files, head: place) }
      },
      resume: resume,
      control: control,
      profile: profile,
      observe: {
        record($0)
        observe($0)
      })
  }
}

extension RunDescription {
  fileprivate init(_ run: TrainingRun, _ heads: [PreparedHead]) {
    let checkpoint = heads[0].checkpoint
    func names(_ files: (PreparedHead) -> [String]) -> JSON {
      let names = heads.flatMap(files)
      return names.isEmpty ? .null : .string(names.joined(separator: ", "))
    }
    var settings: OrderedDictionary<String, JSON> = [
      "model": checkpoint.source.map { .string($0) } ?? .null,
      "head": heads.compactMap(\.name).isEmpty
        ? checkpoint.activeHead.map { .string($0.name) } ?? .null
        : .string(heads.compactMap(\.name).joined(separator: ", ")),
      "data": names(\.training.names),
      "eval-data": names { $0.evaluations.flatMap(\.files) },
    ]
    for setting in TrainingOptions.settings { settings[setting.name] = setting.json(run.options) }
    settings["backend"] = .string(type(of: run.backend).name)
    settings["precision"] = .string(run.backend.precision.rawValue)
    self.init(
      name: run.output.standardizedFileURL.lastPathComponent, settings: settings.filter { $0.value != .null },
      configuration: .object(checkpoint.configuration.values))
  }
}

extension TrainingData {
  package func dataset(for model: Model, _ options: TrainingOptions) throws -> Dataset {
    try namingUnreadColumns {
      try Dataset(
        rows, for: model, labels: labelReading, maxLength: options.maxLength, stride: options.stride,
        packsTexts: options.groupsTexts, isLengthGiven: options.givenMaxLength != nil)
    }
  }
}
