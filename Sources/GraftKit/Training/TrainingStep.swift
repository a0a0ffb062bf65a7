import GraftCompute
import GraftCore
import GraftTensors

/// One step of training: forward and backward over some batches, clipping, and the optimizer's update.
///
/// The training loop is made of these. Use one directly to train on batches of your own.
///
///     let step = TrainingStep(model: model, optimizer: optimizer, maxGradNorm: 1, backend: backend)
///     let result = try step.run([batch], learningRate: 5e-5)
public struct TrainingStep {
  private let model: Model
  private let optimizer: any Optimizer
  private let maxGradNorm: Double
  private let backend: any ComputeBackend
  private let pool: MemoryPool
  private let reduction: any GradientReduction
  private let generator: TokenGenerator?
  private let discriminatorWeight: Double
  private let parameters: [Parameter]
  static let updateSpan = "optimizer: update"

  /// What a step did.
  public struct Result: Sendable, Equatable {
    /// The mean over all predictions of the step, those of other ranks included, before the update; of several
    /// heads, the sum of their means; with a generator that learns, its mean and the head's times its weight.
    public let loss: Double
    /// How many predictions that were, of all heads together.
    public let predictions: Int
    /// The norm of all gradients together, before clipping.
    public let gradientNorm: Double
    /// The names of the parameters that a gradient reached; others stay as they were.
    public let trained: Set<String>
  }

  /// - Parameters:
  ///   - model: What is trained.
  ///   - optimizer: Over the model's parameters that are not frozen, or this rank's part of them.
  ///   - maxGradNorm: Gradients are scaled so that their norm is at most this; 0 does not clip.
  ///   - backend: The compute kernels.
  ///   - pool: Memory that steps use again.
  ///   - reduction: What ranks that train one model do with their gradients.
  ///   - generator: Fills what batches leave open, and learns beside the model.
  ///   - discriminatorWeight: The factor of the loss of a head that reads the generator, whose own loss has 1.
  public init(
    model: Model,
    optimizer: any Optimizer,
    maxGradNorm: Double,
    backend: any ComputeBackend,
    pool: MemoryPool = MemoryPool(),
    reduction: any GradientReduction = NoReduction(),
    generator: TokenGenerator? = nil,
    discriminatorWeight: Double = 1
  ) {
    self.generator = generator
    self.discriminatorWeight = discriminatorWeight
    parameters = model.parameters.all + (generator?.ownParameters ?? [])
    self.model = model
    self.optimizer = optimizer
    self.maxGradNorm = maxGradNorm
    self.backend = backend
    self.pool = pool
    self.reduction = reduction
  }

  /// Trains on prepared batches.
  ///
  /// Each head's loss counts by the number of the head's predictions in the batch, as in one large batch.
  ///
  /// - Parameters:
  ///   - batches: Prepared by the tasks of the model's heads.
  ///   - learningRate: This step's.
  ///   - dropoutKeys: The randomness of dropout in each batch; `nil` for none.
  ///   - profile: Where the step's time is counted.
  /// - Throws: `GraftError` when the loss or the gradient is not a finite number; what the reduction throws. The
  ///   weights are then as they were before, unless it was while ranks exchanged them.
  public func run(
    _ batches: [PreparedBatch], learningRate: Double, dropoutKeys: [RandomKey]? = nil, profile: Profile? = nil
  ) throws -> Result {
    profile?.begin("other")
    defer { profile?.end() }
    let (loss, norm, predictions): (Double, Double, Int)
    do {
      (loss, predictions) = try goBack(batches, dropoutKeys, profile)
      // After the reduction, so that all ranks stop together.
      guard loss.isFinite else { throw diverged("the loss is \(loss)") }
      norm = try reduction.norm(
        profile.measure("optimizer: gradient norm") { optimizer.gradientNorm(backend: backend) })
      guard norm.isFinite else { throw diverged("the norm of the gradient is \(norm)") }
    } catch {
      for parameter in parameters { parameter.clearGradient() }
      throw error
    }
    // As torch.nn.utils.clip_grad_norm_ has it.
    let scale = maxGradNorm > 0 ? min(1, maxGradNorm / (norm + 1e-6)) : 1
    let trained = parameters.filter { $0.gradient != nil }
    for parameter in trained { parameter.weightsDidChange() }
    profile.measure(Self.updateSpan) {
      optimizer.update(learningRate: Float(learningRate), gradientScale: Float(scale), backend: backend)
    }
    try reduction.exchangeWeights()
    let bytes = trained.reduce(0) { sum, parameter in
      let ofRounded = parameter.rounded == nil ? 0 : MemoryLayout<BFloat16>.size
      return sum + parameter.value.count * (type(of: optimizer).bytesPerWeight + ofRounded)
    }
    profile?.count(
      batches.map(\.inputs),
      updatedBytes: type(of: optimizer).bytesPerWeight > 0 ? Int(Double(bytes) * reduction.shareOfUpdate) : 0)
    return Result(
      loss: loss, predictions: predictions, gradientNorm: norm, trained: Set(trained.map(\.name)))
  }

