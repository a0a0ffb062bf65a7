import GraftTensors
import OrderedCollections

/// Finds the parameters among a graph's constants.
///
/// An exporter folds the transposition of a linear layer's weight into an initializer without a name
/// (`onnx::MatMul_375`, `val_61`), keeps one of several equal tensors, drops the second name of a tied one, and biases of zeros.
/// The module that a node belongs to says which parameter its constant is; where a node does not name it, the
/// bias beside a weight does.
struct ParameterNames {
  /// A constant, its last name, and whether it is seen through a transposition.
  struct Constant {
    let tensor: LazyTensor
    let initializer: String
    var isTransposed = false

    var shape: [Int] { isTransposed ? tensor.spec.shape.reversed() : tensor.spec.shape }

    var transposed: Constant {
      Constant(tensor: tensor, initializer: initializer, isTransposed: !isTransposed)
    }
  }

  private var found: OrderedDictionary<String, LazyTensor>
  /// Constants by the name of the value that they are in the graph.
  var constants: [String: Constant]
  /// Biases of zeros that the file has not, or not by name.
  private(set) var assumed: Set<String> = []
  /// Initializers that have turned out to be a parameter of another name.
  var resolved: Set<String> = []
  /// The weight of each product whose bias has not been met, by the product's name.
  var products: [String: (weight: Constant, node: Node)] = [:]

  // Of quantized graphs.

  /// Products of whole numbers that no scale has been met of, by the product's name.
  var integerProducts: [String: (weight: Constant, zeroPoint: Constant?, node: Node)] = [:]
  /// The weight's part of scales that are computed when the graph runs.
  var weightScales: [String: Constant] = [:]
  /// Constants of whole numbers by the name of what a `Gather` takes out of them, and its module.
  var rows: [String: Constant] = [:]
  var rowModules: [String: String] = [:]
  /// The initializers that are whole numbers with scales.
  var dequantizedNames: Set<String> = []

  /// - Parameters:
  ///   - initializers: By name.
  ///   - nodes: In the graph's order.
  /// - Throws: `GraftError` when a weight has not the shape that its use asks for.
  init(_ initializers: OrderedDictionary<String, LazyTensor>, _ nodes: [Node]) throws {
    found = initializers
    constants = [:]
    for (name, tensor) in initializers { constants[name] = Constant(tensor: tensor, initializer: name) }
    for node in nodes { try visit(node) }
    try requireScales()
    // A dictionary's order is another in every run.
    let ordered = products.values.sorted {
      ($0.weight.initializer, $0.node.output) < ($1.weight.initializer, $1.node.output)
    }
    for (weight, node) in ordered {
      addZeroBias(of: node, outputs: weight.shape.first)
    }
  }

  /// The parameters, and floating-point constants that nothing tells the name of. Numbers that a graph computes
  /// shapes with are left out.
  func parameters() -> OrderedDictionary<String, LazyTensor> {
    found.filter { name, tensor in
      let isAnonymous = resolved.contains(name) && !Self.isParameterName(name)
      return !isAnonymous && tensor.spec.dtype.isFloatingPoint && !tensor.spec.shape.isEmpty
    }
  }

  static func isParameterName(_ name: String) -> Bool {
    [".weight", ".bias", ".gamma", ".beta"].contains(where: name.hasSuffix)
  }

