import Foundation
import GraftCompute
import GraftCore
import GraftPlugins
import GraftTensors
import TestSupport
import Testing
import VectorKernels

/// An optimizer in the registry, on a backend with naive kernels or with vector kernels.
struct OptimizerCandidate: CustomTestStringConvertible, Sendable {
  let type: any Optimizer.Type
  let usesVectorKernels: Bool

  var testDescription: String { "\(type.name) with \(usesVectorKernels ? "vector" : "naive") kernels" }

  static let all: [OptimizerCandidate] =
    ((try? Registry(builtInPlugins))?.optimizers.values ?? []).flatMap { type in
      [false, true].map { OptimizerCandidate(type: type, usesVectorKernels: $0) }
    }

  func backend(threads: Int) throws -> any ComputeBackend {
    usesVectorKernels ? try VectorBackend(threads: threads) : try ReferenceBackend(threads: threads)
  }

  /// A backend with naive products and vector kernels.
  private struct VectorBackend: ComputeBackend {
    static let name = "vector kernels"
    let threads: ThreadPool
    let kernels: any Kernels = VectorKernels()

    init(threads: Int) throws { self.threads = ThreadPool(count: threads) }

    func gemm(
      _ product: MatrixProduct, _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>, ldb: Int,
      to c: UnsafeMutablePointer<Float>, ldc: Int, accumulating: Bool
    ) {
      preconditionFailure("an optimizer multiplies no matrices")
    }
  }
}

/// Every optimizer in the registry, against a run that another framework made, and against what the training loop
/// relies on.
@Suite("Every optimizer") struct OptimizerConformance {
  @Test("there are some: an empty list would pass every test below")
  func notEmpty() throws {
    #expect(OptimizerCandidate.all.count == 2 * (try Registry(builtInPlugins).optimizers.names.count))
    #expect(!OptimizerCandidate.all.isEmpty)
  }

  @Test("takes the steps of the framework it is named after", arguments: OptimizerCandidate.all)
  func steps(_ candidate: OptimizerCandidate) throws {
    let golden = try Golden(candidate.type.name)
    let parameters = try golden.parameters()
    let optimizer = candidate.type.init(parameters, options: golden.options)
    let backend = try candidate.backend(threads: 2)
    for step in golden.steps {
      let norm = try golden.take(step, optimizer, parameters, backend)
      #expect(abs(norm / step.norm - 1) < 1e-6)
      for parameter in parameters {
        let expected = try #require(step.parameters[parameter.name])
        for (mine, theirs) in zip(parameter.value.values, expected) {
          #expect(abs(mine - theirs) < 1e-6 * max(1, abs(theirs)), "\(parameter.name)")
        }
      }
    }
  }

