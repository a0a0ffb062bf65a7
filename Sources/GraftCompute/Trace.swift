import GraftTensors

/// Writes down a forward pass as a ``ModelGraph``. Nothing is computed, and no parameter's memory touched.
///
/// The pass runs over a batch whose arrays all differ, by which they are known when an op uses them.
public final class Trace {
  /// Two sequences, of three tokens and of two.
  package let batch: Batch
  private var graph = ModelGraph()
  private var steps: [ObjectIdentifier: Int] = [:]
  /// What was traced stays alive, so that no other variable takes its identity.
  private var results: [Variable] = []
  private var problem: GraftError?

  /// - Parameter tokenTypes: Five ids that the model knows.
  package init(tokenTypes: [Int32]) {
    var batch = Batch()
    batch.append(ids: [1, 0, 1], tokenTypes: Array(tokenTypes[..<3]), positions: [0, 1, 2])
    batch.append(ids: [1, 0], tokenTypes: Array(tokenTypes[3...]), positions: [0, 1])
    self.batch = batch
  }

  /// The graph that ends in given results.
  ///
  /// - Throws: ``GraftError`` when something was done that a graph has no step for.
  package func graph(_ outputs: [(name: String, result: Variable)]) throws -> ModelGraph {
    for (name, result) in outputs {
      if case .step(let step) = value(of: result) { graph.outputs[name] = step }
    }
    if graph.outputs.count < outputs.count { fail("a result is a parameter") }
    if let problem { throw problem }
    return graph
  }

  // MARK: For ops

  /// Adds a step whose result has the rows of its first input.
  ///
  /// - Parameters:
  ///   - operation: What is computed.
  ///   - inputs: As ``ModelGraph/Operation`` lists them.
  ///   - width: The length of the result's rows; `nil` is that of the first input.
  func add(_ operation: ModelGraph.Operation, _ inputs: [Variable], width: Int? = nil) -> Variable {
    add(
      operation, inputs, isPerToken: inputs[0].value.rows == batch.tokenCount,
      width: width ?? inputs[0].value.columns)
  }

  func addAttention(
    _ query: Variable, _ key: Variable, _ value: Variable, heads: Int, offsets: [Int]
  ) -> Variable {
    if offsets != batch.offsets { fail("attention over other sequences than the batch's") }
    return add(.attention(heads: heads), [query, key, value])
  }

  /// Adds a lookup in tables, or of each sequence's first token.
  func addLookup(_ lookups: [(table: Variable, ids: [Int32])]) -> Variable {
    let width = lookups[0].table.value.columns
    if lookups.count == 1, !(lookups[0].table is Parameter) {
      if lookups[0].ids != batch.firstTokens { fail("rows are taken that are not the first tokens'") }
      return add(.firstTokens, [lookups[0].table], isPerToken: false, width: width)
    }
    let indices = lookups.compactMap { index($0.ids) }
    if indices.count < lookups.count {
      fail("a table is read at places that are neither ids, token types nor positions")
    }
    return add(.embeddingSum(indices), lookups.map(\.table), isPerToken: true, width: width)
  }

  private func index(_ array: [Int32]) -> ModelGraph.Index? {
    switch array {
    case batch.ids: .ids
    case batch.positions: .positions
    case batch.tokenTypes: .tokenTypes
    default: nil
    }
  }

  private func add(
    _ operation: ModelGraph.Operation, _ inputs: [Variable], isPerToken: Bool, width: Int
  ) -> Variable {
    let rows = isPerToken ? batch.tokenCount : batch.sequenceCount
    let result = Variable(Tensor(uninitialized: [rows, width]))
    let step = ModelGraph.Step(
      operation: operation, inputs: inputs.map(value), isPerToken: isPerToken, width: width)
    steps[ObjectIdentifier(result)] = graph.steps.count
    graph.steps.append(step)
    results.append(result)
    return result
  }

  private func value(of variable: Variable) -> ModelGraph.Value {
    if let parameter = variable as? Parameter { return .parameter(parameter.name) }
    if let step = steps[ObjectIdentifier(variable)] { return .step(step) }
    fail("a value is used that no op of the tape has made")
    return .step(0)
  }

  private func fail(_ reason: String) {
    problem = problem ?? GraftError(.unsupported, "the model cannot be traced: \(reason)")
  }
}
