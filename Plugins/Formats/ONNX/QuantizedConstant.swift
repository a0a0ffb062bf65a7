import GraftTensors

extension LazyTensor {
  /// What `DequantizeLinear` makes of a constant: https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html
  ///
  /// - Parameters:
  ///   - numbers: int8, uint8 or int32.
  ///   - scale: One number, or one for each index along the axis.
  ///   - zeroPoint: As many numbers as there are scales; `nil` is 0.
  ///   - axis: Which extent has a scale for each index.
  ///   - name: What messages call the numbers.
  ///   - scaleName: What messages call the scale.
  /// - Throws: `GraftError` when the shapes do not fit together.
  init(
    dequantizing numbers: LazyTensor, scale: LazyTensor, zeroPoint: LazyTensor?, axis: Int, _ name: String,
    _ scaleName: String
  ) throws {
    let shape = numbers.spec.shape
    let isOne = scale.spec.elementCount == 1
    guard [.int8, .uint8, .int32].contains(numbers.spec.dtype), scale.spec.dtype.isFloatingPoint else {
      throw GraftError(
        .unsupported, "whole numbers of another type than Graft reads", subject: "tensor '\(name)'",
        expected: "int8, uint8 or int32 with a scale", found: "\(numbers.spec), scale \(scale.spec)",
        advice: "Import the model that it was made from.")
    }
    guard isOne || shape.indices.contains(axis) && scale.spec.shape == [shape[axis]] else {
      throw GraftError(
        .mismatch, "the scales are not as many as the numbers ask for", subject: "tensor '\(name)'",
        expected: shape.indices.contains(axis) ? "1 or \(shape[axis])" : "1", found: "\(scale.spec)")
    }
    guard zeroPoint.map({ $0.spec.elementCount == scale.spec.elementCount }) != false else {
      throw GraftError(
        .mismatch, "there is not a zero point for each scale", subject: "tensor '\(name)'",
        expected: "\(scale.spec.elementCount)", found: zeroPoint.map { "\($0.spec)" })
    }
    self.init(
      dequantizing: numbers, channels: isOne ? 1 : shape[axis],
      width: max(1, isOne ? numbers.spec.elementCount : shape[(axis + 1)...].reduce(1, *)),
      by: {
        (
          try QuantizedTensor.checked(scale, scaleName),
          try zeroPoint?.integers().map { Float($0) } ?? []
        )
      })
  }
}

extension ParameterNames {
  /// Follows a node of a quantized graph: what it makes of constants, and of products of whole numbers.
  ///
  /// `quantize_dynamic` of ONNX Runtime writes a linear layer as `MatMulInteger`, `Cast` and `Mul` by the scale of the
  /// activations times that of the weight, and an embedding as `Gather` and `DequantizeLinear`; `quantize_static` writes a
  /// `DequantizeLinear` before what it leaves as it is.
  ///
  /// - Throws: `GraftError` when whole numbers have a scale or zero point that is not known.
  mutating func visitQuantized(_ node: Node) throws {
    func input(_ place: Int) -> String? { node.inputs.indices.contains(place) ? node.inputs[place] : nil }
    let output = node.output
    switch node.operation {
    case "DequantizeLinear":
      guard let source = input(0) else { return }
      if let numbers = constants[source] ?? rows[source] {
        guard let scale = try known(1, "scale", of: node) else { throw unknown("scale", nil, of: node) }
        let constant = try dequantized(
          numbers, scale, zeroPoint: try known(2, "zero point", of: node), axis: node.axis ?? 1)
        if rows[source] == nil {
          constants[output] = constant
        } else if let module = rowModules[source] {
          try name(constant, "\(module).weight")
        }
      }
      move(product: source, to: output)
    case "QuantizeLinear", "Cast":
      if let source = input(0) { move(product: source, to: output) }
    case "MatMulInteger":
      guard let weight = input(1).flatMap({ constants[$0] }) else { return }
      integerProducts[output] = (weight, try known(3, "zero point", of: node), node)
    case "Mul":
      guard let (first, second) = input(0).flatMap({ a in input(1).map { (a, $0) } }) else { return }
      for (one, other) in [(first, second), (second, first)] {
        if let product = integerProducts.removeValue(forKey: one) {
          // A constant alone may have the activations' scale in it.
          guard let scale = weightScales[other] else { throw unknown("scale", other, of: product.node) }
          let weight = try dequantized(product.weight, scale, zeroPoint: product.zeroPoint, axis: -1)
            .transposed
          if let module = product.node.module { try name(weight, "\(module).weight") }
          products[output] = (weight, product.node)
          return
        }
        if constants[one] == nil, let scale = constants[other] { weightScales[output] = scale }
      }
    default: break
    }
  }

