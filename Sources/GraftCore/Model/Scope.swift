import GraftCompute
import GraftTensors
import OrderedCollections

/// Walks a model's parameters like directories: `scope["layers"][3]["attention.query"].weight`.
public struct Scope {
  private let parameters: ParameterStore
  /// The canonical name so far, without a final dot.
  public let path: String

  public init(_ parameters: ParameterStore, path: String = "") {
    self.parameters = parameters
    self.path = path
  }

  public subscript(name: String) -> Scope { Scope(parameters, path: path.isEmpty ? name : "\(path).\(name)") }
  public subscript(layer: Int) -> Scope { self[String(layer)] }

  public var weight: Parameter { get throws { try self["weight"].parameter } }
  public var bias: Parameter { get throws { try self["bias"].parameter } }

  /// The parameter at this path.
  ///
  /// - Throws: `GraftError` when the model has none of that name.
  public var parameter: Parameter {
    get throws {
      guard let parameter = parameters[path] else {
        throw GraftError(.missing, "the model has no such parameter", subject: "parameter '\(path)'")
      }
      return parameter
    }
  }

  /// Whether anything lives at or below this path.
  public var exists: Bool {
    parameters.names.contains { $0 == path || $0.hasPrefix(path + ".") }
  }
}

/// A model's parameters by canonical name, in a fixed order.
public final class ParameterStore {
  private var parameters: OrderedDictionary<String, Parameter> = [:]

  public init(_ parameters: some Sequence<Parameter> = []) {
    for parameter in parameters { self.parameters[parameter.name] = parameter }
  }

  /// Parameters that a model knows by other names than their own, as one that shares some with another model does.
  public init(named parameters: OrderedDictionary<String, Parameter>) { self.parameters = parameters }

  public subscript(name: String) -> Parameter? { parameters[name] }
  public var names: [String] { Array(parameters.keys) }
  public var all: [Parameter] { Array(parameters.values) }
  /// Each name with its parameter.
  public var entries: [(name: String, parameter: Parameter)] { parameters.map { ($0.key, $0.value) } }
  /// The number of weights.
  public var elementCount: Int { parameters.values.reduce(0) { $0 + $1.value.count } }
}

extension Tape {
  /// ``linear(_:weight:bias:activation:)`` with the weight of a scope, and its bias unless the layer has none.
  public func linear(
    _ x: Variable, _ scope: Scope, hasBias: Bool = true, activation: Activation? = nil
  ) throws -> Variable {
    try checked(
      linear(x, weight: try scope.weight, bias: hasBias ? try scope.bias : nil, activation: activation), scope
    )
  }

  /// ``linear(_:together:)`` with the weights of several layers of a scope, and their biases unless they have none.
  public func linear(
    _ x: Variable, _ scope: Scope, together names: [String], hasBias: Bool = true
  ) throws -> [Variable] {
    let layers = try names.map {
      (weight: try scope[$0].weight as Variable, bias: hasBias ? try scope[$0].bias as Variable : nil)
    }
    return try zip(linear(x, together: layers), names).map { try checked($0, scope[$1]) }
  }

  /// ``layerNorm(_:residual:dropout:weight:bias:epsilon:)`` with the weight of a scope, and its bias unless the
  /// norm has none.
  public func layerNorm(
    _ x: Variable,
    residual: Variable? = nil,
    dropout: Float = 0,
    _ scope: Scope,
    epsilon: Float,
    hasBias: Bool = true
  ) throws -> Variable {
    try checked(
      layerNorm(
        x,
        residual: residual,
        dropout: dropout,
        weight: try scope.weight,
        bias: hasBias ? try scope.bias : nil,
        epsilon: epsilon
      ), scope)
  }

  /// ``normalizedEmbeddingSum(_:weight:bias:epsilon:dropout:)`` with the weight of a scope, and its bias unless
  /// the norm has none.
  public func normalizedEmbeddingSum(
    _ lookups: [(table: Variable, ids: RowIndices)],
    _ scope: Scope,
    epsilon: Float,
    dropout: Float,
    hasBias: Bool = true
  ) throws -> Variable {
    try checked(
      normalizedEmbeddingSum(
        lookups,
        weight: try scope.weight,
        bias: hasBias ? try scope.bias : nil,
        epsilon: epsilon,
        dropout: dropout
      ), scope)
  }

  /// What a layer makes, once it is known to be numbers where the tape checks that.
  ///
  /// - Throws: `GraftError` of kind `notFinite` naming the layer.
  private func checked(_ x: Variable, _ scope: Scope) throws -> Variable {
    guard checksNumbers, !x.value.buffer.allSatisfy(\.isFinite) else { return x }
    throw GraftError(.notFinite, "what is not a number in its output", subject: "layer '\(scope.path)'")
  }
}
