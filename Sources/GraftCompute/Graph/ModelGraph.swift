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
  /// The outputs that are single numbers for each row, and have no axis for columns.
  public internal(set) var flatOutputs: Set<String> = []
  /// Whether the sequences are choices: a graph then reads `[batch, choices, sequence]` and answers `[batch, choices]`.
  public internal(set) var readsChoices = false
}

extension ModelGraph {
  /// The parameters that are the weights of linear layers and are read by nothing else, in the order of computing.
  public var linearWeights: OrderedSet<String> {
    var weights: OrderedSet<String> = []
    var others: Set<String> = []
    for (number, step) in steps.enumerated() {
      for (place, input) in step.inputs.enumerated() {
        guard let name = parameter(input) else { continue }
        let isReshaped = step.operation is MatrixOperation && isWeight(.step(number))
        if step.operation is LinearOperation, place == 1 {
          weights.append(name)
        } else if !isReshaped {
          others.insert(name)
        }
      }
    }
    return weights.subtracting(others)
  }

  /// The parameter that a value is, as it is or as a matrix.
  private func parameter(_ value: Value) -> String? {
    switch value {
    case .parameter(let name): name
    case .step(let number) where steps[number].operation is MatrixOperation:
      steps[number].inputs.first.flatMap(parameter)
    case .step, .indices: nil
    }
  }

  /// Whether a value is read as the weight of linear layers alone.
  private func isWeight(_ value: Value) -> Bool {
    steps.allSatisfy { step in
      step.inputs.enumerated().allSatisfy { place, input in
        input != value || step.operation is LinearOperation && place == 1
      }
    }
  }

  /// Where a file stores a parameter: as a tensor, or as some rows of one.
  public struct StoredParameter: Sendable, Hashable {
    /// The tensor's name.
    public let name: String
    /// Which rows of it; `nil` for all.
    public let rows: Range<Int>?
    /// The length of a row, where it is some rows.
    public let width: Int

    public init(_ name: String, rows: Range<Int>? = nil, width: Int = 1) {
      (self.name, self.rows, self.width) = (name, rows, width)
    }
  }

  /// The same graph on the tensors of a file. Parameters that are some rows of a tensor are taken out of it by steps
  /// at the beginning.
  ///
  /// - Parameter place: Where a parameter is stored.
  public func storing(_ place: (String) throws -> StoredParameter) rethrows -> ModelGraph {
    var parts: OrderedSet<StoredParameter> = []
    for case .parameter(let parameter) in steps.flatMap(\.inputs) {
      let stored = try place(parameter)
      if stored.rows != nil { parts.append(stored) }
    }
    var graph = ModelGraph()
    for part in parts {
      guard let rows = part.rows else { continue }
      graph.steps.append(
        Step(
          operation: RowsOperation(range: rows), inputs: [.parameter(part.name)], rows: .fixed(rows.count),
          width: part.width))
    }
    for var step in steps {
      step.inputs = try step.inputs.map { value in
        switch value {
        case .parameter(let parameter):
          let stored = try place(parameter)
          return parts.firstIndex(of: stored).map { .step($0) } ?? .parameter(stored.name)
        case .step(let number): return .step(parts.count + number)
        case .indices: return value
        }
      }
      graph.steps.append(step)
    }
    graph.outputs = outputs.mapValues { parts.count + $0 }
    graph.flatOutputs = flatOutputs
    graph.readsChoices = readsChoices
    return graph
  }
}

/// Some rows of a parameter.
struct RowsOperation: GraphOperation {
  let range: Range<Int>

  var takesWholeNumbers: Bool { true }

  func lower(_ inputs: [GraphValue], to graph: inout some GraphBuilder) throws -> GraphValue {
    graph.rows(range, of: inputs[0])
  }
}
