import OrderedCollections

/// What a model computes: steps over its parameters and a batch's arrays, for formats that store the
/// computation along with the weights.
///
/// It is traced from the forward pass, so a backbone or a head has one whatever it does with the tape's ops:
/// see ``Checkpoint/graph()``. An op is a step here by its ``GraphOperation``.
public struct ModelGraph: Sendable {
  /// An array of a batch of padded sequences, `[batch, sequence]`.
  public enum Input: Sendable, Hashable {
    case ids
    /// 1 for a token and 0 for padding.
    case attentionMask
    case tokenTypes
  }

  public enum Value: Sendable, Hashable {
    case parameter(String)
    /// The result of a step, by its place among ``ModelGraph/steps``.
    case step(Int)
    /// Row numbers.
    case indices(RowIndices.Origin)
  }

  /// What the rows of a value stand for.
  public enum Rows: Sendable, Hashable {
    /// One for each token.
    case tokens
    /// One for each sequence.
    case sequences
    /// As many whatever the batch: those of a parameter, or of what was made of parameters alone.
    case fixed(Int)
    /// For each head and each two tokens of a sequence one number: an attention's scores, which a graph holds as
    /// `[batch, heads, sequence, sequence]`.
    case pairs(heads: Int)
  }

  /// An op's part of the graph.
  public struct Step: Sendable {
    public let operation: any GraphOperation
    /// Variables, then indices.
    public var inputs: [Value]
    /// What the result has a row for.
    public let rows: Rows
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
