import GraftCompute
import GraftTensors

/// A weight of eight bits in a graph.
struct WholeNumbers {
  /// `[in, out]`, int8: as `MatMulInteger` reads it.
  let factors: GraphValue
  /// `[out]`, float32.
  let scales: GraphValue
}

/// Products of whole numbers, as Graft's own in int8: each row of what comes in is rounded by itself, so that a token's
/// result depends neither on other tokens nor on padding.
///
/// `DynamicQuantizeLinear` has one scale for all rows, and cannot say that. `QuantizeLinear` can: it is given the largest
/// magnitude of each row over 127 as the scale, and 128 as the zero point, for ONNX Runtime multiplies whole numbers
/// without a sign many times as fast.
extension Lowering {
  mutating func linear(_ x: GraphValue, weight: GraphValue, bias: GraphValue?) -> GraphValue {
    guard let weight = numbers[weight] else {
      return add("Gemm", [x, weight] + (bias.map { [$0] } ?? []), ["transB": .integer(1)])
    }
    let rowScales = shared("\(x.name) scale") { graph in
      let peaks = graph.add(
        "ReduceMax", [graph.add("Abs", [x])], ["axes": .integers([1]), "keepdims": .integer(1)])
      // Of rows of zeros all numbers are 0, whatever the scale.
      return graph.add("Div", [graph.add("Max", [peaks, graph.number(1e-30)]), graph.number(127)])
    }
    let rounded = shared("\(x.name) rounded") { graph in
      let scales = graph.add("Reshape", [rowScales, graph.integers([-1])])
      let shift = graph.add("Add", [graph.add("Mul", [scales, graph.number(0)]), graph.number(128)])
      return graph.add(
        "QuantizeLinear", [x, scales, graph.add("Cast", [shift], ["to": .type(.uint8)])],
        ["axis": .integer(0)])
    }
    let shift = shared("shift") { $0.add("Cast", [$0.number(128)], ["to": .type(.uint8)]) }
    let sums = add("MatMulInteger", [rounded, weight.factors, shift])
    let scaled = add("Mul", [add("Cast", [sums], ["to": .type(.float32)]), rowScales])
    let product = add("Mul", [scaled, weight.scales])
    return bias.map { add("Add", [product, $0]) } ?? product
  }

  mutating func rows(_ range: Range<Int>, of parameter: GraphValue) -> GraphValue {
    guard let whole = numbers[parameter] else { return slice(parameter, range, axis: 0) }
    let part = slice(whole.factors, range, axis: 1)
    numbers[part] = WholeNumbers(factors: part, scales: slice(whole.scales, range, axis: 0))
    return part
  }

  /// A value that may stand for a weight of eight bits, in float32.
  mutating func dequantized(_ value: GraphValue) -> GraphValue {
    guard let whole = numbers[value] else { return value }
    return shared("\(value.name) in float32") { graph in
      let product = graph.add("DequantizeLinear", [whole.factors, whole.scales], ["axis": .integer(1)])
      return graph.add("Transpose", [product], ["perm": .integers([1, 0])])
    }
  }
}

extension Weights {
  /// The same tensors, where weights of eight bits that are no matrices are in float32.
  var holdingMatrices: Weights {
    var weights = self
    for (name, tensor) in tensors where tensor.spec.shape.count != 2 { weights[name] = tensor.dequantized }
    return weights
  }

  /// The initializers: of weights of eight bits those that ``WholeNumbers`` names.
  func asFactors() throws -> Weights {
    var separated = try separatingScales()
    for (name, tensor) in tensors {
      guard let quantized = tensor.quantized else { continue }
      separated[name] = quantized.numbers.transposed()
      separated[QuantizedTensor.scaleName(of: name)] = quantized.scales
    }
    return separated
  }

  /// The weights of initializers that ``asFactors()`` made.
  func readingProducts() throws -> Weights {
    var weights = self
    for (name, tensor) in tensors
    where tensor.spec.dtype == .int8 && tensor.spec.shape.count == 2
      && tensors[QuantizedTensor.scaleName(of: name)] != nil
    {
      weights[name] = tensor.transposed()
    }
    return try weights.joiningScales()
  }
}
