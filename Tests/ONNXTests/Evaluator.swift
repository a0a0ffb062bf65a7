import Foundation
import GraftCore
import GraftTensors
import Protobuf

@testable import ONNX

/// Computes what a graph says, as https://onnx.ai/onnx/operators does, with nothing of Graft's own computing.
///
/// It knows the operators that Graft writes, of which every one is as plain as it can be. Numbers are `Double`
/// whatever the graph calls them.
struct Evaluator {
  struct Value {
    var shape: [Int]
    var elements: [Double]

    init(_ shape: [Int], _ elements: [Double]) {
      precondition(shape.reduce(1, *) == elements.count, "\(elements.count) elements as \(shape)")
      (self.shape, self.elements) = (shape, elements)
    }

    var integers: [Int] { elements.map { Int($0) } }
  }

  struct Node {
    var operation = ""
    var inputs: [String] = []
    var output = ""
    var integers: [String: [Int]] = [:]
    var floats: [String: [Double]] = [:]
  }

  private(set) var nodes: [Node] = []
  private(set) var inputs: [String] = []
  private(set) var outputs: [String] = []
  private var values: [String: Value] = [:]

  init(_ url: URL) throws {
    for (name, tensor) in try ONNXFormat().open(url).weights.tensors {
      guard let quantized = tensor.quantized else {
        values[name] = Value(tensor.spec.shape, try tensor.floats().map(Double.init))
        continue
      }
      let numbers = quantized.numbers.transposed()
      values[name] = Value(numbers.spec.shape, try numbers.integers().map(Double.init))
      values[name + "_scale"] = Value(
        quantized.scales.spec.shape, try quantized.scales.floats().map(Double.init))
    }
    try Self.fields(Array(Data(contentsOf: url))[...]) { field, value in
      guard case (Field.Model.graph, .bytes(let graph)) = (field, value) else { return }
      try Self.fields(graph) { field, value in
        guard case .bytes(let bytes) = value else { return }
        switch field {
        case Field.Graph.node: nodes.append(try Self.node(bytes))
        case Field.Graph.input: inputs.append(try Self.text(bytes, Field.ValueInfo.name))
        case Field.Graph.output: outputs.append(try Self.text(bytes, Field.ValueInfo.name))
        default: break
        }
      }
    }
  }

  private static func fields(
    _ bytes: ArraySlice<UInt8>, _ body: (UInt64, ProtobufReader.Value) throws -> Void
  ) throws {
    var reader = ProtobufReader(bytes)
    while let (field, value) = try reader.next() { try body(field, value) }
  }

  private static func text(_ bytes: ArraySlice<UInt8>, _ wanted: UInt64) throws -> String {
    var text = ""
    try fields(bytes) { field, value in
      if case (wanted, .bytes(let bytes)) = (field, value) { text = String(decoding: bytes, as: UTF8.self) }
    }
    return text
  }

  private static func node(_ bytes: ArraySlice<UInt8>) throws -> Node {
    var node = Node()
    try fields(bytes) { field, value in
      guard case .bytes(let bytes) = value else { return }
      switch field {
      case Field.Node.input: node.inputs.append(String(decoding: bytes, as: UTF8.self))
      case Field.Node.output: node.output = String(decoding: bytes, as: UTF8.self)
      case Field.Node.operation: node.operation = String(decoding: bytes, as: UTF8.self)
      case Field.Node.attribute:
        let name = try text(bytes, Field.Attribute.name)
        try fields(bytes) { field, value in
          guard case .number(let number) = value else { return }
          switch field {
          case Field.Attribute.float, Field.Attribute.floats:
            node.floats[name, default: []].append(Double(Float(bitPattern: UInt32(number))))
          case Field.Attribute.integer, Field.Attribute.integers:
            node.integers[name, default: []].append(Int(Int64(bitPattern: number)))
          default: break
          }
        }
      default: break
      }
    }
    return node
  }

  /// The outputs for given inputs.
  func run(_ inputs: [String: Value]) -> [String: Value] {
    var values = values.merging(inputs) { $1 }
    for node in nodes { values[node.output] = Self.compute(node, node.inputs.map { values[$0]! }) }
    return values.filter { outputs.contains($0.key) }
  }

  // MARK: Operators

