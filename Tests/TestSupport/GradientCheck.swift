import GraftCompute
import Testing

/// A variable of normally distributed numbers that wants a gradient.
public func randomVariable(_ shape: [Int], seed: UInt64, scale: Float = 1, offset: Float = 0) -> Variable {
  var generator = RandomKey(seed: seed).generator
  let values = (0..<shape.reduce(1, *)).map { _ in offset + scale * generator.normal() }
  return Variable(Tensor(values, shape: shape), needsGradient: true)
}

/// Compares gradients with finite differences of the mean squared distance of an op's output to some numbers.
///
/// The five-point stencil with steps of 0.05 is exact up to 0.05⁴/30 of a fifth derivative, 2·10⁻⁷; the output's
/// float32 rounding, 6·10⁻⁸, is divided by the step and by the output's share in the loss, which leaves some
/// 10⁻⁵ of the largest gradient. The tolerance is ten times that.
public func expectGradientsMatchDifferences(
  of inputs: [Variable],
  step: Float = 0.05,
  tolerance: Double = 3e-4,
  backend: (any ComputeBackend)? = nil,
  dropoutKey: RandomKey? = nil,
  sourceLocation: SourceLocation = #_sourceLocation,
  _ forward: (Tape) throws -> Variable
) throws {
  let backend = try backend ?? ReferenceBackend(threads: 1)
  for input in inputs { input.clearGradient() }
  let tape = Tape(backend, dropoutKey: dropoutKey)
  let output = try forward(tape)
  var generator = RandomKey(seed: 99).generator
  let targets = (0..<output.value.count).map { _ in generator.normal() }
  tape.backward(from: tape.meanSquaredError(output, targets: targets))

  func loss() throws -> Double {
    let output = try forward(Tape(backend, recording: false, dropoutKey: dropoutKey))
    return zip(output.value.values, targets).reduce(0) {
      let difference = Double($1.0) - Double($1.1)
      return $0 + difference * difference
    } / Double(targets.count)
  }
  for (number, input) in inputs.enumerated() {
    let gradient = try #require(
      input.gradient,
      "input \(number) got no gradient",
      sourceLocation: sourceLocation
    )
    let largest = Double(gradient.values.reduce(0) { max($0, abs($1)) })
    #expect(
      largest > 1e-4,
      "the check of input \(number) would prove nothing",
      sourceLocation: sourceLocation
    )
    for i in 0..<input.value.count {
      let here = input.value.pointer[i]
      func moved(by steps: Float) throws -> Double {
        input.value.pointer[i] = here + steps * step
        return try loss()
      }
      let near = try moved(by: 1) - moved(by: -1)
      let far = try moved(by: 2) - moved(by: -2)
      input.value.pointer[i] = here
      let difference = (8 * near - far) / (12 * Double(step))
      #expect(
        abs(difference - Double(gradient.pointer[i])) <= tolerance * largest,
        "input \(number), element \(i): \(gradient.pointer[i]), by differences \(difference)",
        sourceLocation: sourceLocation
      )
    }
  }
}
