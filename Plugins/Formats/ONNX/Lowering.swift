import GraftCompute
import GraftTensors
import OrderedCollections

/// Turns a ``ModelGraph`` into ONNX's operators.
///
/// What Graft computes on rows without padding, the graph does on padded sequences: `[batch · sequence, width]`
/// where Graft has `[tokens, width]`, with padding masked in attention. Linear layers are `Gemm`s that read
/// their weight as `[out, in]`, so every initializer is a parameter as it is, tied ones stand once, and nothing
/// is transposed when the graph runs. Weights of other types than float32 are cast when it is loaded.
struct Lowering {
  /// The first with LayerNormalization. The next reason for a newer one is Gelu (20), which ONNX Runtime makes of
  /// its parts anyway.
  static let opset = 17

  /// Encoded fields of a `GraphProto`, and messages for its inputs and outputs.
  struct Result {
    var nodes: [UInt8] = []
    var inputs: [[UInt8]] = []
    var outputs: [[UInt8]] = []
  }

  private let graph: ModelGraph
  private let weights: Weights
  private var nodes = NodeList()
  private var inputs: [String] = []
  /// The value of each step.
  private var values: [String] = []
  /// Values that serve several steps, by what they are.
  private var shared: [String: String] = [:]

  private static let ids = "input_ids"
  private static let mask = "attention_mask"
  private static let tokenTypes = "token_type_ids"
  private static let int64 = DType.int64.onnxType
  private static let float32 = DType.float32.onnxType

  /// - Throws: `GraftError` when a parameter of the graph is not among the weights.
  static func result(of graph: ModelGraph, _ weights: Weights) throws -> Result {
    var lowering = Lowering(graph, weights)
    return try lowering.run()
  }

  private init(_ graph: ModelGraph, _ weights: Weights) {
    self.graph = graph
    self.weights = weights
  }

  private mutating func run() throws -> Result {
    for step in graph.steps { values.append(try lower(step)) }
    var result = Result()
    for (name, index) in graph.outputs {
      let step = graph.steps[index]
      if step.isPerToken {
        nodes.add("Reshape", [values[index], shape([step.width])], output: name)
      } else {
        nodes.add("Identity", [values[index]], output: name)
      }
      let axes: [NodeList.Axis] = (step.isPerToken ? [.batch, .sequence] : [.batch]) + [.width(step.width)]
      result.outputs.append(NodeList.valueInfo(name, Self.float32, axes))
    }
    result.inputs = [Self.ids, Self.mask, Self.tokenTypes].filter(inputs.contains).map {
      NodeList.valueInfo($0, Self.int64, [.batch, .sequence])
    }
    result.nodes = nodes.encoded
    return result
  }

  private mutating func lower(_ step: ModelGraph.Step) throws -> String {
    var x: [String] = []
    for input in step.inputs { x.append(try value(input)) }
    let place = self.place(of: step)
    switch step.operation {
    case .embeddingSum(let indices):
      var sum: String?
      for (table, index) in zip(x, indices) {
        let rows = nodes.add("Gather", [table, array(index)], at: place)
        sum = sum.map { nodes.add("Add", [$0, rows], at: place) } ?? rows
      }
      return nodes.add("Reshape", [sum ?? "", integers([-1, step.width])], at: place)
    case .firstTokens:
      let states = nodes.add("Reshape", [x[0], shape([step.width])], at: place)
      return nodes.add("Gather", [states, integer(0)], [.integer("axis", 1)], at: place)
    case .linear:
      return nodes.add("Gemm", x, [.integer("transB", 1)], at: place)
    case .activation(let activation):
      return lower(activation, x[0], place)
    case .attention(let heads):
      return attention(x, heads: heads, width: step.width, place)
    case .layerNorm(let epsilon):
      return nodes.add(
        "LayerNormalization", x, [.integer("axis", -1), .float("epsilon", epsilon)], at: place)
    case .add:
      return nodes.add("Add", x, at: place)
    }
  }

  /// What names of a step's nodes begin with: its parameter's module, or what holds that of its input.
  private func place(of step: ModelGraph.Step) -> String {
    func parent(_ name: String) -> String { name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name }
    for case .parameter(let name) in step.inputs.reversed() { return parent(name) }
    guard case .step(let index)? = step.inputs.first else { return "" }
    return parent(place(of: graph.steps[index]))
  }

  // MARK: Operations of several nodes

  private mutating func lower(_ activation: Activation, _ x: String, _ place: String) -> String {
    switch activation {
    case .relu: return nodes.add("Relu", [x], at: place)
    case .tanh: return nodes.add("Tanh", [x], at: place)
    case .gelu:
      let scaled = nodes.add("Div", [x, number(Float(2).squareRoot())], at: place)
      return gelu(x, distribution: nodes.add("Erf", [scaled], at: place), place)
    case .geluTanh:
      let square = nodes.add("Mul", [x, x], at: place)
      let cube = nodes.add("Mul", [square, x], at: place)
      let term = nodes.add("Mul", [cube, number(0.044715)], at: place)
      let sum = nodes.add("Add", [x, term], at: place)
      let scaled = nodes.add("Mul", [sum, number((2 / Float.pi).squareRoot())], at: place)
      return gelu(x, distribution: nodes.add("Tanh", [scaled], at: place), place)
    }
  }

