import GraftCompute
import Testing

/// Every op, forward and backward, against PyTorch's autograd in double precision.
@Suite struct GoldenGradientTests {
  /// Runs an op on a golden's inputs and compares its output and the gradients of `inputs`.
  private func check(
    _ golden: Golden,
    gradientsOf names: [String],
    _ forward: (Tape, [Variable]) -> Variable
  ) throws {
    let inputs = try names.map(golden.variable)
    let tape = Tape(try ReferenceBackend(threads: 2))
    let output = forward(tape, inputs)
    #expect(relativeError(output.value, try golden.tensor("output")) < 1e-5, "output")
    let upstream = Tensor(try golden.tensor("grad.output").values, shape: output.shape)
    tape.backward(from: output, gradient: upstream)
    for (name, input) in zip(names, inputs) {
      let gradient = try #require(input.gradient, "no gradient of \(name)")
      #expect(relativeError(gradient, try golden.tensor("grad.\(name)")) < 1e-5, "gradient of \(name)")
    }
  }

  @Test func linear() throws {
    try check(Golden("linear"), gradientsOf: ["x", "weight", "bias"]) { tape, inputs in
      tape.linear(inputs[0], weight: inputs[1], bias: inputs[2])
    }
  }

  @Test(arguments: [("gelu", Activation.gelu), ("gelu_tanh", .geluTanh), ("tanh", .tanh)])
  func activation(_ name: String, _ activation: Activation) throws {
    try check(Golden(name), gradientsOf: ["x"]) { tape, inputs in tape.activate(inputs[0], activation) }
  }

  @Test func layerNorm() throws {
    try check(Golden("layer_norm"), gradientsOf: ["x", "weight", "bias"]) { tape, inputs in
      tape.layerNorm(inputs[0], residual: nil, weight: inputs[1], bias: inputs[2], epsilon: 1e-12)
    }
  }

  @Test func residualLayerNorm() throws {
    try check(Golden("residual_layer_norm"), gradientsOf: ["x", "residual", "weight", "bias"]) {
      tape,
      inputs in
      tape.layerNorm(inputs[0], residual: inputs[1], weight: inputs[2], bias: inputs[3], epsilon: 1e-12)
    }
  }

  @Test func embeddings() throws {
    let golden = try Golden("embeddings")
    let (ids, positions, types) = (
      RowIndices(try golden.integers("ids")), RowIndices(try golden.integers("positions")),
      RowIndices(try golden.integers("types"))
    )
    let tables = ["word_embeddings", "position_embeddings", "token_type_embeddings"]
    try check(golden, gradientsOf: tables + ["weight", "bias"]) { tape, inputs in
      let sum = tape.embeddingSum([(inputs[0], ids), (inputs[1], positions), (inputs[2], types)])
      return tape.layerNorm(sum, residual: nil, weight: inputs[3], bias: inputs[4], epsilon: 1e-12)
    }
    try check(golden, gradientsOf: tables + ["weight", "bias"]) { tape, inputs in
      tape.normalizedEmbeddingSum(
        [(inputs[0], ids), (inputs[1], positions), (inputs[2], types)], weight: inputs[3], bias: inputs[4],
        epsilon: 1e-12, dropout: 0.5)
    }
  }

  @Test func attention() throws {
    let golden = try Golden("attention")
    let offsets = try golden.integers("offsets").map(Int.init)
    let heads = Int(try golden.integers("heads")[0])
    try check(golden, gradientsOf: ["q", "k", "v"]) { tape, inputs in
      tape.attention(
        query: inputs[0],
        key: inputs[1],
        value: inputs[2],
        heads: heads,
        offsets: offsets,
        dropout: 0
      )
    }
  }

  @Test func gatherRows() throws {
    let golden = try Golden("gather_rows")
    let rows = RowIndices(try golden.integers("indices"))
    try check(golden, gradientsOf: ["x"]) { tape, inputs in tape.gatherRows(inputs[0], rows) }
  }

  @Test func crossEntropy() throws {
    let golden = try Golden("cross_entropy")
    let labels = try golden.integers("labels")
    try check(golden, gradientsOf: ["logits"]) { tape, inputs in tape.crossEntropy(inputs[0], classes: labels)
    }
  }

  @Test func binaryCrossEntropy() throws {
    let golden = try Golden("binary_cross_entropy")
    let labels = try golden.tensor("labels").values
    try check(golden, gradientsOf: ["logits"]) { tape, inputs in
      tape.binaryCrossEntropy(inputs[0], targets: labels)
    }
  }

