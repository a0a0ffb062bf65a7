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
      try golden.integers("ids"), try golden.integers("positions"), try golden.integers("types")
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
    let rows = try golden.integers("indices")
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
}