  /// `x · (1 + distribution) / 2`.
  private mutating func gelu(_ x: String, distribution: String, _ place: String) -> String {
    let sum = nodes.add("Add", [distribution, number(1)], at: place)
    let product = nodes.add("Mul", [x, sum], at: place)
    return nodes.add("Mul", [product, number(0.5)], at: place)
  }

  /// - Parameter inputs: Query, key and value, `[batch · sequence, width]`.
  private mutating func attention(_ inputs: [String], heads: Int, width: Int, _ place: String) -> String {
    let size = width / heads
    // Key: `[batch, heads, size, sequence]`; the others: `[batch, heads, sequence, size]`.
    let split = zip(inputs, [[0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]]).map { input, axes in
      let divided = nodes.add("Reshape", [input, shape([heads, size])], at: place)
      return nodes.add("Transpose", [divided], [.integers("perm", axes)], at: place)
    }
    let products = nodes.add("MatMul", [split[0], split[1]], at: place)
    let scores = nodes.add("Mul", [products, number(1 / Float(size).squareRoot())], at: place)
    let masked = nodes.add("Add", [scores, bias()], at: place)
    let shares = nodes.add("Softmax", [masked], [.integer("axis", -1)], at: place)
    let context = nodes.add("MatMul", [shares, split[2]], at: place)
    let joined = nodes.add("Transpose", [context], [.integers("perm", [0, 2, 1, 3])], at: place)
    return nodes.add("Reshape", [joined, integers([-1, width])], at: place)
  }

  // MARK: Values that serve several steps

  private mutating func share(_ key: String, _ make: (inout Lowering) -> String) -> String {
    if let value = shared[key] { return value }
    let value = make(&self)
    shared[key] = value
    return value
  }

  private mutating func number(_ value: Float) -> String {
    share("number \(value)") { $0.nodes.add("Constant", [], [.float("value_float", value)], at: "") }
  }

  private mutating func integer(_ value: Int) -> String {
    share("integer \(value)") { $0.nodes.add("Constant", [], [.integer("value_int", value)], at: "") }
  }

  private mutating func integers(_ values: [Int]) -> String {
    share("integers \(values)") { $0.nodes.add("Constant", [], [.integers("value_ints", values)], at: "") }
  }

  private mutating func input(_ name: String) -> String {
    if !inputs.contains(name) { inputs.append(name) }
    return name
  }

  /// `[batch, sequence]`.
  private mutating func batchShape() -> String {
    share("shape") { $0.nodes.add("Shape", [$0.input(Self.ids)], at: "") }
  }

  /// `[batch, sequence]` and further extents.
  private mutating func shape(_ extents: [Int]) -> String {
    share("shape \(extents)") {
      $0.nodes.add("Concat", [$0.batchShape(), $0.integers(extents)], [.integer("axis", 0)], at: "")
    }
  }

  /// `[batch, sequence]`, int64.
  private mutating func array(_ index: ModelGraph.Index) -> String {
    switch index {
    case .ids: input(Self.ids)
    case .tokenTypes: input(Self.tokenTypes)
    case .positions:
      share("positions") {
        let extent = $0.nodes.add(
          "Shape", [$0.input(Self.ids)], [.integer("start", 1), .integer("end", 2)], at: "positions")
        let length = $0.nodes.add("Squeeze", [extent], at: "positions")
        let range = $0.nodes.add("Range", [$0.integer(0), length, $0.integer(1)], at: "positions")
        return $0.nodes.add("Expand", [range, $0.batchShape()], at: "positions")
      }
    }
  }

  /// What is added to attention's scores: 0, or for padding so little that its share is 0;
  /// `[batch, 1, 1, sequence]`.
  private mutating func bias() -> String {
    share("mask") {
      let isToken = $0.nodes.add(
        "Cast", [$0.input(Self.mask)], [.integer("to", DType.bool.onnxType)], at: "mask")
      let lowest = $0.number(-Float.greatestFiniteMagnitude)
      let bias = $0.nodes.add("Where", [isToken, $0.number(0), lowest], at: "mask")
      return $0.nodes.add("Unsqueeze", [bias, $0.integers([1, 2])], at: "mask")
    }
  }

  /// A step's result, or a parameter in float32.
  private mutating func value(_ value: ModelGraph.Value) throws -> String {
    switch value {
    case .step(let index): return values[index]
    case .parameter(let name):
      guard let dtype = weights[name]?.spec.dtype else {
        throw GraftError(
          .missing, "the model computes with it, and it is not there", subject: "tensor '\(name)'")
      }
      guard dtype != .float32 else { return name }
      return share("parameter \(name)") {
        $0.nodes.add("Cast", [name], [.integer("to", Self.float32)], at: name)
      }
    }
  }
}
