import AdamW
import Foundation
import GraftCompute
import GraftCore
import GraftTensors
import OpenBLAS
import Testing

@Suite struct AdamWTests {
  /// A run that `torch.optim.AdamW` made: `Fixtures/adamw/make.py`.
  private let golden: JSON
  private let backend: any ComputeBackend

  init() throws {
    let file = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures/adamw/steps.json")
    golden = try JSON(parsing: Array(Data(contentsOf: file)))
    backend = try ReferenceBackend(threads: 2)
  }

  @Test func everyStepIsTorchs() throws {
    let parameters = try makeParameters()
    let trainer = AdamWTrainer(parameters, options: TrainerOptions(weightDecay: 0.1))
    for step in try steps { try take(step, trainer, parameters) }
  }

  @Test func aRestoredTrainerGoesOnAsIfNeverStopped() throws {
    for stop in 0..<4 {
      let (whole, parts) = (try makeParameters(), try makeParameters())
      let trainer = AdamWTrainer(whole, options: TrainerOptions(weightDecay: 0.1))
      var resumed = AdamWTrainer(parts, options: TrainerOptions(weightDecay: 0.1))
      for (index, step) in try steps.enumerated() {
        if index == stop {
          let state = resumed.state
          resumed = AdamWTrainer(parts, options: TrainerOptions(weightDecay: 0.1))
          try resumed.restore(state)
        }
        try take(step, trainer, whole)
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
      let trainer = AdamWTrainer([parameter], options: TrainerOptions(weightDecay: 0.01))
      let backend = try ReferenceBackend(threads: threads)
      parameter.set((0..<count).map { _ in generator.normal() })
      let norm = trainer.gradientNorm(backend: backend)
      trainer.update(learningRate: 0.1, gradientScale: Float(1 / norm), backend: backend)
      return (norm, parameter.value.values)
    }
    let (one, three) = (try run(1), try run(3))
    #expect(one.norm == three.norm)
    #expect(one.weights == three.weights)
    #expect(abs(one.norm / Double(count).squareRoot() - 1) < 0.02)
  }

  @Test func anUpdateForgetsGradients() throws {
    let parameter = Parameter("w", Tensor([1, 2], shape: [2]), decays: false)
    let trainer = AdamWTrainer([parameter], options: TrainerOptions())
    parameter.set([3, 4])
    #expect(trainer.gradientNorm(backend: backend) == 5)
    trainer.update(learningRate: 0.1, gradientScale: 1, backend: backend)
    #expect(parameter.gradient == nil)
    #expect(trainer.gradientNorm(backend: backend) == 0)
  }

  @Test func anotherRunsStateIsRefused() throws {
    func trainer(_ name: String, _ shape: [Int]) -> AdamWTrainer {
      let parameter = Parameter(name, Tensor(repeating: 0, shape: shape), decays: true)
      let trainer = AdamWTrainer([parameter], options: TrainerOptions())
      parameter.set([Float](repeating: 1, count: parameter.value.count))
      trainer.update(learningRate: 0, gradientScale: 1, backend: backend)
      return trainer
    }
    func message(_ state: Weights) -> String? {
      let target = trainer("a", [2, 2])
      do {
        try target.restore(state)
        return nil
      } catch { return "\(error)" }
    }
    let advice = "It was saved by another run; resume with that run's model and options."
    #expect(message(trainer("a", [2, 2]).state) == nil)
    #expect(
      message(trainer("b", [2, 2]).state)
        == "parameter 'a': the optimizer's state knows nothing of a parameter. \(advice)"
    )
    #expect(
      message(trainer("a", [4]).state)
        == "tensor 'first_moment.a': the optimizer's state has wrong moments; expected float32 "
        + "[2, 2], found float32 [4]. \(advice)"
    )
    var state = trainer("a", [2, 2]).state
    state["second_moment.a"] = nil
    #expect(message(state)?.contains("expected float32 [2, 2], found nothing") == true)
    state = trainer("a", [2, 2]).state
    state.metadata["step.b"] = "1"
    #expect(
      message(state)
        == "metadata 'step.b': the optimizer's state knows a parameter that is not trained. \(advice)"
    )
    state = trainer("a", [2, 2]).state
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

  private func take(_ step: JSON, _ trainer: AdamWTrainer, _ parameters: [Parameter]) throws {
    for parameter in parameters {
      if let gradient = step["gradients"]?[parameter.name] { parameter.set(try floats(gradient)) }
    }
    let norm = trainer.gradientNorm(backend: backend)
    let expected = try #require(step["norm"]?.double)
    #expect(abs(norm / expected - 1) < 1e-6)
    let rate = Float(try #require(step["learning_rate"]?.double))
    trainer.update(learningRate: rate, gradientScale: Float(min(1, 1 / (norm + 1e-6))), backend: backend)
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
