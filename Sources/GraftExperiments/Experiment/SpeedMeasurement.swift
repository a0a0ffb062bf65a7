import GraftCompute
import GraftCore
import GraftKit

extension ExperimentSchedule {
  /// How many batches are timed, after one that is not.
  private static let timedBatches = 4

  /// Finds out how fast this machine is at kinds of work that nothing is known of yet, by a few batches of real
  /// rows.
  ///
  /// - Parameters:
  ///   - machine: As for the plan.
  ///   - registry: The plugins.
  ///   - observe: Is told what is measured.
  /// - Throws: `GraftError` when a model or data cannot be read.
  public mutating func measure(
    on machine: ExperimentMachine, registry: Registry, observe: (String) -> Void = { _ in }
  ) throws {
    for index in pending.sorted() {
      let stage = plan.stages[index]
      guard let name = stage.task.data.first, let set = plan.experiment.data[name],
        !rates.knows(stage.work.kind)
      else { continue }
      observe(stage.work.kind)
      var options = TrainingOptions()
      var isTraining = false
      switch stage.task {
      case .train(let training): (options, isTraining) = (training.options, true)
      case .evaluate(let scoring):
        options.batchSize = scoring.options.batchSize
        options.maxLength = scoring.maxLength ?? options.maxLength
        options.generator = scoring.generator
      case .importing, .swap, .export: continue
      }
      options.batchSize = min(options.batchSize, 1024)
      let some = try set.read(atMost: options.batchSize * (Self.timedBatches + 1))
      let model = try stage.checkpoint.makeModel(frozen: options.freezesBackbone ? .backbone : .none)
      let data = try some.dataset(for: model, options)
      let optimizer = isTraining ? try registry.optimizers.find(options.optimizer) : nil
      let backend = try machine.backend(for: stage.task)
      let generator = try TokenGenerator(
        at: options.generator, for: model, learns: options.trainsGenerator, backend: backend,
        registry: registry)
      let seconds = try Self.time(
        model, data, options, optimizer: optimizer, generator: generator, backend: backend)
      let bytes = Self.timedBytes(some.rows, batchSize: options.batchSize)
      let passes = isTraining && !options.freezesBackbone ? 3.0 : 1.0
      // Ranks share what one of them was timed with.
      rates.add(
        stage.work.kind, seconds: seconds / Double(machine.group.size),
        amount: Double(bytes) * passes * Double(stage.checkpoint.encoderWeightCount))
    }
  }

  /// The bytes of what is timed: all batches but the first, or that one when there is no other.
  static func timedBytes(_ rows: [TextRow], batchSize: Int) -> Int {
    rows.dropFirst(rows.count > batchSize ? batchSize : 0).reduce(0) { $0 + $1.byteCount }
  }

  /// The time of all batches but the first, or of that one when there is no other, in seconds.
  private static func time(
    _ model: Model, _ data: Dataset, _ options: TrainingOptions, optimizer: (any Optimizer.Type)?,
    generator: TokenGenerator?, backend: any ComputeBackend
  ) throws -> Double {
    let batching = Batching(
      model: model, data: data, mlmProbability: Float(options.mlmProbability), generator: generator,
      fillsInStep: options.trainsGenerator)
    let randomness = Randomness(options.seed)
    let pool = MemoryPool()
    let step = optimizer.map { type in
      let optimizer = type.init(
        (model.parameters.all + (generator?.ownParameters ?? [])).filter(\.needsGradient),
        options: OptimizerOptions(weightDecay: Float(options.weightDecay)))
      return TrainingStep(
        model: model, optimizer: optimizer, maxGradNorm: options.maxGradNorm, backend: backend, pool: pool,
        generator: options.trainsGenerator ? generator : nil,
        discriminatorWeight: options.discriminatorWeight)
    }
    var start = ContinuousClock.now
    for first in stride(from: 0, to: data.count, by: options.batchSize) {
      if first == options.batchSize { start = .now }
      let indices = first..<min(first + options.batchSize, data.count)
      let batch = try batching.prepared(indices.map(data.example), key: randomness.masks(batch: first))
      if let step {
        _ = try step.run([batch], learningRate: 0, dropoutKeys: [randomness.dropout(batch: first)])
      } else {
        _ = try model.scores(batch, Tape(backend, recording: false, pool: pool))
      }
    }
    return start.secondsSince
  }
}
