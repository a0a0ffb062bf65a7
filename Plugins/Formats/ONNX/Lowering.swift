import GraftCompute
import GraftTensors
import OrderedCollections

/// Turns a ``ModelGraph`` into ONNX's operators: each step adds its own nodes to it.
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
  private var nodes = NodeList()
  private var inputs: Set<ModelGraph.Input> = []
  /// The value of each step.
  private var values: [GraphValue] = []
  /// Values that serve several steps, by what they are.
  private var shared: [String: GraphValue] = [:]
  private var indices: [RowIndices.Origin: GraphValue] = [:]
  /// What names of nodes begin with.
  private var place = ""
  /// Weights of eight bits, or some rows of one, by the value that stands for them.
  var numbers: [GraphValue: WholeNumbers] = [:]
  let weights: Weights

  private static let float32 = DType.float32.onnxType
  private static let int64 = DType.int64.onnxType

  /// - Throws: `GraftError` when a parameter of the graph is not among the weights, or as its operations do.
  static func result(of graph: ModelGraph, _ weights: Weights) throws -> Result {
    var lowering = Lowering(graph, weights)
    return try lowering.run()
  }

  private init(_ graph: ModelGraph, _ weights: Weights) {
    self.graph = graph
    self.weights = weights
  }

  private mutating func run() throws -> Result {
    for step in graph.steps {
      var x: [GraphValue] = []
      for input in step.inputs {
        let value = try value(input)
        x.append(step.operation.takesWholeNumbers ? value : dequantized(value))
      }
      place = self.place(of: step)
      values.append(try step.operation.lower(x, to: &self))
    }
    place = ""
    var result = Result()
    for (name, index) in graph.outputs {
      let (step, value) = (graph.steps[index], values[index])
      let axes: [NodeList.Axis]
      if step.rows == .tokens {
        let columns = graph.flatOutputs.contains(name) ? [] : [step.width]
        let extents = columns.isEmpty ? batchShape : shape(columns)
        nodes.add("Reshape", [value.name, extents.name], output: name)
        axes = [.batch, .sequence] + columns.map { .extent($0) }
      } else if graph.readsChoices {
        nodes.add("Reshape", [value.name, choiceShape(0..<2).name], output: name)
        axes = [.batch, .choices]
      } else {
        nodes.add("Identity", [value.name], output: name)
        switch step.rows {
        case .tokens, .sequences: axes = [.batch, .extent(step.width)]
        case .fixed(let count): axes = [.extent(count), .extent(step.width)]
        case .pairs(let heads): axes = [.batch, .extent(heads), .sequence, .sequence]
        }
      }
      result.outputs.append(NodeList.valueInfo(name, Self.float32, axes))
    }
    let order: [ModelGraph.Input] = [.ids, .attentionMask, .tokenTypes]
    result.inputs = order.filter(inputs.contains).map {
      NodeList.valueInfo(
        $0.onnxName, Self.int64, graph.readsChoices ? [.batch, .choices, .sequence] : [.batch, .sequence])
    }
    result.nodes = nodes.encoded
    return result
  }

  /// What names of a step's nodes begin with: its parameter's module, what holds all of theirs if anything does, or what
  /// holds that of its input.
  private func place(of step: ModelGraph.Step) -> String {
    let modules: [String] = step.inputs.compactMap {
      if case .parameter(let name) = $0 { Self.parent(of: name) } else { nil }
    }
    if let last = modules.last {
      let common = modules.reduce(last.split(separator: ".")) { common, module in
        zip(common, module.split(separator: ".")).prefix { $0 == $1 }.map { $0.0 }
      }
      return common.isEmpty ? last : common.joined(separator: ".")
    }
    guard case .step(let index)? = step.inputs.first else { return "" }
    return Self.parent(of: place(of: graph.steps[index]))
  }

  private static func parent(of name: String) -> String {
    name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
  }

  /// A step's result, a parameter in float32, or row numbers.
  private mutating func value(_ value: ModelGraph.Value) throws -> GraphValue {
    switch value {
    case .step(let index): return values[index]
    case .indices(let origin): return try rowNumbers(origin)
    case .parameter(let name):
      guard let dtype = weights[name]?.spec.dtype else {
        throw GraftError(
          .missing, "the model computes with it, and it is not there", subject: "tensor '\(name)'")
      }
      if weights[name]?.quantized != nil {
        numbers[GraphValue(name)] = WholeNumbers(
          factors: GraphValue(name), scales: GraphValue(QuantizedTensor.scaleName(of: name)))
      }
      guard dtype != .float32 else { return GraphValue(name) }
      return shared("\(name) in float32") { $0.add("Cast", [GraphValue(name)], ["to": .type(.float32)]) }
    }
  }

  /// `[batch, sequence]`, int64.
  private mutating func rowNumbers(_ origin: RowIndices.Origin) throws -> GraphValue {
    if let value = indices[origin] { return value }
    let value: GraphValue
    switch origin {
    case .input(let input): value = self.input(input)
    case .derived(let operation, let sources):
      var x: [GraphValue] = []
      for source in sources { x.append(try rowNumbers(source)) }
      place = operation.name
      value = try operation.lower(x, to: &self)
    case .none, .firstTokens:
      throw GraftError(.unsupported, "the model reads rows whose numbers a graph cannot compute")
    }
    indices[origin] = value
    return value
  }
}

