import AdamW
import GraftCompute
import GraftCore
import GraftTensors
import TestSupport
import Testing

/// What `OptimizerConformance` does not ask of every optimizer: the words of AdamW's errors.
@Suite struct AdamWTests {
  private let backend: any ComputeBackend

  init() throws { backend = try ReferenceBackend(threads: 2) }

  @Test func anotherRunsStateIsRefused() throws {
    func optimizer(_ name: String, _ shape: [Int]) -> AdamWOptimizer {
      let parameter = Parameter(name, Tensor(repeating: 0, shape: shape), decays: true)
      let optimizer = AdamWOptimizer([parameter], options: OptimizerOptions())
      parameter.set([Float](repeating: 1, count: parameter.value.count))
      optimizer.update(learningRate: 0, gradientScale: 1, backend: backend)
      return optimizer
    }
    func message(_ state: Weights) -> String? {
      let target = optimizer("a", [2, 2])
      return errorMessage { try target.restore(state) }
    }
    let advice = "It was saved by another run; resume with that run's model and options."
    #expect(message(optimizer("a", [2, 2]).state) == nil)
    #expect(
      message(optimizer("b", [2, 2]).state)
        == "parameter 'a': the optimizer's state knows nothing of a parameter. \(advice)"
    )
    #expect(
      message(optimizer("a", [4]).state)
        == "tensor 'first_moment.a': the optimizer's state has wrong moments; expected float32 "
        + "[2, 2], found float32 [4]. \(advice)"
    )
    var state = optimizer("a", [2, 2]).state
    state["second_moment.a"] = nil
    #expect(message(state)?.contains("expected float32 [2, 2], found nothing") == true)
    state = optimizer("a", [2, 2]).state
    state.metadata["step.b"] = "1"
    #expect(
      message(state)
        == "metadata 'step.b': the optimizer's state knows a parameter that is not trained. \(advice)"
    )
    state = optimizer("a", [2, 2]).state
    for text in ["many", "-1", "9223372036854775807"] {
      state.metadata["step.a"] = text
      #expect(message(state) == "metadata 'step.a': not a number of steps; found '\(text)'.")
    }
  }
}

extension Parameter {
  /// Puts a gradient in place.
  fileprivate func set(_ values: [Float]) {
    slot.add(pool: nil) { gradient, _ in
      for (index, value) in values.enumerated() { gradient.pointer[index] = value }
    }
  }
}
