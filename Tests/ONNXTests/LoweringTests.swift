import Foundation
import GraftCompute
import GraftCore
import GraftTensors
import TestSupport
import Testing

@testable import ONNX

/// Every op as a graph: computed by the graph on padded sequences, it gives what the op gives without padding.
@Suite struct LoweringTests {
  private static let padding: Int32 = 1
  /// One with a padding token among the others, and one that is padding's id alone.
  private static let sequences: [[Int32]] = [[4, 7, 1, 5, 2, 6, 3], [8, 2], [1], [3, 3, 9, 4]]

  private static let batch: Batch = {
    var batch = Batch()
    for ids in sequences {
      batch.append(ids: ids, tokenTypes: ids.map { $0 % 2 }, positions: Array(0..<Int32(ids.count)))
    }
    return batch
  }()

  /// Parameters of normally distributed numbers.
  struct Parameters {
    private(set) var all: [Parameter] = []

    mutating func callAsFunction(_ name: String, _ shape: [Int]) -> Parameter {
      let parameter = Parameter(
        name, randomVariable(shape, seed: UInt64(all.count + 1)).value, decays: false, frozen: true)
      all.append(parameter)
      return parameter
    }
  }

  typealias Forward = (Batch, (String, [Int]) -> Parameter, Tape) -> Variable

  /// Runs `forward` as it is and as the graph that is traced of it, and compares.
  static func expectGraphComputesTheSame(
    tolerance: Double = 1e-6, inputs: [String] = ["input_ids", "attention_mask"],
    sourceLocation: SourceLocation = #_sourceLocation, _ forward: Forward
  ) throws {
    var parameters = Parameters()
    let backend = try ReferenceBackend(threads: 1)
    let expected = forward(batch, { parameters($0, $1) }, Tape(backend, recording: false)).value
    let trace = Trace()
    let tracing = Tape(backend, recording: false, trace: trace)
    let traced = forward(
      trace.batch, { name, _ in parameters.all.first { $0.name == name }! }, tracing)
    let rows = trace.rows(of: traced)
    let graph = try trace.graph([("result", traced)])
    var weights = Weights()
    for parameter in parameters.all {
      weights[parameter.name] = LazyTensor(parameter.value.values, shape: parameter.shape)
    }
    let found = try withTemporaryDirectory { directory in
      let file = directory.appending(path: "model.onnx")
      try ONNXFormat().write(ModelFile(weights, graph: graph), to: file, limit: nil)
      let evaluator = try Evaluator(file)
      #expect(evaluator.inputs == inputs, sourceLocation: sourceLocation)
      return try #require(evaluator.run(Self.padded)["result"])
    }

    // The places of the padded result that are there without padding.
    var kept: [Double] = []
    let (longest, width) = (sequences.map(\.count).max()!, expected.columns)
    switch rows {
    case .tokens:
      #expect(found.shape == [sequences.count, longest, width], sourceLocation: sourceLocation)
      for (number, ids) in sequences.enumerated() {
        kept += found.elements[number * longest * width..<(number * longest + ids.count) * width]
      }
    case .pairs(let heads):
      for (number, ids) in sequences.enumerated() {
        for row in 0..<heads * longest where row % longest < ids.count {
          let start = (number * heads * longest + row) * longest
          kept += found.elements[start..<start + ids.count]
        }
      }
    case .sequences, .fixed: kept = found.elements
    }
    #expect(kept.count == expected.count, sourceLocation: sourceLocation)
    let scale = expected.values.reduce(0.0) { max($0, abs(Double($1))) }
    #expect(scale > 0.01, "the comparison would prove nothing", sourceLocation: sourceLocation)
    let difference = zip(kept, expected.values).reduce(0.0) { max($0, abs($1.0 - Double($1.1))) }
    #expect(difference <= tolerance * scale, sourceLocation: sourceLocation)
  }

  /// The batch's arrays, padded on the right.
  private static let padded: [String: Evaluator.Value] = {
    let longest = sequences.map(\.count).max()!
    func pad(_ rows: [[Int32]], _ filler: Int32) -> Evaluator.Value {
      Evaluator.Value(
        [rows.count, longest],
        rows.flatMap { row in
          (row + [Int32](repeating: filler, count: longest - row.count)).map(Double.init)
        })
    }
    return [
      "input_ids": pad(sequences, padding), "attention_mask": pad(sequences.map { $0.map { _ in 1 } }, 0),
      "token_type_ids": pad(sequences.map { $0.map { $0 % 2 } }, 0),
    ]
  }()

  private static func states(
    _ batch: Batch, _ parameter: (String, [Int]) -> Parameter, _ tape: Tape, _ name: String = "states",
    width: Int = 12
  ) -> Variable {
    tape.embeddingSum([(parameter(name, [10, width]), batch.ids)])
  }