  private static func compute(_ node: Node, _ x: [Value]) -> Value {
    switch node.operation {
    case "Identity": return x[0]
    case "Cast":
      let isBool = node.integers["to"] == [DType.bool.onnxType]
      return isBool ? map(x[0]) { $0 == 0 ? 0 : 1 } : x[0]
    case "Constant":
      if let float = node.floats["value_float"] { return Value([], float) }
      if let floats = node.floats["value_floats"] { return Value([floats.count], floats) }
      if let integers = node.integers["value_ints"] {
        return Value([integers.count], integers.map(Double.init))
      }
      return Value([], node.integers["value_int"]!.map(Double.init))
    case "Erf": return map(x[0], erf)
    case "Tanh": return map(x[0], tanh)
    case "Relu": return map(x[0]) { max(0, $0) }
    case "Sigmoid": return map(x[0]) { 1 / (1 + exp(-$0)) }
    case "Softplus": return map(x[0]) { log1p(exp($0)) }
    case "Exp": return map(x[0], exp)
    case "Log": return map(x[0], log)
    case "Cos": return map(x[0], cos)
    case "Sin": return map(x[0], sin)
    case "Neg": return map(x[0]) { -$0 }
    case "Abs": return map(x[0], abs)
    case "Not": return map(x[0]) { $0 == 0 ? 1 : 0 }
    case "Clip": return broadcast(x) { min($0[2], max($0[1], $0[0])) }
    case "Equal": return broadcast(x) { $0[0] == $0[1] ? 1 : 0 }
    case "LessOrEqual": return broadcast(x) { $0[0] <= $0[1] ? 1 : 0 }
    case "Max": return broadcast(x) { max($0[0], $0[1]) }
    case "ReduceMax":
      precondition(node.integers["keepdims"] == [1])
      return lines([x[0]], axis: node.integers["axes"]![0]) { [$0[0].max()!] }
    case "QuantizeLinear":
      // A scale for each row, of numbers without a sign.
      precondition(node.integers["axis"] == [0])
      let rows = Value([x[1].shape[0], 1], x[1].elements)
      let zeros = Value([x[2].shape[0], 1], x[2].elements)
      return broadcast([x[0], rows, zeros]) {
        min(255, max(0, ($0[0] / $0[1]).rounded(.toNearestOrEven) + $0[2]))
      }
    case "DequantizeLinear":
      precondition(node.integers["axis"] == [1] && x.count == 2)
      return broadcast(x) { $0[0] * $0[1] }
    case "MatMulInteger": return matMul(broadcast([x[0], x[2]]) { $0[0] - $0[1] }, x[1])
    case "Sub": return broadcast(x) { $0[0] - $0[1] }
    case "Add": return broadcast(x) { $0[0] + $0[1] }
    case "Mul": return broadcast(x) { $0[0] * $0[1] }
    case "Div": return broadcast(x) { $0[0] / $0[1] }
    case "Where": return broadcast(x) { $0[0] != 0 ? $0[1] : $0[2] }
    case "Expand": return broadcast([x[0], Value(x[1].integers, zeros(x[1].integers))]) { $0[0] }
    case "Shape":
      let shape = x[0].shape
      let range = (node.integers["start"]?[0] ?? 0)..<(node.integers["end"]?[0] ?? shape.count)
      return Value([range.count], shape[range].map(Double.init))
    case "Squeeze": return Value(x[0].shape.filter { $0 != 1 }, x[0].elements)
    case "Unsqueeze":
      var shape = x[0].shape
      for axis in x[1].integers.sorted() { shape.insert(1, at: axis) }
      return Value(shape, x[0].elements)
    case "Range":
      let elements = Array(stride(from: x[0].elements[0], to: x[1].elements[0], by: x[2].elements[0]))
      return Value([elements.count], elements)
    case "Concat":
      return lines(x, axis: node.integers["axis"]![0]) { $0.flatMap { $0 } }
    case "Slice":
      let (start, end) = (x[1].integers[0], x[2].integers[0])
      return lines([x[0]], axis: x[3].integers[0]) { lines in
        Array(lines[0][start..<min(lines[0].count, end < 0 ? lines[0].count + end : end)])
      }
    case "CumSum":
      return lines([x[0]], axis: x[1].integers[0]) { lines in
        lines[0].indices.map { lines[0][...$0].reduce(0, +) }
      }
    case "ReduceSum":
      precondition(node.integers["keepdims"] == [0])
      var sum = lines([x[0]], axis: x[1].integers[0]) { [$0[0].reduce(0, +)] }
      sum.shape.remove(at: x[1].integers[0])
      return sum
    case "Reshape":
      let known = x[1].integers.filter { $0 >= 0 }.reduce(1, *)
      return Value(x[1].integers.map { $0 < 0 ? x[0].elements.count / known : $0 }, x[0].elements)
    case "GatherElements":
      return lines(x, axis: node.integers["axis"]![0]) { lines in lines[1].map { lines[0][Int($0)] } }
    case "Gather": return gather(x[0], x[1], axis: node.integers["axis"]?[0] ?? 0)
    case "Transpose": return transpose(x[0], node.integers["perm"]!)
    case "MatMul": return matMul(x[0], x[1])
    case "Gemm":
      precondition(node.integers["transB"] == [1])
      let product = matMul(x[0], transpose(x[1], [1, 0]))
      return x.count == 2 ? product : broadcast([product, x[2]]) { $0[0] + $0[1] }
    case "Softmax":
      return lines([x[0]], axis: node.integers["axis"]![0]) { lines in
        let row = lines[0]
        let highest = row.max() ?? 0
        let powers = row.map { exp($0 - highest) }
        let sum = powers.reduce(0, +)
        return powers.map { $0 / sum }
      }
    case "LayerNormalization":
      return rows(x[0]) { row in
        let mean = row.reduce(0, +) / Double(row.count)
        let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(row.count)
        let scale = 1 / (variance + node.floats["epsilon"]![0]).squareRoot()
        return row.indices.map {
          (row[$0] - mean) * scale * x[1].elements[$0] + (x.count > 2 ? x[2].elements[$0] : 0)
        }
      }
    default: preconditionFailure("operator \(node.operation)")
    }
  }

