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
  static let updateSpan = "optimizer: update"

  /// What a step did.
  public struct Result: Sendable, Equatable {
    /// The mean over all predictions of the step, those of other ranks included, before the update.
    public let loss: Double
    /// How many predictions that were.
    public let predictions: Int
    /// The norm of all gradients together, before clipping.
    public let gradientNorm: Double
    /// The names of the parameters that a gradient reached; others stay as they were.
    public let trained: Set<String>
  }

  /// - Parameters:
  ///   - model: What is trained.
  ///   - optimizer: Over the model's parameters that are not frozen.
  ///   - maxGradNorm: Gradients are scaled so that their norm is at most this; 0 does not clip.
  ///   - backend: The compute kernels.
  ///   - pool: Memory that steps use again.
  ///   - reduction: What ranks that train one model do with their gradients.
  public init(
    model: Model,
    optimizer: any Optimizer,
    maxGradNorm: Double,
    backend: any ComputeBackend,
    pool: MemoryPool = MemoryPool(),
    reduction: any GradientReduction = NoReduction()
  ) {
    self.model = model
    self.optimizer = optimizer
    self.maxGradNorm = maxGradNorm
    self.backend = backend
    self.pool = pool
    self.reduction = reduction
  }

  /// Trains on prepared batches.
  ///
  /// A batch counts by the number of its predictions, as one large batch would.
  ///
  /// - Parameters:
  ///   - batches: Prepared by the tasks of the model's heads.
  ///   - learningRate: This step's.
  ///   - dropoutKeys: The randomness of dropout in each batch; `nil` for none.
  ///   - profile: Where the step's time is counted.
  /// - Throws: `GraftError` when the loss or the gradient is not a finite number; what the reduction throws. The
  ///   weights are then as they were before.
  public func run(
    _ batches: [PreparedBatch], learningRate: Double, dropoutKeys: [RandomKey]? = nil, profile: Profile? = nil
  ) throws -> Result {
    profile?.begin("other")
    defer { profile?.end() }
    let predictions = batches.reduce(0) { $0 + $1.targetCount }
    var loss = 0.0
    for (index, batch) in batches.enumerated() {
      let share = Float(Double(batch.targetCount) / Double(max(1, predictions)))
      let tape = Tape(backend, dropoutKey: dropoutKeys?[index], pool: pool, profile: profile)
      let value = try model.loss(try model.scores(batch, tape), batch, tape)
      loss += Double(value.value.item) * Double(share)
      tape.backward(from: value, scale: share)
    }
    let total: (loss: Double, predictions: Int)
    do {
      total = try reduction.reduce(
        model.parameters.all.filter(\.needsGradient), loss: loss, predictions: predictions)
    } catch {
      forgetGradients()
      throw error
    }
    // After the reduction, so that all ranks stop together.
    guard total.loss.isFinite else {
      forgetGradients()
      throw diverged("the loss is \(total.loss)")
    }
    let norm = profile.measure("optimizer: gradient norm") { optimizer.gradientNorm(backend: backend) }
    guard norm.isFinite else {
      forgetGradients()
      throw diverged("the norm of the gradient is \(norm)")
    }
    // As torch.nn.utils.clip_grad_norm_ has it.
    let scale = maxGradNorm > 0 ? min(1, maxGradNorm / (norm + 1e-6)) : 1
    let trained = model.parameters.all.filter { $0.gradient != nil }
    for parameter in trained { parameter.weightsDidChange() }
    profile.measure(Self.updateSpan) {
      optimizer.update(learningRate: Float(learningRate), gradientScale: Float(scale), backend: backend)
    }
    let bytes = trained.reduce(0) { sum, parameter in
      let ofRounded = parameter.rounded == nil ? 0 : MemoryLayout<BFloat16>.size
      return sum + parameter.value.count * (type(of: optimizer).bytesPerWeight + ofRounded)
    }
    profile?.count(batches.map(\.inputs), updatedBytes: type(of: optimizer).bytesPerWeight > 0 ? bytes : 0)
    return Result(
      loss: total.loss, predictions: total.predictions, gradientNorm: norm, trained: Set(trained.map(\.name)))
  }

  private func forgetGradients() {
    for parameter in model.parameters.all { parameter.clearGradient() }
  }

  private func diverged(_ problem: String) -> GraftError {
    GraftError(
      .refused,
      "training diverged: \(problem)",
      advice:
        "Lower \(option: "learning-rate"), add \(option: "warmup-steps"), or set \(option: "max-grad-norm").")
  }
}