  @Test(arguments: Activation.allCases)
  func activation(_ activation: Activation) throws {
    try Self.expectGraphComputesTheSame(inputs: ["input_ids"]) {
      $2.activate(Self.states($0, $1, $2), activation)
    }
  }

  @Test("row numbers derived from ids and positions")
  func indices() throws {
    try Self.expectGraphComputesTheSame(inputs: ["input_ids", "token_type_ids"]) { batch, parameter, tape in
      tape.embeddingSum([
        (parameter("words", [10, 4]), batch.ids),
        (parameter("positions", [12, 4]), batch.positions(after: Self.padding)),
        (parameter("columns", [12, 4]), batch.positions),
        (parameter("shifted", [12, 4]), batch.positions + 3),
        (parameter("types", [2, 4]), batch.tokenTypes),
        (parameter("zeros", [2, 4]), RowIndices(repeating: 0, like: batch.ids)),
        (parameter("ones", [2, 4]), RowIndices(repeating: 1, like: batch.ids)),
      ])
    }
  }

  @Test("a part of a table is a table, and a parameter alone is a result with its own rows")
  func parameters() throws {
    try Self.expectGraphComputesTheSame(inputs: ["input_ids"]) { batch, parameter, tape in
      tape.gatherRows(tape.columns(parameter("table", [12, 8]), 3..<6), batch.positions(after: 1))
    }
    try Self.expectGraphComputesTheSame(inputs: []) { _, parameter, tape in
      tape.scale(parameter("table", [12, 8]), by: 3)
    }
  }

  @Test func elementwise() throws {
    try Self.expectGraphComputesTheSame(inputs: ["input_ids"]) { batch, parameter, tape in
      let x = Self.states(batch, parameter, tape)
      let gate = tape.columns(x, 6..<12)
      return tape.scale(tape.add(tape.multiply(tape.columns(x, 0..<6), gate), gate), by: 0.25)
    }
  }

  @Test("a convolution over tokens", arguments: [1, 3, 5])
  func tokenWindows(_ width: Int) throws {
    try Self.expectGraphComputesTheSame { batch, parameter, tape in
      let x = Self.states(batch, parameter, tape)
      return tape.linear(
        tape.tokenWindows(x, width: width, batch), weight: parameter("weight", [4, 12, width]),
        bias: parameter("bias", [4]))
    }
  }

  @Test func withoutBias() throws {
    try Self.expectGraphComputesTheSame(inputs: ["input_ids"]) { batch, parameter, tape in
      let x = tape.linear(
        Self.states(batch, parameter, tape), weight: parameter("weight", [8, 12]), bias: nil)
      return tape.layerNorm(
        x, residual: nil, weight: parameter("norm", [8]), bias: nil, epsilon: 1e-5)
    }
  }

  private static func attention(
    _ batch: Batch, _ parameter: (String, [Int]) -> Parameter, _ tape: Tape, scale: Float? = nil,
    window: Int? = nil, bias: RelativeBias? = nil, addedScores: Variable? = nil
  ) -> Variable {
    tape.attention(
      query: states(batch, parameter, tape, "query"), key: states(batch, parameter, tape, "key"),
      value: states(batch, parameter, tape, "value"), heads: 3, offsets: batch.offsets, dropout: 0,
      scale: scale, window: window, bias: bias, addedScores: addedScores)
  }

  @Test(arguments: [nil, 0, 2])
  func attention(_ window: Int?) throws {
    try Self.expectGraphComputesTheSame { Self.attention($0, $1, $2, scale: 0.3, window: window) }
  }

  @Test func attentionWithABias() throws {
    try Self.expectGraphComputesTheSame { batch, parameter, tape in
      let bias = RelativeBias(
        table: parameter("table", [8, 3]), buckets: .logarithmic(count: 8, maximumDistance: 5))
      return Self.attention(batch, parameter, tape, window: 4, bias: bias)
    }
  }

  @Test func rotary() throws {
    try Self.expectGraphComputesTheSame(inputs: ["input_ids"]) { batch, parameter, tape in
      let rotation = Rotation(positions: batch.positions, width: 4, base: 50)
      let x = tape.rotary(Self.states(batch, parameter, tape), rotation, heads: 3)
      let other = Rotation(positions: batch.positions(after: 1), width: 6, base: 50)
      return tape.rotary(x, other, heads: 2)
    }
  }

  @Test func firstTokensAndMeans() throws {
    try Self.expectGraphComputesTheSame { batch, parameter, tape in
      let x = Self.states(batch, parameter, tape)
      let mean = tape.sequenceMean(x, offsets: batch.offsets)
      return tape.add(mean, tape.gatherRows(x, batch.firstTokens))
    }
  }

  @Test func softmaxOverSequences() throws {
    try Self.expectGraphComputesTheSame { batch, parameter, tape in
      tape.sequenceSoftmax(Self.states(batch, parameter, tape, width: 2), offsets: batch.offsets)
    }
  }
}
