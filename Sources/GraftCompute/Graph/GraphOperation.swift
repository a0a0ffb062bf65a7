/// One step of a ``ModelGraph``: what an op computes, for formats that store computations.
///
/// Whoever writes an op describes it here as well, by the nodes that compute it on padded sequences:
///
///     struct Square: GraphOperation {
///       func lower(_ inputs: [GraphValue], to graph: inout some GraphBuilder) throws -> GraphValue {
///         graph.add("Mul", [inputs[0], inputs[0]])
///       }
///     }
///
/// Two operations that are equal compute the same from the same inputs.
public protocol GraphOperation: Sendable, Hashable {
  /// What the operation is called; its type's name by default.
  var name: String { get }

  /// Adds the nodes that compute the operation.
  ///
  /// What has a row for each token in Graft has one for each place of the padded batch here:
  /// `[batch · sequence, width]`. Rows of padding hold arbitrary finite numbers; an operation that mixes the
  /// tokens of a sequence leaves them out by the ``GraphBuilder/attentionMask``.
  ///
  /// - Parameters:
  ///   - inputs: The values of the step's variables, then those of its indices. A variable is
  ///     `[batch · sequence, width]`, `[batch, width]` or, for a parameter, of its own shape; indices are
  ///     `[batch, sequence]`, int64.
  ///   - graph: What nodes are added to.
  /// - Returns: The result, of the shape that the step's ``ModelGraph/Rows`` ask for.
  /// - Throws: `GraftError` when the operation cannot be written so.
  func lower(_ inputs: [GraphValue], to graph: inout some GraphBuilder) throws -> GraphValue

  /// Whether all that it does with a parameter is to hand it to ``GraphBuilder/linear(_:weight:bias:)`` or
  /// ``GraphBuilder/rows(_:of:)``, so that the parameter may be whole numbers with scales.
  var takesWholeNumbers: Bool { get }
}

extension GraphOperation {
  public var takesWholeNumbers: Bool { false }
  public var name: String { String(describing: Self.self) }

  /// Whether another operation is this one.
  public func isEqual(to other: any GraphOperation) -> Bool { (other as? Self) == self }
}

/// A value in a graph that is being written: what a node has computed, or a parameter.
public struct GraphValue: Sendable, Hashable {
  /// What the graph calls it.
  public let name: String

  public init(_ name: String) { self.name = name }
}

/// The setting of a node.
public enum GraphAttribute: Sendable, Hashable {
  /// The types that a cast may ask for.
  public enum ElementType: Sendable, Hashable {
    case float32, int64, bool, uint8
  }

  case integer(Int)
  case integers([Int])
  case float(Float)
  case type(ElementType)
}

/// Writes the nodes of a graph, for ``GraphOperation``s.
///
/// Operators are those of ONNX's standard, opset 17, whose names and meanings every graph format shares:
/// https://onnx.ai/onnx/operators
public protocol GraphBuilder {
  /// Adds a node of one output.
  ///
  /// - Parameters:
  ///   - operation: The operator, such as `MatMul`.
  ///   - inputs: What it computes from.
  ///   - attributes: Its settings, by name.
  mutating func add(
    _ operation: String, _ inputs: [GraphValue], _ attributes: KeyValuePairs<String, GraphAttribute>
  ) -> GraphValue

  /// `x · weightᵀ + bias`: a linear layer.
  ///
  /// - Parameters:
  ///   - x: `[rows, in]`.
  ///   - weight: `[out, in]`.
  ///   - bias: `[out]`; `nil` for none.
  mutating func linear(_ x: GraphValue, weight: GraphValue, bias: GraphValue?) -> GraphValue

  /// Some rows of a parameter.
  mutating func rows(_ range: Range<Int>, of parameter: GraphValue) -> GraphValue

  /// A scalar, float32.
  mutating func number(_ value: Float) -> GraphValue

  /// A scalar, int64.
  mutating func integer(_ value: Int) -> GraphValue

  /// `[values.count]`, float32.
  mutating func numbers(_ values: [Float]) -> GraphValue

  /// `[values.count]`, int64.
  mutating func integers(_ values: [Int]) -> GraphValue

  /// `[batch, sequence]`, int64.
  mutating func input(_ input: ModelGraph.Input) -> GraphValue

  /// A value that serves several operations: made when it is first asked for.
  ///
  /// - Parameters:
  ///   - key: What it is; the nodes' names begin with it.
  ///   - make: Adds its nodes.
  mutating func shared(_ key: String, _ make: (inout Self) throws -> GraphValue) rethrows -> GraphValue
}

extension GraphBuilder {
  /// Adds a node without settings.
  public mutating func add(_ operation: String, _ inputs: [GraphValue]) -> GraphValue {
    add(operation, inputs, [:])
  }

  public mutating func linear(_ x: GraphValue, weight: GraphValue, bias: GraphValue?) -> GraphValue {
    add("Gemm", [x, weight] + (bias.map { [$0] } ?? []), ["transB": .integer(1)])
  }

  public mutating func rows(_ range: Range<Int>, of parameter: GraphValue) -> GraphValue {
    slice(parameter, range, axis: 0)
  }

  /// Some of the places along an axis.
  public mutating func slice(_ value: GraphValue, _ range: Range<Int>, axis: Int) -> GraphValue {
    add(
      "Slice",
      [value, integers([range.lowerBound]), integers([range.upperBound]), integers([axis])])
  }

  /// 1 for a token and 0 for padding: `[batch, sequence]`, int64.
  public var attentionMask: GraphValue { mutating get { input(.attentionMask) } }

  /// The two extents `[batch, sequence]`.
  public var batchShape: GraphValue {
    mutating get { shared("shape") { $0.add("Shape", [$0.input(.ids)]) } }
  }

  /// The extents `[batch, sequence]` and further ones.
  public mutating func shape(_ extents: [Int]) -> GraphValue {
    shared("shape \(extents)") {
      $0.add("Concat", [$0.batchShape, $0.integers(extents)], ["axis": .integer(0)])
    }
  }

  /// What has a row for each place of the padded batch, `[batch · sequence, …]`, as `[batch, sequence, …]`.
  ///
  /// - Parameters:
  ///   - value: The rows.
  ///   - extents: The extents of a row; their product is its width.
  public mutating func sequences(_ value: GraphValue, _ extents: [Int]) -> GraphValue {
    add("Reshape", [value, shape(extents)])
  }

  /// The other way: `[batch · sequence, width]`.
  public mutating func rows(_ value: GraphValue, width: Int) -> GraphValue {
    add("Reshape", [value, integers([-1, width])])
  }

  /// 0, 1, 2, …: `[sequence]`, int64.
  public var columnNumbers: GraphValue {
    mutating get {
      shared("columns") {
        let extent = $0.add("Shape", [$0.input(.ids)], ["start": .integer(1), "end": .integer(2)])
        return $0.add("Range", [$0.integer(0), $0.add("Squeeze", [extent]), $0.integer(1)])
      }
    }
  }

  /// What to add to a score of each place: 0, or for padding so little that its share in a softmax is 0.
  /// `[batch, sequence]`, float32.
  public var paddingScores: GraphValue {
    mutating get {
      shared("mask") {
        let isToken = $0.add("Cast", [$0.attentionMask], ["to": .type(.bool)])
        let lowest = $0.number(-Float.greatestFiniteMagnitude)
        return $0.add("Where", [isToken, $0.number(0), lowest])
      }
    }
  }
}
