import GraftCompute

/// One encoder layer with every op, dropout included, wide enough to be cut into several pieces.
struct BackendSample {
  let hidden: Int
  let tokens: Int
  static let gradientCount = 16

  /// The size of a result's numbers, to compare errors with.
  ///
  /// The true gradient of the keys' bias is zero; what it is the sum of is as large as for the keys' weight.
  static func scale(of number: Int, in results: [[Float]]) -> Float {
    let (keysWeight, keysBias) = (5, 10)
    return results[number == keysBias ? keysWeight : number].reduce(0) { max($0, abs($1)) }
  }

  private func parameter(_ shape: [Int], _ seed: UInt64, offset: Float = 0) -> Variable {
    var generator = RandomKey(seed: seed).generator
    let scale = offset == 0 ? 1 / Float(shape.last ?? 1).squareRoot() : 0.1
    let values = (0..<shape.reduce(1, *)).map { _ in offset + scale * generator.normal() }
    return Variable(Tensor(values, shape: shape), needsGradient: true)
  }

  /// The loss, the logits and the gradient of every parameter.
  func run(_ backend: any ComputeBackend) throws -> [[Float]] {
    let tape = Tape(backend, dropoutKey: RandomKey(seed: 11, step: 2), pool: MemoryPool())
    let (words, positions) = (parameter([50, hidden], 1), parameter([tokens, hidden], 2))
    let linears = (0..<5).map { parameter([hidden, hidden], UInt64(10 + $0)) }
    let biases = (0..<5).map { parameter([hidden], UInt64(20 + $0)) }
    let (weight, bias) = (parameter([hidden], 30, offset: 1), parameter([hidden], 31))
    let (decoder, decoderBias) = (parameter([9, hidden], 32), parameter([9], 33))

    let ids = RowIndices((0..<Int32(tokens)).map { $0 * 7 % 50 })
    let rows = RowIndices(Array(0..<Int32(tokens)))
    var x = tape.normalizedEmbeddingSum(
      [(words, ids), (positions, rows)], weight: weight, bias: bias, epsilon: 1e-12, dropout: 0.1)
    func linear(_ x: Variable, _ number: Int) -> Variable {
      tape.linear(x, weight: linears[number], bias: biases[number])
    }
    let offsets = [0, 1, tokens / 4, tokens / 2 + 3, tokens]
    let context = tape.attention(
      query: linear(x, 0), key: linear(x, 1), value: linear(x, 2), heads: 4, offsets: offsets, dropout: 0.1)
    x = tape.layerNorm(
      tape.dropout(linear(context, 3), probability: 0.1), residual: x, dropout: 0.1, weight: weight,
      bias: bias,
      epsilon: 1e-12)
    let inner = tape.linear(x, weight: linears[4], bias: biases[4], activation: .gelu)
    x = tape.add(inner, tape.activate(tape.embeddingSum([(x, rows)]), .tanh))
    let logits = tape.linear(
      tape.gatherRows(x, RowIndices(rows.map { $0 / 2 })), weight: decoder, bias: decoderBias)
    let classes = (0..<tokens).map { $0 % 5 == 0 ? Tape.ignoredClass : Int32($0 % 9) }
    let loss = tape.crossEntropy(logits, classes: classes)
    tape.backward(from: loss)
    let parameters = [words, positions] + linears + biases + [weight, bias, decoder, decoderBias]
    return [loss.value.values, logits.value.values] + parameters.compactMap { $0.gradient?.values }
  }
}
