import GraftTensors

/// Writes down a forward pass as a ``ModelGraph``. Nothing is computed, and no parameter's memory touched.
///
/// An op that is asked to trace adds a step instead of computing:
///
///     if let trace { return trace.add(Square(), [x]) }
///
/// What an op reads from a batch is identified by ``RowIndices/origin``, never by values.
public final class Trace {
  /// What the pass runs over: a sequence of three tokens and one of two, with all numbers 0.
  public let batch: Batch
  private var graph = ModelGraph()
  private var steps: [ObjectIdentifier: Int] = [:]
  /// What was traced stays alive, so that no other variable takes its identity.
  private var results: [Variable] = []
  private var problem: GraftError?

  public init() {
    var batch = Batch()
    batch.append(ids: [0, 0, 0], tokenTypes: [0, 0, 0], positions: [0, 1, 2])
    batch.append(ids: [0, 0], tokenTypes: [0, 0], positions: [0, 1])
    self.batch = batch
  }

  /// The graph that ends in given results.
  ///
  /// - Parameters:
  ///   - outputs: The results and what the graph is to call them.
  ///   - flat: Those that are one number for each row; see ``ModelGraph/flatOutputs``.
  ///   - readsChoices: See ``ModelGraph/readsChoices``.
  /// - Throws: `GraftError` when something was done that a graph has no step for.
  public func graph(
    _ outputs: [(name: String, result: Variable)], flat: Set<String> = [], readsChoices: Bool = false
  ) throws -> ModelGraph {
    graph.flatOutputs = flat
    graph.readsChoices = readsChoices
    for (name, result) in outputs {
      if case .step(let step) = value(of: result) { graph.outputs[name] = step }
    }
    if graph.outputs.count < outputs.count { fail("a result is a parameter") }
    if let problem { throw problem }
    return graph
  }

  // MARK: For ops

  /// Adds a step.
  ///
  /// - Parameters:
  ///   - operation: What is computed.
  ///   - inputs: The variables it computes from, one at least.
  ///   - indices: The indices it computes from.
  ///   - rows: What the result has a row for; `nil` for what the first input has.
  ///   - width: The length of the result's rows; `nil` for that of the first input.
  /// - Returns: Stands for the result.
  public func add(
    _ operation: any GraphOperation,
    _ inputs: [Variable],
    indices: [RowIndices] = [],
    rows: ModelGraph.Rows? = nil,
    width: Int? = nil
  ) -> Variable {
    let rows = rows ?? self.rows(of: inputs[0])
    let width = width ?? inputs[0].value.columns
    for indices in indices where !indices.origin.isKnown {
      fail("\(operation.name) reads rows whose numbers are not computed from the batch")
    }
    let step = ModelGraph.Step(
      operation: operation,
      inputs: inputs.map(value) + indices.map { .indices($0.origin) },
      rows: rows, width: width)
    let result = Variable(Tensor(uninitialized: [count(rows), width]))
    steps[ObjectIdentifier(result)] = graph.steps.count
    graph.steps.append(step)
    results.append(result)
    return result
  }

  /// What a variable of the traced pass has a row for.
  public func rows(of variable: Variable) -> ModelGraph.Rows {
    if let step = steps[ObjectIdentifier(variable)] { return graph.steps[step].rows }
    return .fixed(variable.value.rows)
  }

  /// Demands that an op looks at the sequences of the batch, which are the only ones that a graph has.
  ///
  /// - Parameters:
  ///   - offsets: Where the op's sequences start.
  ///   - operation: What to call the op in the error that ``graph(_:)`` throws.
  public func require(_ offsets: [Int], in operation: String) {
    if offsets != batch.offsets { fail("\(operation) over other sequences than the batch's") }
  }

  /// Says that the pass has done what a graph has no step for; ``graph(_:)`` will throw it.
  public func fail(_ reason: String) {
    problem = problem ?? GraftError(.unsupported, "the model cannot be traced: \(reason)")
  }

  private func count(_ rows: ModelGraph.Rows) -> Int {
    switch rows {
    case .tokens: batch.tokenCount
    case .sequences: batch.sequenceCount
    case .fixed(let count): count
    case .pairs(let heads):
      heads
        * zip(batch.offsets, batch.offsets.dropFirst()).reduce(0) { sum, ends in
          sum + (ends.1 - ends.0) * (ends.1 - ends.0)
        }
    }
  }

  private func value(of variable: Variable) -> ModelGraph.Value {
    if let parameter = variable as? Parameter { return .parameter(parameter.name) }
    if let step = steps[ObjectIdentifier(variable)] { return .step(step) }
    fail("a value is used that no op of the tape has made")
    return .step(0)
  }
}

extension RowIndices.Origin {
  /// Whether a graph can compute it.
  fileprivate var isKnown: Bool {
    switch self {
    case .none, .firstTokens: false
    case .input: true
    case .derived(_, let sources): sources.allSatisfy(\.isKnown)
    }
  }
}
