import Foundation
import GraftCompute
import GraftCore
import GraftTensors
import OrderedCollections

/// The training loop: epochs of steps, a schedule, evaluations, checkpoints; it behaves like transformers'
/// `Trainer`.
///
/// Everything random follows from the seed and the step, and a checkpoint holds the weights, the optimizer's
/// state and the sums behind the logs. A run that is killed at any moment and resumed therefore ends with the
/// same weights, bit for bit, as one that was not, where the backend computes the same: on a CPU of the same kind.
///
/// ``train(_:on:evaluating:evaluatingSets:options:output:outputOptions:backend:registry:resume:ranks:control:profile:observe:)`` makes one from a
/// checkpoint; this type serves models and stores of any kind.
public struct TrainingRun {
  /// What is trained; its weights change.
  public let model: Model
  public let options: TrainingOptions
  /// The output directory.
  public let output: URL
  let store: any ModelStore
  let optimizerType: any Optimizer.Type
  let optimizerFormat: any WeightFormat
  let backend: any ComputeBackend
  /// The ranks that train together. Options then have the batches of a step for all of them.
  var ranks = DataParallel.alone
  /// How many ranks the run was begun with.
  var firstRanks = 1
  /// The texts of files that belong to the run's record, by their names.
  var records: [String: String] = [:]

  /// - Parameters:
  ///   - model: What is trained. Frozen parameters stay as they are.
  ///   - options: The settings. `dropout`, unless 0, and `freezesBackbone` have no effect here: set them when making the model.
  ///   - output: A directory to create, or to go on in.
  ///   - store: How models are written.
  ///   - optimizer: The update rule.
  ///   - optimizerFormat: How the optimizer's state is stored; it has to be able to write.
  ///   - backend: The compute kernels.
  public init(
    model: Model,
    options: TrainingOptions,
    output: URL,
    store: any ModelStore,
    optimizer: any Optimizer.Type,
    optimizerFormat: any WeightFormat,
    backend: any ComputeBackend
  ) {
    self.model = model
    self.options = options
    self.output = output
    self.store = store
    optimizerType = optimizer
    self.optimizerFormat = optimizerFormat
    self.backend = backend
  }

  /// Trains to the end, or until asked to stop.
  ///
  /// - Parameters:
  ///   - data: What is trained on.
  ///   - evaluationData: What the model is evaluated on, as `options.evalStrategy` says and at the end.
  ///   - evaluationSets: Further sets to evaluate on, each under a name of its own: `eval_NAME_loss`.
  ///   - resume: Goes on from the newest checkpoint of the output directory. When there is none, because the
  ///     run was stopped before its first, or never begun, it begins.
  ///   - control: Asks the run to stop.
  ///   - profile: Where the time of all steps but the first two is counted.
  ///   - observe: Is told what happens.
  /// - Throws: `GraftError` when an option makes no sense, the output directory is taken, a resumed run has
  ///   another checkpoint, backend, other options or data, a file cannot be written, or the loss is not a number.
  public func train(
    on data: Dataset,
    evaluating evaluationData: Dataset? = nil,
    evaluatingSets evaluationSets: OrderedDictionary<String, Dataset> = [:],
    resume: Bool = false,
    control: TrainingControl = TrainingControl(),
    profile: Profile? = nil,
    observe: @escaping (TrainingEvent) -> Void = { _ in }
  ) throws -> TrainingOutcome {
    let evaluations =
      (evaluationData.map { [EvaluationSet(nil, $0)] } ?? [])
      + evaluationSets.map { EvaluationSet($0.key, $0.value) }
    let head = RunHead(model: model, data: data)
    return try train(
      [head], evaluating: evaluations, resume: resume, control: control, profile: profile, observe: observe)
  }

  /// Trains heads that share a backbone, in turn.
  ///
  /// - Parameters:
  ///   - heads: The heads, the first of which is that of ``model``.
  ///   - evaluations: What they are evaluated on.
  /// - Throws: as ``train(on:evaluating:evaluatingSets:resume:control:profile:observe:)``.
  func train(
    _ heads: [RunHead], evaluating evaluations: [EvaluationSet], resume: Bool, control: TrainingControl,
    profile: Profile?, observe: @escaping (TrainingEvent) -> Void
  ) throws -> TrainingOutcome {
    try options.validate()
    if let problem = options.missingEvaluations(hasData: !evaluations.isEmpty).first { throw problem }
    guard options.evalStrategy == .no && !options.evalOnStart || !evaluations.isEmpty else {
      throw GraftError(
        .missing, "there is no data to evaluate on",
        advice: "Pass \(option: "eval-data") or \(option: "eval-split").")
    }
    let loop = try TrainingLoop(
      self, heads, evaluations: evaluations, control: control, profile: profile, observe: observe)
    return try loop.run(resume: resume)
  }
}
