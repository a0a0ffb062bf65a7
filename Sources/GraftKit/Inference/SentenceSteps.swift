import GraftCompute
import GraftCore

/// A ``SentencePipeline`` with its weights in memory.
struct SentenceSteps {
  private enum Step {
    case pooling(SentencePooling)
    case dense(weight: Tensor, bias: Tensor?, Activation)
    case normalize
  }

  private let steps: [Step]

  /// - Throws: `GraftError` when a weight cannot be read.
  init(_ pipeline: SentencePipeline) throws {
    steps = try pipeline.modules.map { module in
      switch module {
      case .pooling(let pooling): .pooling(pooling)
      case .dense(let dense):
        .dense(
          weight: try Tensor(dense.weight), bias: try dense.bias.map { try Tensor($0) },
          dense.activation)
      case .normalize: .normalize
      }
    }
  }

  /// One vector for each sequence: `[sequences, width]`.
  ///
  /// - Parameters:
  ///   - states: `[tokens, hidden]`.
  ///   - offsets: Where sequences begin, and the end of the last.
  ///   - promptLength: How many tokens a sequence begins with that are a prompt's.
  ///   - backend: The compute kernels.
  func vectors(
    _ states: Tensor, _ offsets: [Int], promptLength: Int = 0, _ backend: any ComputeBackend
  ) -> Tensor {
    let tape = Tape(backend, recording: false)
    return steps.reduce(states) { x, step in
      switch step {
      case .pooling(let pooling):
        return pooling.pooled(x, offsets, promptLength: promptLength)
      case .dense(let weight, let bias, let activation):
        let bias = bias.map { Variable($0) }
        return tape.linear(Variable(x), weight: Variable(weight), bias: bias, activation: activation).value
      case .normalize:
        normalizeRows(x)
        return x
      }
    }
  }
}

extension SentencePooling {
  /// `[sequences, modes · hidden]`.
  fileprivate func pooled(_ states: Tensor, _ offsets: [Int], promptLength: Int) -> Tensor {
    let hidden = states.columns
    let result = Tensor(repeating: 0, shape: [offsets.count - 1, modes.count * hidden])
    for (sequence, (start, end)) in zip(offsets, offsets.dropFirst()).enumerated() where start < end {
      // A text whose tokens are all the prompt's is that of its first token.
      let skipped = includesPrompt ? 0 : promptLength < end - start ? promptLength : 0
      for (index, mode) in modes.enumerated() {
        let row = result.pointer + (sequence * modes.count + index) * hidden
        mode.pool(
          states.pointer + start * hidden, tokens: skipped..<end - start, hidden: hidden, to: row)
      }
    }
    return result
  }
}

extension SentencePooling.Mode {
  /// - Parameters:
  ///   - states: A sequence's, `[tokens, hidden]`.
  ///   - tokens: Those that count.
  ///   - hidden: The numbers of a state.
  ///   - row: Zeros; receives the vector.
  fileprivate func pool(
    _ states: UnsafePointer<Float>, tokens: Range<Int>, hidden: Int, to row: UnsafeMutablePointer<Float>
  ) {
    switch self {
    case .cls: row.update(from: states + tokens.lowerBound * hidden, count: hidden)
    case .last: row.update(from: states + (tokens.upperBound - 1) * hidden, count: hidden)
    case .max:
      row.update(from: states + tokens.lowerBound * hidden, count: hidden)
      for token in tokens.dropFirst() {
        for column in 0..<hidden { row[column] = Swift.max(row[column], states[token * hidden + column]) }
      }
    case .mean, .meanSqrtLength, .weightedMean:
      var total: Float = 0
      for token in tokens {
        let weight: Float = self == .weightedMean ? Float(token + 1) : 1
        total += weight
        for column in 0..<hidden { row[column] += weight * states[token * hidden + column] }
      }
      let divisor = self == .meanSqrtLength ? total.squareRoot() : total
      for column in 0..<hidden { row[column] /= divisor }
    }
  }
}

/// Divides each row by its length; a row of zeros stays one.
func normalizeRows(_ x: Tensor) {
  for row in 0..<x.rows {
    let values = x.pointer + row * x.columns
    var square: Float = 0
    for column in 0..<x.columns { square += values[column] * values[column] }
    let length = max(square.squareRoot(), 1e-12)
    for column in 0..<x.columns { values[column] /= length }
  }
}