extension Lowering: GraphBuilder {
  mutating func add(
    _ operation: String, _ inputs: [GraphValue], _ attributes: KeyValuePairs<String, GraphAttribute>
  ) -> GraphValue {
    let attributes = attributes.map { name, value -> NodeList.Attribute in
      switch value {
      case .integer(let value): .integer(name, value)
      case .integers(let values): .integers(name, values)
      case .float(let value): .float(name, value)
      case .type(.float32): .integer(name, DType.float32.onnxType)
      case .type(.int64): .integer(name, DType.int64.onnxType)
      case .type(.bool): .integer(name, DType.bool.onnxType)
      case .type(.uint8): .integer(name, DType.uint8.onnxType)
      }
    }
    // A node that reads a parameter is of its module, whatever its step holds beside.
    let parameter = inputs.last { weights[$0.name] != nil }
    return GraphValue(
      nodes.add(
        operation, inputs.map(\.name), attributes, at: parameter.map { Self.parent(of: $0.name) } ?? place))
  }

  mutating func number(_ value: Float) -> GraphValue {
    constant("number \(value)", .float("value_float", value))
  }

  mutating func integer(_ value: Int) -> GraphValue {
    constant("integer \(value)", .integer("value_int", value))
  }

  mutating func numbers(_ values: [Float]) -> GraphValue {
    constant("numbers \(values)", .floats("value_floats", values))
  }

  mutating func integers(_ values: [Int]) -> GraphValue {
    constant("integers \(values)", .integers("value_ints", values))
  }

  /// Constants are named by nothing but their operator: they serve the whole graph.
  private mutating func constant(_ key: String, _ value: NodeList.Attribute) -> GraphValue {
    if let known = shared[key] { return known }
    let constant = GraphValue(nodes.add("Constant", [], [value]))
    shared[key] = constant
    return constant
  }

  mutating func input(_ input: ModelGraph.Input) -> GraphValue {
    inputs.insert(input)
    guard graph.readsChoices else { return GraphValue(input.onnxName) }
    return shared("\(input.onnxName) of all choices") { lowering in
      let extents = lowering.shared("shape of all choices") {
        $0.add("Concat", [$0.integers([-1]), $0.choiceShape(2..<3)], ["axis": .integer(0)])
      }
      return lowering.add("Reshape", [GraphValue(input.onnxName), extents])
    }
  }

  /// Some of the extents `[batch, choices, sequence]` of the inputs.
  private mutating func choiceShape(_ axes: Range<Int>) -> GraphValue {
    shared("extents \(axes) of choices") {
      $0.inputs.insert(.ids)
      let shape = $0.shared("shape of choices") {
        $0.add("Shape", [GraphValue(ModelGraph.Input.ids.onnxName)])
      }
      return $0.add(
        "Slice",
        [shape, $0.integers([axes.lowerBound]), $0.integers([axes.upperBound]), $0.integers([0])])
    }
  }

  mutating func shared(
    _ key: String, _ make: (inout Lowering) throws -> GraphValue
  ) rethrows -> GraphValue {
    if let value = shared[key] { return value }
    let outer = place
    defer { place = outer }
    place = String(key.prefix { $0 != " " })
    let value = try make(&self)
    shared[key] = value
    return value
  }
}

extension ModelGraph.Input {
  /// What transformers calls it.
  fileprivate var onnxName: String {
    switch self {
    case .ids: "input_ids"
    case .attentionMask: "attention_mask"
    case .tokenTypes: "token_type_ids"
    }
  }
}
