import Foundation
import GraftCompute
import GraftCore
import GraftData

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
///   - options: The settings.
///   - output: A directory to create, or to go on in when `resume`.
///   - outputOptions: The weight format and dialect of what is written.
///   - backend: The compute kernels.
///   - registry: The plugins.
///   - resume: Goes on from the newest checkpoint of `output`.
///   - control: Asks the run to stop.
///   - profile: Where the time of all steps but the first two is counted.
///   - observe: Is told what happens.
/// - Throws: as ``TrainingRun/train(on:evaluating:resume:control:profile:observe:)``; `GraftError` when the
///   checkpoint has no head or no tokenizer, or a label is unknown.
public func train(
  _ checkpoint: Checkpoint,
  on data: TrainingData,
  evaluating evaluationData: TrainingData? = nil,
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
  let dataset = try data.dataset(for: model, options)
  observe(.prepared(dataset.facts, isEvaluation: false))
  let evaluationSet = try evaluationData?.dataset(for: model, options)
  if let evaluationSet { observe(.prepared(evaluationSet.facts, isEvaluation: true)) }
  let run = TrainingRun(
    model: model,
    options: options,
    output: output,
    store: CheckpointStore(
      checkpoint, output: outputOptions, data: data.names, evaluationData: evaluationData?.names ?? [],
      examples: data.rows.count, dataHash: dataset.fingerprint,
      inputs: data.inputs(options), registry: registry),
    optimizer: try registry.optimizers.find(options.optimizer),
    optimizerFormat: try registry.formats.find(outputOptions.format).init(),
    backend: backend)
  return try run.train(
    on: dataset,
    evaluating: evaluationSet,
    resume: resume,
    control: control,
    profile: profile,
    observe: {
      recorder.record($0)
      observe($0)
    })
}

extension TrainingData {
  /// How its rows become inputs.
  fileprivate func inputs(_ options: TrainingOptions) -> TrainedInputs {
    var inputs = TrainedInputs()
    inputs.maxLength = options.maxLength
    inputs.pairs = rows.contains { $0.pair != nil }
    if let file = files.first {
      inputs.textColumns = file.textColumns.map(\.description)
      inputs.pairColumn = file.pairColumn?.description
      inputs.labelColumn = file.labelColumn?.description
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
