import Dispatch
import Foundation
import GraftCompute
import GraftCore
import GraftTensors

extension StepModel {
  /// Measures steps of masked-language modelling, which need no data: a made-up text has as many tokens as are wanted.
  ///
  /// - Parameters:
  ///   - source: A checkpoint with a tokenizer, whatever its head. It is not changed.
  ///   - batchSize: Texts of a rank's batch.
  ///   - tokens: Of each text.
  ///   - steps: How many are measured, after two others; the middle one counts.
  ///   - precision: What gradients are sent in.
  ///   - registry: The plugins.
  /// - Throws: `GraftError` when the checkpoint cannot be read or trained, or takes fewer tokens.
  public init(
    measuring source: URL, batchSize: Int, tokens: Int, steps: Int = 3, precision: Precision = .float32,
    backend: any ComputeBackend, registry: Registry
  ) throws {
    let model = try swapHead(source, to: DefaultPlugins.pretrainingHead, registry: registry).checkpoint
      .makeModel()
    guard tokens <= model.backbone.maximumLength else {
      throw GraftError(
        .refused, "the model takes fewer tokens", file: source.path,
        expected: "at most \(model.backbone.maximumLength)", found: "\(tokens)")
    }
    let text = Array(repeating: "the", count: tokens).joined(separator: " ")
    let data = try Dataset(
      Array(repeating: TextRow(text), count: batchSize), for: model, maxLength: tokens)
    let options = TrainingOptions()
    let parameters = model.parameters.all
    let clock = StepClock()
    let step = TrainingStep(
      model: model,
      optimizer: try registry.optimizers.find(options.optimizer).init(
        parameters, options: OptimizerOptions()), maxGradNorm: options.maxGradNorm, backend: backend,
      reduction: clock)
    let (batching, randomness) = (Batching(model: model, data: data), Randomness(options.seed))
    let examples = try batching.examples(0..<batchSize)
    var measured: [StepModel] = []
    for number in 0..<2 + steps {
      let batch = try batching.prepared(examples, key: randomness.masks(batch: number))
      _ = try step.run(
        [batch], learningRate: options.learningRate, dropoutKeys: [randomness.dropout(batch: number)])
      guard number >= 2 else { continue }
      measured.append(
        StepModel(
          gradients: parameters.map { Gradient(count: $0.value.count, ready: clock.ready($0)) },
          backwardEnd: clock.backwardEnd, update: clock.updateEnd - clock.backwardEnd,
          cores: backend.threads.count, precision: precision))
    }
    self = measured.sorted { $0.backwardEnd + $0.update < $1.backwardEnd + $1.update }[steps / 2]
  }
}

/// When the parts of a step are over, in seconds since it began.
private final class StepClock: GradientReduction {
  private var start: UInt64 = 0
  private var complete: [ObjectIdentifier: Double] = [:]
  private(set) var (backwardEnd, updateEnd) = (0.0, 0.0)

  private var now: Double { Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9 }

  func ready(_ parameter: Parameter) -> Double { complete[ObjectIdentifier(parameter)] ?? backwardEnd }

  func total(_ counts: [Double]) -> [Double] {
    (start, complete) = (DispatchTime.now().uptimeNanoseconds, [:])
    return counts
  }

  func complete(_ parameter: Parameter) { complete[ObjectIdentifier(parameter)] = now }

  func reduce(_ parameters: [Parameter], loss: Double) -> Double {
    backwardEnd = now
    return loss
  }

  func exchangeWeights() { updateEnd = now }
}
