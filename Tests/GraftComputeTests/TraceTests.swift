import Testing

@testable import GraftCompute
@testable import GraftTensors

/// A traced pass is written down, and nothing of it computed.
@Suite struct TraceTests {
  private let trace = Trace()
  private var batch: Batch { trace.batch }

  private func tape() throws -> Tape {
    Tape(try ReferenceBackend(threads: 1), recording: false, trace: trace)
  }

  private func parameter(_ name: String, _ shape: [Int]) -> Parameter {
    Parameter(name, Tensor(uninitialized: shape), decays: false)
  }

  @Test("ops that do several things at once are their parts")
  func fusedOps() throws {
    let tape = try tape()
    let (weight, bias) = (parameter("w", [8]), parameter("b", [8]))
    let x = tape.normalizedEmbeddingSum(
      [(parameter("words", [9, 8]), batch.ids), (parameter("places", [9, 8]), batch.positions)],
      weight: weight, bias: bias, epsilon: 0.5, dropout: 0.1)
    let q = tape.linear(x, weight: parameter("q", [4, 8]), bias: nil, activation: .relu)
    let y = tape.attention(query: q, key: q, value: q, heads: 2, offsets: batch.offsets, dropout: 0.1)
    let first = tape.gatherRows(tape.dropout(y, probability: 0.1), batch.firstTokens)
    let z = tape.layerNorm(
      first, residual: first, dropout: 0.1, weight: weight, bias: bias, epsilon: 0.25)
    let graph = try trace.graph([("states", x), ("logits", z)])
    let attention = AttentionOperation(heads: 2, width: 4, scale: 1 / Float(2).squareRoot())
    let operations: [any GraphOperation] = [
      EmbeddingSumOperation(width: 8), LayerNormOperation(epsilon: 0.5), LinearOperation(),
      ActivationOperation(.relu), attention, FirstTokensOperation(width: 4),
      ElementwiseOperation(operator: "Add"), LayerNormOperation(epsilon: 0.25),
    ]
    #expect(graph.steps.map { AnyHashable($0.operation) } == operations.map { AnyHashable($0) })
    let places = [batch.ids, batch.positions].map { ModelGraph.Value.indices($0.origin) }
    #expect(
      graph.steps.map(\.inputs) == [
        [.parameter("words"), .parameter("places")] + places, [.step(0), .parameter("w"), .parameter("b")],
        [.step(1), .parameter("q")], [.step(2)], [.step(3), .step(3), .step(3)], [.step(4)],
        [.step(5), .step(5)], [.step(6), .parameter("w"), .parameter("b")],
      ])
    #expect(
      graph.steps.map(\.rows) == [ModelGraph.Rows](repeating: .tokens, count: 5)
        + [.sequences, .sequences, .sequences])
    #expect(graph.steps.map(\.width) == [8, 8, 4, 4, 4, 4, 4, 4])
    #expect(graph.outputs == ["states": 1, "logits": 7])
  }

  @Test("a graph over a file's tensors takes parameters that are some rows of one out of it first")
  func storing() throws {
    let tape = try tape()
    let x = tape.embeddingSum([(parameter("words", [9, 4]), batch.ids)])
    let query = tape.linear(x, weight: parameter("query", [4, 4]), bias: parameter("bias", [4]))
    let key = tape.linear(query, weight: parameter("key", [4, 4]), bias: nil)
    let again = tape.linear(key, weight: parameter("query", [4, 4]), bias: nil)
    let graph = try trace.graph([("key", key), ("again", again)]).storing { name in
      switch name {
      case "query": .init("stacked", rows: 0..<4, width: 4)
      case "key": .init("stacked", rows: 4..<8, width: 4)
      default: .init(name + ".")
      }
    }
    #expect(
      graph.steps.map(\.inputs) == [
        [.parameter("stacked")], [.parameter("stacked")],
        [.parameter("words."), .indices(batch.ids.origin)],
        [.step(2), .step(0), .parameter("bias.")], [.step(3), .step(1)], [.step(4), .step(0)],
      ])
    #expect(graph.steps.map(\.width) == [4, 4, 4, 4, 4, 4])
    #expect(graph.steps[1].rows == .fixed(4) && graph.steps[2].rows == .tokens)
    #expect(
      graph.steps[..<2].map { $0.operation as? RowsOperation }
        == [RowsOperation(range: 0..<4), RowsOperation(range: 4..<8)])
    #expect(graph.outputs == ["key": 4, "again": 5])
  }

  @Test("a parameter is looked up and cut like a value; what is made of parameters alone has their rows")
  func parameters() throws {
    let tape = try tape()
    let table = parameter("table", [9, 8])
    let part = tape.columns(table, 2..<6)
    let rows = tape.gatherRows(part, batch.positions(after: 1))
    let graph = try trace.graph([("part", part), ("rows", rows)])
    #expect(graph.steps.map(\.rows) == [.fixed(9), .tokens])
    #expect(graph.steps.map(\.width) == [4, 4])
    #expect(graph.steps[0].inputs == [.parameter("table")])
    #expect(graph.steps[1].inputs == [.step(0), .indices(batch.positions(after: 1).origin)])
    #expect(rows.shape == [5, 4])
  }

  @Test("a batch of one token in each sequence has as many tokens as sequences, and they are not mistaken")
  func rowsAreKnownByWhatTheyAre() throws {
    let tape = try tape()
    let x = tape.embeddingSum([(parameter("words", [5, 8]), batch.ids)])
    #expect(trace.rows(of: x) == .tokens)
    #expect(trace.rows(of: tape.sequenceMean(x, offsets: batch.offsets)) == .sequences)
    // Five rows, as the batch has tokens.
    #expect(trace.rows(of: tape.scale(parameter("five", [5, 8]), by: 2)) == .fixed(5))
  }

  @Test(
    "what a graph has no step for is said",
    arguments: [
      ("rows of activations are taken that are not the first tokens'", 0),
      ("EmbeddingSumOperation reads rows whose numbers are not computed from the batch", 1),
      ("attention over other sequences than the batch's", 2),
      ("a value is used that no op of the tape has made", 3), ("a result is a parameter", 4),
    ])
  func refusals(_ reason: String, _ kind: Int) throws {
    let tape = try tape()
    let table = parameter("words", [9, 8])
    let x = tape.embeddingSum([(table, batch.ids)])
    let result: Variable =
      switch kind {
      case 0: tape.gatherRows(x, [1, 4])
      case 1: tape.embeddingSum([(table, [2, 3, 4, 5, 6])])
      case 2: tape.attention(query: x, key: x, value: x, heads: 2, offsets: [0, 5], dropout: 0)
      case 3: tape.add(x, Variable(Tensor(repeating: 1, shape: [5, 8])))
      default: table
      }
    let error = #expect(throws: GraftError.self) { try trace.graph([("logits", result)]) }
    #expect(error?.description == "the model cannot be traced: \(reason).")
  }
}