  /// The constant that an input is; `nil` where the node has no such input.
  private func known(_ place: Int, _ role: String, of node: Node) throws -> Constant? {
    guard node.inputs.indices.contains(place), !node.inputs[place].isEmpty else { return nil }
    guard let constant = constants[node.inputs[place]] else {
      throw unknown(role, node.inputs[place], of: node)
    }
    return constant
  }

  private func unknown(_ role: String, _ value: String?, of node: Node) -> GraftError {
    GraftError(
      .unsupported, "whole numbers with a \(role) that is no constant", subject: node.subject,
      expected: "an initializer or a constant", found: value.map { "'\($0)'" } ?? "none",
      advice: "Import the model that it was made from.")
  }

  /// - Throws: `GraftError` when a product of whole numbers has met no scale.
  func requireScales() throws {
    // A dictionary's order is another in every run.
    if let product = integerProducts.values.min(by: { $0.node.output < $1.node.output }) {
      throw unknown("scale", nil, of: product.node)
    }
  }

  private mutating func move(product source: String, to output: String) {
    if let product = products.removeValue(forKey: source) { products[output] = product }
    if let product = integerProducts.removeValue(forKey: source) { integerProducts[output] = product }
  }

  private mutating func dequantized(
    _ numbers: Constant, _ scale: Constant, zeroPoint: Constant?, axis: Int
  ) throws -> Constant {
    for part in [numbers, scale] { resolved.insert(part.initializer) }
    dequantizedNames.insert(numbers.initializer)
    let last = numbers.shape.count - 1
    let seen = axis < 0 ? last + 1 + axis : axis
    let constant = Constant(
      tensor: try LazyTensor(
        dequantizing: numbers.tensor, scale: scale.tensor, zeroPoint: zeroPoint?.tensor,
        axis: numbers.isTransposed ? last - seen : seen,
        numbers.initializer, scale.initializer),
      initializer: numbers.initializer, isTransposed: numbers.isTransposed)
    try nameAsBefore(constant)
    return constant
  }

  /// Gives a constant the name that it had before ONNX Runtime's tools made it anew, if that is a parameter's.
  mutating func nameAsBefore(_ constant: Constant) throws {
    guard let (parameter, isTransposed) = Self.nameBefore(constant.initializer) else { return }
    try name(
      Constant(tensor: constant.tensor, initializer: constant.initializer, isTransposed: isTransposed),
      parameter)
  }

  /// The parameter in `bert.pooler.dense.weight_quantized`, and in `bert.pooler.dense.weight_Transposed` of a `Gemm` that
  /// became a `MatMul`, quantized or not.
  static func nameBefore(_ initializer: String) -> (parameter: String, isTransposed: Bool)? {
    var name = initializer[...]
    func remove(_ suffix: String) -> Bool {
      guard name.hasSuffix(suffix) else { return false }
      name = name.dropLast(suffix.count)
      return true
    }
    let isQuantized = remove("_quantized")
    let isTransposed = remove("_Transposed")
    guard isQuantized || isTransposed, isParameterName(String(name)) else { return nil }
    return (String(name), isTransposed)
  }
}
