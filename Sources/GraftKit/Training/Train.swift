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
  control: TrainingControl = TrainingControl(),
  profile: Profile? = nil,
  observe: @escaping (TrainingEvent) -> Void = { _ in }
) throws -> TrainingOutcome {
  try options.validate()
  // Once, and not whenever it is written.
  var checkpoint = checkpoint
  try checkpoint.confirmCopies()
  try checkpoint.settlePairs(options)
  try checkpoint.setLongTexts(options.longTexts)
  try checkpoint.settleSentences(options)
  try checkpoint.setTagging(labelsAllTokens: options.labelsAllTokens, scheme: options.tagScheme)
  var trained = checkpoint
  // The override is for training alone: what is written keeps its configuration.
  if let dropout = options.dropout {
    trained.configuration = trained.family.overridingDropout(dropout, in: trained.configuration)
  }
  let model = try trained.makeModel(frozen: options.freezesBackbone ? .backbone : .none)
  try model.requireHead()
  let recorder = MetricsRecorder(
    try options.reportTo.map { try registry.metricsWriters.find($0) }, output: output,
    warn: { observe(.warned($0)) })
  var (data, evaluationData, split) = (data, evaluationData, DataSplit?.none)
  if options.evalSplit != nil {
    guard evaluationData == nil, evaluationSets.isEmpty else {
      throw GraftError(
        .refused, "there is data to evaluate on already", option: "eval-split",
        advice: "Leave out this option or \(option: "eval-data").")
    }
    let labels = try Dataset.labels(of: data.rows, tasks: model.heads.map(\.task), base: data.labelBase)
    let own = try DataSplit(labels, count: data.rows.count, options)
    evaluationData = data.rows(at: own.evaluation)
    data = data.rows(at: own.training)
    split = own
    let names = try own.missing.isEmpty ? [] : model.configuration.labels()
    observe(
      .noted(
        .split(
          training: own.training.count, evaluation: own.evaluation.count,
          missingLabels: own.missing.map { names.indices.contains(Int($0)) ? names[Int($0)] : "\($0)" })))
  }
  if let warning = checkpoint.changeOfInputs(data.rows) { observe(.warned(warning)) }
  var sets: [(name: String?, rows: [TextRow])] = evaluationSets.map { ($0, $1.rows) }
  if let evaluationData { sets.append((nil, evaluationData.rows)) }
  let known = try RepeatedRows(data.rows, for: model.heads.first?.task)
  for note in try known.notes(evaluating: sets) { observe(.noted(note)) }
  let dataset = try data.dataset(for: model, options)
  observe(.prepared(dataset.facts, isEvaluation: false))
  let evaluated = try evaluationData?.dataset(for: model, options)
  let evaluatedSets = try evaluationSets.mapValues { try $0.dataset(for: model, options) }
  for set in (evaluated.map { [$0] } ?? []) + evaluatedSets.values {
    observe(.prepared(set.facts, isEvaluation: true))
  }
  func store(_ checkpoint: Checkpoint) -> CheckpointStore {
    CheckpointStore(
      checkpoint, output: outputOptions, data: data.names,
      evaluationData: (evaluationData?.names ?? []) + evaluationSets.values.flatMap(\.names),
      examples: data.rows.count, dataHash: dataset.fingerprint,
      inputs: data.inputs(options), registry: registry)
  }
  let generator = try TokenGenerator(
    at: options.generator, for: model, learns: options.trainsGenerator, backend: backend, registry: registry)
  let learning = options.trainsGenerator ? generator : nil
  var run = TrainingRun(
    model: model,
    options: options,
    output: output,
    store: learning.map { GeneratorStore(store(checkpoint), $0, store($0.checkpoint)) } ?? store(checkpoint),
    optimizer: try registry.optimizers.find(options.optimizer),
    optimizerFormat: try registry.formats.find(outputOptions.format).init(),
    backend: backend)
  run.generator = generator
  if let split { run.records[DataSplit.fileName] = split.document(options) }
  recorder.description = RunDescription(
    run, checkpoint, data: data.names,
    evaluationData: (evaluationData?.names ?? []) + evaluationSets.values.flatMap(\.names))
  return try recorder.record { record in
    try run.train(
      on: dataset,
      evaluating: evaluated,
      evaluatingSets: evaluatedSets,
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
  fileprivate init(_ run: TrainingRun, _ checkpoint: Checkpoint, data: [String], evaluationData: [String]) {
    var settings: OrderedDictionary<String, JSON> = [
      "model": checkpoint.source.map { .string($0) } ?? .null,
      "head": checkpoint.activeHead.map { .string($0.name) } ?? .null,
      "data": .string(data.joined(separator: ", ")),
      "eval-data": evaluationData.isEmpty ? .null : .string(evaluationData.joined(separator: ", ")),
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
  /// How its rows become inputs.
  fileprivate func inputs(_ options: TrainingOptions) -> TrainedInputs {
    var inputs = TrainedInputs()
    inputs.maxLength = options.maxLength
    inputs.stride = options.stride
    inputs.pairs = rows.contains { $0.pair != nil }
    if let file = files.first {
      inputs.textColumns = file.textColumns.map(\.description)
      inputs.pairColumn = file.pairColumn?.description
      inputs.labelColumns = file.labelColumns.map(\.description)
      inputs.labelDelimiter = file.labelDelimiter
    }
    inputs.labelBase = labelBase
    return inputs
  }

  package func dataset(for model: Model, _ options: TrainingOptions) throws -> Dataset {
    try Dataset(
      rows, for: model, labelBase: labelBase, maxLength: options.maxLength, stride: options.stride,
      packsTexts: options.groupsTexts)
  }
}