  @Test func meanSquaredError() throws {
    let golden = try Golden("mean_squared_error")
    let labels = try golden.tensor("labels").values
    try check(golden, gradientsOf: ["x"]) { tape, inputs in tape.meanSquaredError(inputs[0], targets: labels)
    }
  }

  // MARK: Options of attention

  private func checkAttention(
    _ name: String, tables: [String] = [], scale: Float? = nil, window: Int? = nil,
    buckets: RelativeBuckets? = nil
  ) throws {
    let golden = try Golden(name)
    let offsets = try golden.integers("offsets").map(Int.init)
    let heads = Int(try golden.integers("heads")[0])
    try check(golden, gradientsOf: ["q", "k", "v"] + tables) { tape, inputs in
      tape.attention(
        query: inputs[0], key: inputs[1], value: inputs[2], heads: heads, offsets: offsets, dropout: 0,
        scale: scale, window: window, bias: buckets.map { RelativeBias(table: inputs[3], buckets: $0) })
    }
  }

  @Test func attentionWithAScale() throws { try checkAttention("attention_scale", scale: 0.125) }

  @Test func attentionWithAWindow() throws { try checkAttention("attention_window", window: 2) }

  @Test func attentionWithABias() throws {
    try checkAttention(
      "attention_bias", tables: ["table"], buckets: .logarithmic(count: 8, maximumDistance: 6))
  }

  @Test func relativeBuckets() throws {
    let golden = try Golden("relative_buckets")
    let distances = try golden.integers("distances")
    for (name, buckets) in [
      ("default", RelativeBuckets.logarithmic()), ("small", .logarithmic(count: 8, maximumDistance: 6)),
    ] {
      #expect(try golden.integers(name) == distances.map { Int32(buckets[Int($0)]) }, "\(name)")
    }
  }

  @Test func rotary() throws {
    let golden = try Golden("rotary")
    let heads = Int(try golden.integers("heads")[0])
    let rotation = Rotation(
      positions: RowIndices(try golden.integers("positions")), width: 24 / heads,
      base: Float(try golden.integers("base")[0]))
    try check(golden, gradientsOf: ["x"]) { $0.rotary($1[0], rotation, heads: heads) }
  }

  // MARK: Further ops

  @Test func withoutBias() throws {
    try check(Golden("layer_norm_without_bias"), gradientsOf: ["x", "weight"]) { tape, inputs in
      tape.layerNorm(inputs[0], residual: nil, weight: inputs[1], bias: nil, epsilon: 1e-12)
    }
    try check(Golden("linear_without_bias"), gradientsOf: ["input", "weight"]) { tape, inputs in
      tape.linear(inputs[0], weight: inputs[1], bias: nil)
    }
  }

  @Test func multiply() throws {
    try check(Golden("multiply"), gradientsOf: ["input", "other"]) { $0.multiply($1[0], $1[1]) }
  }

  @Test func columns() throws {
    try check(Golden("columns"), gradientsOf: ["x"]) { $0.columns($1[0], 5..<12) }
  }

  @Test func convolution() throws {
    let golden = try Golden("convolution")
    let batch = Batch(offsets: try golden.integers("offsets").map(Int.init))
    try check(golden, gradientsOf: ["x", "weight", "bias"]) { tape, inputs in
      tape.linear(
        tape.tokenWindows(inputs[0], width: 3, batch), weight: inputs[1], bias: inputs[2])
    }
  }

  @Test func sequenceMean() throws {
    let golden = try Golden("sequence_mean")
    let offsets = try golden.integers("offsets").map(Int.init)
    try check(golden, gradientsOf: ["x"]) { $0.sequenceMean($1[0], offsets: offsets) }
  }

  @Test func sequenceSoftmax() throws {
    let golden = try Golden("sequence_softmax")
    let offsets = try golden.integers("offsets").map(Int.init)
    try check(golden, gradientsOf: ["x"]) { $0.sequenceSoftmax($1[0], offsets: offsets) }
  }

  @Test func sequenceCrossEntropy() throws {
    let golden = try Golden("sequence_cross_entropy")
    let offsets = try golden.integers("offsets").map(Int.init)
    let places = try golden.integers("places")
    try check(golden, gradientsOf: ["x"]) {
      $0.sequenceCrossEntropy($1[0], column: 1, places: places, offsets: offsets)
    }
  }

  @Test(arguments: [
    ("silu", Activation.silu), ("quick_gelu", .quickGELU), ("mish", .mish), ("sigmoid", .sigmoid),
    ("gelu_10", .clippedGELU), ("linear", .identity),
  ])
  func furtherActivations(_ name: String, _ activation: Activation) throws {
    try check(Golden("activation_\(name)"), gradientsOf: ["input"]) { $0.activate($1[0], activation) }
  }
}