  @Test("goes on from its state, written to a file, to the same bits", arguments: OptimizerCandidate.all)
  func restored(_ candidate: OptimizerCandidate) throws {
    let golden = try Golden(candidate.type.name)
    let backend = try candidate.backend(threads: 2)
    let format = try Registry(builtInPlugins).formats.find("safetensors").init()
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).safetensors")
    defer { try? FileManager.default.removeItem(at: file) }
    for stop in 0..<golden.steps.count {
      let (whole, parts) = (try golden.parameters(), try golden.parameters())
      let optimizer = candidate.type.init(whole, options: golden.options)
      var resumed = candidate.type.init(parts, options: golden.options)
      for (index, step) in golden.steps.enumerated() {
        if index == stop {
          try format.write(resumed.state, to: file)
          resumed = candidate.type.init(parts, options: golden.options)
          try resumed.restore(try format.open(file))
        }
        _ = try golden.take(step, optimizer, whole, backend)
        _ = try golden.take(step, resumed, parts, backend)
      }
      #expect(bits(whole) == bits(parts), "stopped after \(stop) steps")
      #expect(try values(optimizer.state) == values(resumed.state), "stopped after \(stop) steps")
    }
  }

  /// What ranks rely on that each have a part of the parameters.
  @Test(
    "takes the same steps over parts of parameters, where it says so", arguments: OptimizerCandidate.all)
  func parts(_ candidate: OptimizerCandidate) throws {
    guard candidate.type.isElementwise else { return }
    let golden = try Golden(candidate.type.name)
    let backend = try candidate.backend(threads: 2)
    let (whole, cut) = (try golden.parameters(), try golden.parameters())
    let optimizer = candidate.type.init(whole, options: golden.options)
    let parts = cut.flatMap { parameter in
      [0..<parameter.value.count / 2, parameter.value.count / 2..<parameter.value.count].map { elements in
        (
          elements, parameter,
          Parameter(parameter.name, Tensor(elements, of: parameter.value), decays: parameter.decays)
        )
      }
    }
    let halves = [0, 1].map { half in
      candidate.type.init(
        parts.indices.filter { $0 % 2 == half }.map { parts[$0].2 }, options: golden.options)
    }
    for step in golden.steps {
      let norm = try golden.take(step, optimizer, whole, backend)
      for (elements, parameter, part) in parts {
        if let gradient = step.gradients[parameter.name] { part.setGradient(Array(gradient[elements])) }
      }
      for half in halves {
        half.update(
          learningRate: step.learningRate, gradientScale: Float(min(1, 1 / (norm + 1e-6))), backend: backend)
      }
    }
    for (cut, whole) in zip(cut, whole) {
      for (mine, theirs) in zip(cut.value.values, whole.value.values) { #expect(abs(mine - theirs) <= 1e-7) }
    }
    for half in halves { #expect(half.state.metadata == optimizer.state.metadata) }
    for (name, tensor) in optimizer.state.tensors {
      let parameter = try #require(whole.first { name.hasSuffix(".\($0.name)") })
      #expect(!name.dropLast(parameter.name.count + 1).contains("."))
      let found = try halves.flatMap { try Tensor(try #require($0.state[name])).values }
      for (mine, theirs) in zip(found, try Tensor(tensor).values) { #expect(abs(mine - theirs) <= 1e-7) }
      #expect(tensor.spec.shape == parameter.shape && found.count == tensor.spec.elementCount)
    }
  }

  @Test(
    "changes no parameter that no gradient reached, frozen ones included", arguments: OptimizerCandidate.all)
  func untouched(_ candidate: OptimizerCandidate) throws {
    let backend = try candidate.backend(threads: 1)
    let values: [Float] = [1, -2, 3]
    let parameters = [("trained", false), ("unreached", false), ("frozen", true)].map { name, frozen in
      Parameter(name, Tensor(values, shape: [3]), decays: true, frozen: frozen)
    }
    let optimizer = candidate.type.init(parameters, options: OptimizerOptions(weightDecay: 0.5))
    for _ in 0..<3 {
      parameters[0].setGradient([1, 1, 1])
      // Nothing gathers in a slot whose gradient is not wanted.
      parameters[2].setGradient([1, 1, 1])
      #expect(abs(optimizer.gradientNorm(backend: backend) - 3.0.squareRoot()) < 1e-12)
      optimizer.update(learningRate: 0.1, gradientScale: 1, backend: backend)
    }
    #expect(parameters[0].value.values != values)
    #expect(bits(Array(parameters[1...])) == [values, values].map { $0.map(\.bitPattern) })
  }

  @Test("gives the same bits on 1, 2 and 3 threads", arguments: OptimizerCandidate.all)
  func threads(_ candidate: OptimizerCandidate) throws {
    // Several pieces of work, whatever their size, and a last one that is short.
    let count = 5 << 16 | 77
    func run(_ threads: Int) throws -> (norm: Double, weights: [[UInt32]]) {
      var generator = RandomKey(seed: 5).generator
      let parameter = Parameter(
        "w", Tensor((0..<count).map { _ in generator.normal() }, shape: [count]), decays: true)
      let optimizer = candidate.type.init([parameter], options: OptimizerOptions(weightDecay: 0.01))
      let backend = try candidate.backend(threads: threads)
      parameter.setGradient((0..<count).map { _ in generator.normal() })
      let norm = optimizer.gradientNorm(backend: backend)
      optimizer.update(learningRate: 0.1, gradientScale: Float(1 / norm), backend: backend)
      return (norm, bits([parameter]))
    }
    let one = try run(1)
    #expect(abs(one.norm / Double(count).squareRoot() - 1) < 0.02)
    for threads in 2...3 {
      let several = try run(threads)
      #expect(several.norm == one.norm)
      #expect(several.weights == one.weights)
    }
  }

  @Test("forgets gradients after an update, and scales them before", arguments: OptimizerCandidate.all)
  func gradients(_ candidate: OptimizerCandidate) throws {
    let backend = try candidate.backend(threads: 1)
    func run(_ gradient: [Float], scale: Float) -> [[UInt32]] {
      let parameter = Parameter("w", Tensor([1, 2], shape: [2]), decays: false)
      let optimizer = candidate.type.init([parameter], options: OptimizerOptions())
      parameter.setGradient(gradient)
      let exact = gradient.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      #expect(optimizer.gradientNorm(backend: backend) == exact)
      optimizer.update(learningRate: 0.1, gradientScale: scale, backend: backend)
      #expect(parameter.gradient == nil)
      #expect(optimizer.gradientNorm(backend: backend) == 0)
      return bits([parameter])
    }
    #expect(run([3, 4], scale: 0.25) == run([0.75, 1], scale: 1))
  }

  @Test("refuses the state of other parameters", arguments: OptimizerCandidate.all)
  func refused(_ candidate: OptimizerCandidate) throws {
    let backend = try candidate.backend(threads: 1)
    func optimizer(_ name: String, _ shape: [Int]) -> any Optimizer {
      let parameter = Parameter(name, Tensor(repeating: 0, shape: shape), decays: true)
      let optimizer = candidate.type.init([parameter], options: OptimizerOptions())
      parameter.setGradient([Float](repeating: 1, count: parameter.value.count))
      optimizer.update(learningRate: 0, gradientScale: 1, backend: backend)
      return optimizer
    }
    try optimizer("a", [2, 2]).restore(optimizer("a", [2, 2]).state)
    for (name, shape) in [("b", [2, 2]), ("a", [4])] {
      let error = #expect(throws: GraftError.self) {
        try optimizer("a", [2, 2]).restore(optimizer(name, shape).state)
      }
      #expect(error?.subject?.contains("a") == true)
      #expect(error?.advice != nil)
    }
  }

  private func bits(_ parameters: [Parameter]) -> [[UInt32]] {
    parameters.map { $0.value.values.map(\.bitPattern) }
  }

  private func values(_ state: Weights) throws -> [String: [UInt32]] {
    try state.tensors.reduce(into: [:]) { $0[$1.key] = try Tensor($1.value).values.map(\.bitPattern) }
  }
}

/// A run that another framework made: `Fixtures/NAME/steps.json`, with its generator beside it.
private struct Golden {
  let options: OptimizerOptions
  let steps: [Step]
  private let start: [(name: String, shape: [Int], values: [Float])]

  struct Step {
    let learningRate: Float
    let gradients: [String: [Float]]
    /// Of all gradients together, before clipping to 1.
    let norm: Double
    /// Afterwards.
    let parameters: [String: [Float]]
  }

  init(_ name: String) throws {
    let golden = try JSON(file: fixtures.appending(path: "\(name)/steps.json"))
    func floats(_ json: JSON?) throws -> [Float] {
      try #require(json?.array).map { Float(try #require($0.double)) }
    }
    func table(_ json: JSON?) throws -> [String: [Float]] {
      try #require(json?.object).reduce(into: [:]) { $0[$1.key] = try floats($1.value) }
    }
    let settings = try #require(golden["options"]?.object)
    func option(_ name: String) throws -> Float { Float(try #require(settings[name]?.double)) }
    options = OptimizerOptions(
      weightDecay: try option("weight_decay"), beta1: try option("beta1"), beta2: try option("beta2"),
      epsilon: try option("epsilon"))
    start = try #require(golden["shapes"]?.object).map { name, shape in
      (name, try #require(shape.array).compactMap(\.int), try floats(golden["start"]?[name]))
    }
    steps = try #require(golden["steps"]?.array).map { step in
      Step(
        learningRate: Float(try #require(step["learning_rate"]?.double)),
        gradients: try table(step["gradients"]),
        norm: try #require(step["norm"]?.double), parameters: try table(step["parameters"]))
    }
    try #require(!steps.isEmpty && !start.isEmpty)
  }

  /// Matrices decay, as the generator has it.
  func parameters() throws -> [Parameter] {
    start.map { Parameter($0.name, Tensor($0.values, shape: $0.shape), decays: $0.shape.count > 1) }
  }

  /// Sets the gradients of a step, clips them to 1 and updates.
  ///
  /// - Returns: The norm before clipping.
  func take(
    _ step: Step, _ optimizer: any Optimizer, _ parameters: [Parameter], _ backend: any ComputeBackend
  ) throws -> Double {
    for parameter in parameters {
      if let gradient = step.gradients[parameter.name] { parameter.setGradient(gradient) }
    }
    let norm = optimizer.gradientNorm(backend: backend)
    optimizer.update(
      learningRate: step.learningRate, gradientScale: Float(min(1, 1 / (norm + 1e-6))), backend: backend)
    return norm
  }
}

extension Parameter {
  /// Puts a gradient in place, where one is wanted.
  fileprivate func setGradient(_ values: [Float]) {
    slot.add(pool: nil) { gradient, _ in
      for (index, value) in values.enumerated() { gradient.pointer[index] = value }
    }
  }
}
