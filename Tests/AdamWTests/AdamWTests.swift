import AdamW
import Foundation
import GraftCompute
import GraftCore
import GraftTensors
import OpenBLAS
import TestSupport
import Testing

@Suite struct AdamWTests {
  /// A run that `torch.optim.AdamW` made: `Fixtures/adamw/make.py`.
  private let golden: JSON
  private let backend: any ComputeBackend

  init() throws {
    golden = try JSON(parsing: Array(Data(contentsOf: fixtures.appending(path: "adamw/steps.json"))))
    backend = try ReferenceBackend(threads: 2)
  }

  @Test func everyStepIsTorchs() throws {
    let parameters = try makeParameters()
    let optimizer = AdamWOptimizer(parameters, options: OptimizerOptions(weightDecay: 0.1))
    for step in try steps { try take(step, optimizer, parameters) }
  }

  @Test func aRestoredOptimizerGoesOnAsIfNeverStopped() throws {
    for stop in 0..<4 {
      let (whole, parts) = (try makeParameters(), try makeParameters())
      let optimizer = AdamWOptimizer(whole, options: OptimizerOptions(weightDecay: 0.1))
      var resumed = AdamWOptimizer(parts, options: OptimizerOptions(weightDecay: 0.1))
      for (index, step) in try steps.enumerated() {
        if index == stop {
          let state = resumed.state
          resumed = AdamWOptimizer(parts, options: OptimizerOptions(weightDecay: 0.1))
          try resumed.restore(state)
        }
        try take(step, optimizer, whole)
        try take(step, resumed, parts)
      }
      #expect(whole.map(\.value.values) == parts.map(\.value.values))
    }
  }

  @Test func threadsDoNotChangeTheResult() throws {
    // More than one piece, and a last piece that is short.
    let count = 3 << 15 | 77
    func run(_ threads: Int) throws -> (norm: Double, weights: [Float]) {
      var generator = RandomKey(seed: 5).generator
      let parameter = Parameter(
        "w",
        Tensor((0..<count).map { _ in generator.normal() }, shape: [count]),
        decays: true
      )
      let optimizer = AdamWOptimizer([parameter], options: OptimizerOptions(weightDecay: 0.01))
      let backend = try ReferenceBackend(threads: threads)
      parameter.set((0..<count).map { _ in generator.normal() })
      let norm = optimizer.gradientNorm(backend: backend)
      optimizer.update(learningRate: 0.1, gradientScale: Float(1 / norm), backend: backend)
      return (norm, parameter.value.values)
    }
    let (one, three) = (try run(1), try run(3))
    #expect(one.norm == three.norm)
    #expect(one.weights == three.weights)
    #expect(abs(one.norm / Double(count).squareRoot() - 1) < 0.02)
  }

  @Test func anUpdateForgetsGradients() throws {
    let parameter = Parameter("w", Tensor([1, 2], shape: [2]), decays: false)
    let optimizer = AdamWOptimizer([parameter], options: OptimizerOptions())
    parameter.set([3, 4])
    #expect(optimizer.gradientNorm(backend: backend) == 5)
    optimizer.update(learningRate: 0.1, gradientScale: 1, backend: backend)
    #expect(parameter.gradient == nil)
    #expect(optimizer.gradientNorm(backend: backend) == 0)
  }

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
    state.metadata["step.a"] = "many"
    #expect(message(state) == "metadata 'step.a': not a number of steps; found 'many'.")
  }

  // MARK: The golden run

  private var steps: [JSON] { get throws { try #require(golden["steps"]?.array) } }

  private func makeParameters() throws -> [Parameter] {
    try ["weight", "bias", "rare"].map { name in
      let shape = try #require(golden["shapes"]?[name]?.array).compactMap(\.int)
      return Parameter(
        name,
        Tensor(try floats(golden["start"]?[name]), shape: shape),
        decays: shape.count > 1
      )
    }
  }

  private func take(_ step: JSON, _ optimizer: AdamWOptimizer, _ parameters: [Parameter]) throws {
    for parameter in parameters {
      if let gradient = step["gradients"]?[parameter.name] { parameter.set(try floats(gradient)) }
    }
    let norm = optimizer.gradientNorm(backend: backend)
    let expected = try #require(step["norm"]?.double)
    #expect(abs(norm / expected - 1) < 1e-6)
    let rate = Float(try #require(step["learning_rate"]?.double))
    optimizer.update(learningRate: rate, gradientScale: Float(min(1, 1 / (norm + 1e-6))), backend: backend)
    for parameter in parameters {
      for (mine, theirs) in zip(parameter.value.values, try floats(step["parameters"]?[parameter.name])) {
        #expect(abs(mine - theirs) < 1e-6 * max(1, abs(theirs)), "\(parameter.name)")
      }
    }
  }

  private func floats(_ json: JSON?) throws -> [Float] {
    try #require(json?.array).compactMap { $0.double.map { Float($0) } }
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
