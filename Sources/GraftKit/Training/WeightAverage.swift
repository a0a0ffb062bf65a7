import GraftCompute
import GraftCore
import GraftTensors

/// The exponential moving average of a model's weights, as `torch.optim.swa_utils.get_ema_multi_avg_fn` has it: the
/// weights of the first step, and then `average + (1 − decay) · (weights − average)`.
final class WeightAverage {
  private let parameters: [Parameter]
  private let decay: Float
  private let backend: any ComputeBackend
  /// In the order of the parameters; `nil` before the first step.
  private var averages: [Tensor]?

  /// What the weights themselves are called in a checkpoint, whose model has the averages.
  static let stem = "training_weights"

  /// - Parameter parameters: All that are ever trained.
  init(_ parameters: [Parameter], decay: Double, backend: any ComputeBackend) {
    self.parameters = parameters
    self.decay = Float(decay)
    self.backend = backend
  }

  /// Takes note of the weights after a step.
  func update() {
    guard let averages else { return takeUp() }
    let rest = 1 - decay
    backend.threads.run(parameters.count) { index in
      let (average, weights) = (averages[index].pointer, parameters[index].value.pointer)
      for i in 0..<averages[index].count { average[i] += rest * (weights[i] - average[i]) }
    }
  }

  /// Begins with the weights as they are.
  func takeUp() {
    averages = parameters.map { parameter in
      let copy = Tensor(uninitialized: parameter.shape)
      copy.pointer.update(from: parameter.value.pointer, count: copy.count)
      return copy
    }
  }

  /// Exchanges the averages with the model's weights.
  func exchange() {
    guard let averages else { return }
    for (parameter, average) in zip(parameters, averages) {
      for i in 0..<average.count { swap(&average.pointer[i], &parameter.value.pointer[i]) }
      parameter.weightsDidChange()
    }
  }

  /// The model's weights, shared with it.
  var weights: Weights {
    parameters.reduce(into: Weights()) { $0[$1.name] = LazyTensor($1.value) }
  }

  /// Puts stored weights into the model.
  ///
  /// - Throws: `GraftError` when one is missing or of another shape.
  func restore(_ stored: Weights) throws {
    for parameter in parameters {
      let expected = TensorSpec(.float32, parameter.shape)
      guard let tensor = stored[parameter.name], tensor.spec == expected else {
        throw GraftError(
          .mismatch, "not the weights of this run", subject: "tensor '\(parameter.name)'",
          expected: expected.description, found: stored[parameter.name]?.spec.description ?? "nothing",
          advice: "Remove this checkpoint to resume from the one before.")
      }
      try tensor.copyFloats(to: parameter.value.buffer)
      parameter.weightsDidChange()
    }
  }
}
