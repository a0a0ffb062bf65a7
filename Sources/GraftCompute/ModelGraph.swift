import OrderedCollections

/// What a model computes: steps over its parameters and a batch's arrays, for formats that store the
/// computation along with the weights.
///
/// It is traced from the forward pass, so a backbone or a head has one whatever it does with the tape's ops:
/// see ``Checkpoint/graph()``. Every value is a matrix of one row for each token, or for each sequence.
public struct ModelGraph: Sendable {
  /// An array of a ``Batch``, one number for each token.
  public enum Index: Sendable, Hashable {
    case ids, tokenTypes, positions
  }

  public enum Operation: Sendable, Hashable {
    /// `Σ tableᵢ[indexᵢ]`. Inputs: a table `[entries, width]` for each index.
    case embeddingSum([Index])
    /// The row of each sequence's first token. Input: a value of one row for each token.
    case firstTokens
    /// `x · Wᵀ + b`. Inputs: x, W `[out, in]`, and b `[out]` where there is one.
    case linear
    case activation(Activation)
    /// Self-attention within each sequence, `softmax(Q · Kᵀ / √d) · V` per head. Inputs: Q, K, V.
    case attention(heads: Int)
    /// Inputs: x, weight `[width]`, bias `[width]`.
    case layerNorm(epsilon: Float)
    /// Inputs: two values of one shape.
    case add
  }

  public enum Value: Sendable, Hashable {
    case parameter(String)
    /// The result of a step, by its place among ``ModelGraph/steps``.
    case step(Int)
  }

  public struct Step: Sendable, Hashable {
    public let operation: Operation
    public var inputs: [Value]
    /// Whether the result has a row for each token, or else one for each sequence.
    public let isPerToken: Bool
    /// The length of a row.
    public let width: Int
  }

  /// In the order of computing.
  public internal(set) var steps: [Step] = []
  /// Which steps' results they are, by the names that transformers gives them.
  public internal(set) var outputs: OrderedDictionary<String, Int> = [:]

  /// The same graph with other names for its parameters.
  public func renamingParameters(_ name: (String) throws -> String) rethrows -> ModelGraph {
    var graph = self
    for step in steps.indices {
      graph.steps[step].inputs = try steps[step].inputs.map { value in
        guard case .parameter(let parameter) = value else { return value }
        return .parameter(try name(parameter))
      }
    }
    return graph
  }
}
