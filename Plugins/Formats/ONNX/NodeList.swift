import Protobuf

/// The nodes of a graph that is being written, encoded one after the other.
struct NodeList {
  enum Attribute {
    case integer(String, Int)
    case integers(String, [Int])
    case float(String, Float)
    case floats(String, [Float])
  }

  /// An extent of an input or output.
  enum Axis {
    case batch, choices, sequence
    case extent(Int)
  }

  /// The fields of the `GraphProto`.
  private(set) var encoded: [UInt8] = []
  private var counts: [String: Int] = [:]

  /// Adds a node of one output.
  ///
  /// - Parameters:
  ///   - operation: The operator.
  ///   - inputs: Names of values.
  ///   - attributes: The operator's.
  ///   - place: What the node's name begins with.
  ///   - output: What the output is called; the node's name by default.
  /// - Returns: The name of the output.
  @discardableResult
  mutating func add(
    _ operation: String, _ inputs: [String], _ attributes: [Attribute] = [], at place: String = "",
    output: String? = nil
  ) -> String {
    let name = unique("\(place.replacing(".", with: "/"))/\(operation)")
    var node: [UInt8] = []
    for input in inputs { node.appendField(Field.Node.input, input) }
    node.appendField(Field.Node.output, output ?? name)
    node.appendField(Field.Node.name, name)
    node.appendField(Field.Node.operation, operation)
    for attribute in attributes { node.appendField(Field.Node.attribute, attribute.encoded) }
    encoded.appendField(Field.Graph.node, node)
    return output ?? name
  }

  private mutating func unique(_ name: String) -> String {
    let count = counts[name, default: 0]
    counts[name] = count + 1
    return count == 0 ? name : "\(name)_\(count)"
  }

  /// The `ValueInfoProto` of an input or output.
  static func valueInfo(_ name: String, _ type: Int, _ axes: [Axis]) -> [UInt8] {
    var shape: [UInt8] = []
    for axis in axes {
      var dimension: [UInt8] = []
      switch axis {
      case .batch: dimension.appendField(Field.Shape.parameter, "batch")
      case .choices: dimension.appendField(Field.Shape.parameter, "num_choices")
      case .sequence: dimension.appendField(Field.Shape.parameter, "sequence")
      case .extent(let extent): dimension.appendField(Field.Shape.value, extent)
      }
      shape.appendField(Field.Shape.dimension, dimension)
    }
    var tensor: [UInt8] = []
    tensor.appendField(Field.TypeInfo.elementType, type)
    tensor.appendField(Field.TypeInfo.shape, shape)
    var info: [UInt8] = []
    info.appendField(Field.TypeInfo.tensor, tensor)
    var value: [UInt8] = []
    value.appendField(Field.ValueInfo.name, name)
    value.appendField(Field.ValueInfo.type, info)
    return value
  }
}

extension NodeList.Attribute {
  /// The `AttributeProto`; its type is a number of `AttributeType`.
  fileprivate var encoded: [UInt8] {
    var bytes: [UInt8] = []
    switch self {
    case .float(let name, let value):
      bytes.appendField(Field.Attribute.name, name)
      bytes.appendField(Field.Attribute.float, value)
      bytes.appendField(Field.Attribute.type, 1)
    case .floats(let name, let values):
      bytes.appendField(Field.Attribute.name, name)
      for value in values { bytes.appendField(Field.Attribute.floats, value) }
      bytes.appendField(Field.Attribute.type, 6)
    case .integer(let name, let value):
      bytes.appendField(Field.Attribute.name, name)
      bytes.appendNumber(Field.Attribute.integer, value)
      bytes.appendField(Field.Attribute.type, 2)
    case .integers(let name, let values):
      bytes.appendField(Field.Attribute.name, name)
      for value in values { bytes.appendNumber(Field.Attribute.integers, value) }
      bytes.appendField(Field.Attribute.type, 7)
    }
    return bytes
  }
}