  private mutating func visit(_ node: Node) throws {
    func constant(_ input: Int) -> Constant? {
      node.inputs.indices.contains(input) ? constants[node.inputs[input]] : nil
    }
    let output = node.output
    switch node.operation {
    case "Constant":
      constants[output] = node.constant.map { Constant(tensor: $0, initializer: output) }
    case "Identity":
      constants[output] = constant(0)
      if Self.isParameterName(output), let constant = constant(0) { try name(constant, output) }
    case "Transpose" where [[], [1, 0]].contains(node.permutation):
      constants[output] = constant(0)?.transposed
    case "Gather":
      if let numbers = constant(0), [.int8, .uint8].contains(numbers.tensor.spec.dtype) {
        (rows[output], rowModules[output]) = (numbers, node.module)
      }
      try nameInput(0, of: node, "weight")
    case "LayerNormalization":
      try nameInput(1, of: node, "weight")
      try nameInput(2, of: node, "bias")
    case "MatMul":
      guard let weight = constant(1)?.transposed else { return }
      if let module = node.module { try name(weight, "\(module).weight") }
      try nameAsBefore(weight)
      products[output] = (weight, node)
    case "Gemm":
      guard let stored = constant(1) else { return }
      let weight = node.transposesWeight ? stored : stored.transposed
      if let module = node.module {
        try name(weight, "\(module).weight")
        try nameInput(2, of: node, "bias")
        if node.inputs.count == 2 { addZeroBias(of: node, outputs: weight.shape.first) }
      } else if node.inputs.count > 2 {
        try name(weight, besideBias: node.inputs[2])
      }
    case "Add":
      for (bias, sum) in [(0, 1), (1, 0)] where node.inputs.count == 2 {
        guard let product = products.removeValue(forKey: node.inputs[sum]), constant(bias) != nil else {
          continue
        }
        try nameInput(bias, of: node, "bias")
        if product.node.module == nil { try name(product.weight, besideBias: node.inputs[bias]) }
      }
    default: try visitQuantized(node)
    }
  }

  /// Names a node's input after the node's module.
  private mutating func nameInput(_ input: Int, of node: Node, _ parameter: String) throws {
    guard let module = node.module, node.inputs.indices.contains(input),
      let constant = constants[node.inputs[input]]
    else { return }
    try name(constant, "\(module).\(parameter)")
  }

  /// Names a weight after its bias.
  private mutating func name(_ weight: Constant, besideBias bias: String) throws {
    guard bias.hasSuffix(".bias"), Self.nameBefore(weight.initializer) == nil else { return }
    try name(weight, bias.dropLast("bias".count) + "weight")
  }

  /// Gives a layer without a bias one that does the same.
  private mutating func addZeroBias(of node: Node, outputs: Int?) {
    guard node.mayLackBias, let module = node.module, let outputs,
      let weight = found["\(module).weight"], found["\(module).bias"] == nil,
      let spec = TensorSpec(validating: weight.spec.dtype, [outputs])
    else { return }
    assumed.insert("\(module).bias")
    found["\(module).bias"] = LazyTensor(spec) { buffer, _ in
      buffer.initializeMemory(as: UInt8.self, repeating: 0)
    }
  }

  mutating func name(_ constant: Constant, _ parameter: String) throws {
    guard constant.tensor.spec.dtype.isFloatingPoint, !constant.shape.isEmpty else { return }
    if constant.initializer != parameter { resolved.insert(constant.initializer) }
    guard found[parameter] == nil else { return }
    let tensor = try tensor(of: constant)
    if let first = found[Self.withoutCallNumbers(parameter)], first.spec == tensor.spec,
      try first.floats() == tensor.floats()
    {
      return
    }
    if parameter.hasSuffix(".bias"), try tensor.floats().allSatisfy({ $0 == 0 }) { assumed.insert(parameter) }
    found[parameter] = tensor
  }

  /// The name that a parameter has where its module is called for the first time. PyTorch's older exporter numbers
  /// further calls of a module, as of ALBERT's layers, `query_1`, and stores its weights once more.
  private static func withoutCallNumbers(_ parameter: String) -> String {
    parameter.split(separator: ".").map { part in
      guard let line = part.lastIndex(of: "_"), let number = Int(part[part.index(after: line)...]), number > 0
      else { return String(part) }
      return String(part[..<line])
    }.joined(separator: ".")
  }

  /// A constant as it is used.
  private func tensor(of constant: Constant) throws -> LazyTensor {
    guard constant.isTransposed else { return constant.tensor }
    guard constant.tensor.spec.shape.count == 2 else {
      throw GraftError(
        .malformed, "the weight of a product is no matrix", subject: "tensor '\(constant.initializer)'",
        found: "\(constant.tensor.spec)")
    }
    return constant.tensor.transposed()
  }
}
