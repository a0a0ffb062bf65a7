import GraftCompute
import GraftCore
import GraftTensors

/// The mean of a model's weights at several times, as `torch.optim.swa_utils.AveragedModel` has it: the n-th moves the mean by
/// 1/n of what it is away from it.
struct CheckpointAverage {
  private let parameters: [Parameter]
  private var means: [Tensor] = []
  private var count = 0

  init(_ parameters: [Parameter]) { self.parameters = parameters }

  /// Adds the weights as they are.
  mutating func add() {
    defer { count += 1 }
    guard count > 0 else {
      means = parameters.map { parameter in
        let copy = Tensor(uninitialized: parameter.shape)
        copy.pointer.update(from: parameter.value.pointer, count: copy.count)
        return copy
      }
      return
    }
    let share = 1 / Float(count + 1)
    for (mean, parameter) in zip(means, parameters) {
      let (count, mean, weights) = (mean.count, mean.pointer, parameter.value.pointer)
      for i in 0..<count { mean[i] += share * (weights[i] - mean[i]) }
    }
  }

  /// Puts the mean into the model.
  func take() {
    for (mean, parameter) in zip(means, parameters) {
      parameter.value.pointer.update(from: mean.pointer, count: mean.count)
      parameter.weightsDidChange()
    }
  }
}