  /// Forward and backward, and the reduction: leaves the gradient of the step in the parameters.
  private func goBack(
    _ batches: [PreparedBatch], _ dropoutKeys: [RandomKey]?, _ profile: Profile?
  ) throws -> (loss: Double, predictions: Int) {
    let tasks = model.heads.map { type(of: $0.task) }
    var names = tasks.map { $0.name }
    let counts = tasks.map { task in Double(batches.reduce(0) { $0 + $1.targetCount(of: task) }) }
    var weights = tasks.map { task in batches.reduce(0) { $0 + $1.targetWeight(of: task) } }
    if generator != nil {
      names.append(TokenGenerator.name)
      weights.append(try batches.reduce(0) { try $0 + Double(model.hiddenTokens(of: $1).places.count) })
    }
    let totals = try reduction.total(counts + weights)
    let trained = parameters.filter(\.needsGradient)
    reduction.begin(trained)
    let isAlone = reduction is NoReduction
    let total = Dictionary(zip(names, totals.suffix(names.count))) { first, _ in first }
    var loss = 0.0
    for (index, batch) in batches.enumerated() {
      let isLast = index == batches.count - 1
      let tape = Tape(
        backend, dropoutKey: dropoutKeys?[index], pool: pool, profile: profile,
        // The norm is that of the whole step, of all ranks.
        sumsSquares: isLast && isAlone,
        gradientIsComplete: isLast && !isAlone ? { [reduction] in reduction.complete($0) } : nil)
      var batch = batch
      let ofGenerator = try generator?.fill(&batch, of: model, tape)
      let weight = ofGenerator == nil ? 1 : discriminatorWeight
      let own = try model.losses(try model.scores(batch, tape), batch, tape).map { ($0, weight) }
      let losses = ((ofGenerator.map { [($0, 1)] } ?? []) + own).map { own, weight in
        let share = own.weight / max(own.weight > 0 ? own.weight : 1, total[own.head] ?? 0)
        return (own.value, scale: Float(weight * share))
      }
      for (value, scale) in losses { loss += Double(value.value.item) * Double(scale) }
      tape.backward(from: losses)
    }
    for parameter in trained { parameter.slot.unseal() }
    loss = try reduction.reduce(trained, loss: loss)
    return (loss, Int(totals.prefix(tasks.count).reduce(0, +)))
  }

  private func diverged(_ problem: String) -> GraftError {
    GraftError(
      .refused,
      "\(GraftError.divergence): \(problem)",
      advice:
        "Lower \(option: "learning-rate"), add \(option: "warmup-steps"), or set \(option: "max-grad-norm").")
  }
}

extension GraftError {
  fileprivate static let divergence = "training diverged"

  /// Whether training ended because its loss or its gradient was no number any more, or what a model computes is none.
  package var isDivergence: Bool {
    kind == .notFinite || kind == .refused && problem.hasPrefix(Self.divergence)
  }
}
