import GraftTensors
import Protobuf

/// The objects that TensorFlow 2 saved: `TrackableObjectGraph` in
/// tensorflow/core/protobuf/trackable_object_graph.proto, which a checkpoint or a SavedModel has as a text of its own.
///
/// Its entries are called after the way from object to object, which a program is free in; the graph knows what each
/// variable is called.
struct ObjectGraph {
  static let key = "_CHECKPOINTABLE_OBJECT_GRAPH"
  /// What the key of a variable's value ends with.
  private static let valueSuffix = "/.ATTRIBUTES/VARIABLE_VALUE"

  private struct Node {
    var children: [(node: Int, name: String)] = []
    var attributes: [(fullName: String, key: String)] = []
    /// Whether it is an optimizer: it has slots for variables, or what Keras' optimizers have.
    var isOptimizer = false
  }

  private var nodes: [Node] = []

  /// - Throws: ``GraftError`` when the bytes are no such message.
  init(_ bytes: ArraySlice<UInt8>) throws {
    var reader = ProtobufReader(bytes)
    while let (field, value) = try reader.next() {
      if case (1, .bytes(let node)) = (field, value) { nodes.append(try Self.node(node)) }
    }
  }

  private static func node(_ bytes: ArraySlice<UInt8>) throws -> Node {
    var node = Node()
    var reader = ProtobufReader(bytes)
    while let (field, value) = try reader.next() {
      guard case .bytes(let part) = value else { continue }
      var reader = ProtobufReader(part)
      var (number, first, second) = (0, "", "")
      while let (field, value) = try reader.next() {
        switch (field, value) {
        case (1, .number(let id)): number = Int(truncatingIfNeeded: id)
        case (2, .bytes(let text)): first = String(decoding: text, as: UTF8.self)
        case (3, .bytes(let text)): second = String(decoding: text, as: UTF8.self)
        default: break
        }
      }
      switch field {
      case 1: node.children.append((number, first))
      case 2: node.attributes.append((first, second))
      case 3: node.isOptimizer = true
      default: break
      }
    }
    let names = Set(node.children.map(\.name))
    node.isOptimizer =
      node.isOptimizer || names.contains("_iterations") || names.isSuperset(of: ["iter", "learning_rate"])
    return node
  }

  /// The names of tensors by their keys: a variable's of the model as TensorFlow has it, `SCOPE/NAME:0`, where no other
  /// has the same; what belongs to an optimizer or a metric is not renamed.
  var names: [String: String] {
    // What the model is made of is reached from the root by no optimizer and by nothing that Keras keeps for itself.
    var reached: Set<Int> = []
    var next = nodes.isEmpty ? [] : [0]
    while let index = next.popLast() {
      guard reached.insert(index).inserted else { continue }
      for (child, name) in nodes[index].children
      where nodes.indices.contains(child) && name != "keras_api" && !nodes[child].isOptimizer {
        next.append(child)
      }
    }
    let variables = reached.flatMap { nodes[$0].attributes }.filter { $0.key.hasSuffix(Self.valueSuffix) }
    let counts = Dictionary(variables.map { ($0.fullName, 1) }, uniquingKeysWith: +)
    return Dictionary(
      variables.map { variable in
        let isNamed = !variable.fullName.isEmpty && counts[variable.fullName] == 1
        return (
          variable.key,
          isNamed ? variable.fullName + ":0" : String(variable.key.dropLast(Self.valueSuffix.count))
        )
      }, uniquingKeysWith: { first, _ in first })
  }
}