  private static func zeros(_ shape: [Int]) -> [Double] { [Double](repeating: 0, count: shape.reduce(1, *)) }

  private static func map(_ x: Value, _ function: (Double) -> Double) -> Value {
    Value(x.shape, x.elements.map(function))
  }

  private static func rows(_ x: Value, _ function: ([Double]) -> [Double]) -> Value {
    let width = x.shape.last!
    return Value(
      x.shape,
      stride(from: 0, to: x.elements.count, by: width).flatMap {
        function(Array(x.elements[$0..<($0 + width)]))
      })
  }

  /// Computes along an axis: `function` is given a line of each value and returns one of the result.
  private static func lines(_ x: [Value], axis: Int, _ function: ([[Double]]) -> [Double]) -> Value {
    let axis = axis < 0 ? x[0].shape.count + axis : axis
    let (outer, inner) = (x[0].shape[..<axis].reduce(1, *), x[0].shape[(axis + 1)...].reduce(1, *))
    var (result, length): ([[Double]], Int) = ([], 0)
    for place in 0..<outer * inner {
      let line = function(
        x.map { value in
          (0..<value.shape[axis]).map { index in
            value.elements[(place / inner * value.shape[axis] + index) * inner + place % inner]
          }
        })
      length = line.count
      result.append(line)
    }
    var shape = x[0].shape
    shape[axis] = length
    return Value(
      shape,
      (0..<outer).flatMap { outer in
        (0..<length).flatMap { index in (0..<inner).map { result[outer * inner + $0][index] } }
      })
  }

  /// The index of each place of a shape, outermost first.
  private static func places(_ shape: [Int]) -> [[Int]] {
    shape.reduce([[]]) { places, extent in places.flatMap { place in (0..<extent).map { place + [$0] } } }
  }

  /// An element, of extents that are 1 the only one.
  private static func element(_ x: Value, _ place: ArraySlice<Int>) -> Double {
    var offset = 0
    let first = place.endIndex - x.shape.count
    for (axis, extent) in x.shape.enumerated() {
      offset = offset * extent + (extent == 1 ? 0 : place[first + axis])
    }
    return x.elements[offset]
  }

  private static func broadcast(_ x: [Value], _ function: ([Double]) -> Double) -> Value {
    let rank = x.map(\.shape.count).max() ?? 0
    let shape = (0..<rank).map { axis in
      x.compactMap { axis - rank + $0.shape.count >= 0 ? $0.shape[axis - rank + $0.shape.count] : nil }.max()!
    }
    return Value(shape, places(shape).map { place in function(x.map { element($0, place[...]) }) })
  }

  private static func gather(_ x: Value, _ indices: Value, axis: Int) -> Value {
    let shape = Array(x.shape[..<axis]) + indices.shape + Array(x.shape[(axis + 1)...])
    return Value(
      shape,
      places(shape).map { place in
        let index = element(indices, place[axis..<(axis + indices.shape.count)])
        return element(x, place[..<axis] + [Int(index)] + place[(axis + indices.shape.count)...])
      })
  }

  private static func transpose(_ x: Value, _ axes: [Int]) -> Value {
    let shape = axes.map { x.shape[$0] }
    return Value(
      shape,
      places(shape).map { place in
        var source = place
        for (axis, origin) in axes.enumerated() { source[origin] = place[axis] }
        return element(x, source[...])
      })
  }

  private static func matMul(_ a: Value, _ b: Value) -> Value {
    let (m, k, n) = (a.shape[a.shape.count - 2], a.shape.last!, b.shape.last!)
    let batch = Array(a.shape.dropLast(2))
    // The second may have fewer extents, whose matrices serve for all of the others.
    let count = b.shape.dropLast(2).reduce(1, *)
    var result = zeros(batch + [m, n])
    for matrix in 0..<batch.reduce(1, *) {
      for row in 0..<m {
        for column in 0..<n {
          for inner in 0..<k {
            result[(matrix * m + row) * n + column] +=
              a.elements[(matrix * m + row) * k + inner]
              * b.elements[(matrix % count * k + inner) * n + column]
          }
        }
      }
    }
    return Value(batch + [m, n], result)
  }
}
