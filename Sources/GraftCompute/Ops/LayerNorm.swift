extension Tape {
  /// LayerNorm over the last axis of `x`, or of `x + residual`. Ba et al., arXiv:1607.06450.
  ///
  /// Dropout of `x`, the residual and the norm are one pass over the rows.
  ///
  /// - Parameters:
  ///   - x: `[tokens, hidden]`.
  ///   - residual: Of the same shape, or nothing.
  ///   - dropout: How likely an element of `x` becomes 0 while training; see ``dropout(_:probability:)``.
  ///   - weight: `[hidden]`.
  ///   - bias: `[hidden]`; `nil` for a norm without one.
  ///   - epsilon: Added to the variance.
  /// - Returns: `[tokens, hidden]`.
  public func layerNorm(
    _ x: Variable,
    residual: Variable?,
    dropout: Float = 0,
    weight: Variable,
    bias: Variable?,
    epsilon: Float
  ) -> Variable {
    precondition(
      residual.map { $0.shape == x.shape } != false,
      "layerNorm: x \(x.shape), residual \(residual?.shape ?? x.shape)"
    )
    if let trace {
      let sum = residual.map { add(x, $0) } ?? x
      return trace.add(LayerNormOperation(epsilon: epsilon), [sum, weight] + (bias.map { [$0] } ?? []))
    }
    return profile.measure("LayerNorm, residual, dropout") {
      let mask = nextDropoutMask(dropout)
      let y = output(x.shape, from: x, residual, weight, bias)
      // The pullback needs what is normalized; without one it may be where the result goes.
      let isChanged = residual != nil || mask != nil
      let input = !isChanged ? x.value : y.needsGradient ? scratch(x.shape) : y.value
      let norm = RowNorm(backend, pool, input: input, weight: weight, bias: bias, epsilon: epsilon)
      let kernels = backend.kernels
      let columns = input.columns
      norm.forward(to: y) { rows in
        guard isChanged else { return }
        let (start, count) = (rows.lowerBound * columns, rows.count * columns)
        if let mask {
          mask.apply(
            toRows: x.value.pointer + start, result: input.pointer + start, rows, columns: columns, kernels)
        } else {
          (input.pointer + start).update(from: x.value.pointer + start, count: count)
        }
        if let residual {
          kernels.add(residual.value.pointer + start, to: input.pointer + start, count: count)
        }
      }

      let (xSlot, residualSlot) = (x.slot, residual?.slot)
      record(y) { [backend, pool] dy in
        let dResidual = residualSlot?.open(pool: pool)
        norm.backward(dy) { rows in
          // dy holds the gradient of the sum now.
          let (start, count) = (rows.lowerBound * columns, rows.count * columns)
          let dSum = dy.pointer + start
          if let (gradient, overwrite) = dResidual {
            if overwrite {
              (gradient.pointer + start).update(from: dSum, count: count)
            } else {
              kernels.add(dSum, to: gradient.pointer + start, count: count)
            }
          }
          mask?.apply(toRows: dSum, result: dSum, rows, columns: columns, kernels)
        }
        xSlot.add(consuming: dy, backend)
      }
      return y
    }
  }
}

struct LayerNormOperation: GraphOperation {
  let epsilon: Float

  func lower(_ inputs: [GraphValue], to graph: inout some GraphBuilder) throws -> GraphValue {
    graph.add("LayerNormalization", inputs, ["axis": .integer(-1), "epsilon": .float(epsilon)])
  }
}

/// LayerNorm of the rows of a matrix, with work on each block of rows before it forward and after it backward.
struct RowNorm {
  private let backend: any ComputeBackend
  private let pool: MemoryPool?
  private let input: Tensor
  private let weight: (value: Tensor, slot: GradientSlot)
  /// Zeros without a slot where the norm has none.
  private let bias: (value: Tensor, slot: GradientSlot?)
  private let epsilon: Float
  /// Mean and reciprocal standard deviation: `[rows, 2]`.
  private let statistics: Tensor

  /// - Parameters:
  ///   - input: `[rows, columns]`, filled or to be filled on the way.
  ///   - weight: `[columns]`.
  ///   - bias: `[columns]`, or nothing.
  init(
    _ backend: any ComputeBackend, _ pool: MemoryPool?, input: Tensor, weight: Variable, bias: Variable?,
    epsilon: Float
  ) {
    precondition(
      weight.value.count == input.columns && bias.map { $0.value.count == input.columns } != false,
      "layerNorm: x \(input.shape), weight \(weight.shape), bias \(bias?.shape ?? weight.shape)"
    )
    self.backend = backend
    self.pool = pool
    self.input = input
    self.weight = (weight.value, weight.slot)
    self.bias = (
      bias?.value ?? Tensor(repeating: 0, shape: [input.columns], pool: pool), bias?.slot
    )
    self.epsilon = epsilon
    statistics = Tensor(uninitialized: [input.rows, 2], pool: pool)
  }

  /// Normalizes, and rounds where products multiply in bfloat16, for it is a product that comes next.
  ///
  /// - Parameters:
  ///   - y: The result.
  ///   - fill: Fills some rows of the input.
  ///   - change: Changes some rows of the result.
  func forward(
    to y: Variable, filling fill: (Range<Int>) -> Void, changing change: (Range<Int>) -> Void = { _ in }
  ) {
    let columns = input.columns
    let kernels = backend.kernels
    let rounded = backend.precision == .bfloat16 ? y.makeRounded(pool: pool) : nil
    backend.forEachBlock(ofRows: input.rows, columns: columns) { rows in
      let start = rows.lowerBound * columns
      fill(rows)
      kernels.layerNorm(
        input.pointer + start,
        weight: weight.value.pointer,
        bias: bias.value.pointer,
        epsilon: epsilon,
        to: y.value.pointer + start,
        statistics: statistics.pointer + 2 * rows.lowerBound,
        rows: rows.count,
        columns: columns
      )
      change(rows)
      if let rounded {
        kernels.round(y.value.pointer + start, to: rounded.pointer + start, count: rows.count * columns)
      }
    }
  }

  /// Replaces `dy` by the gradient of the input, and adds to those of weight and bias.
  ///
  /// - Parameters:
  ///   - dy: The gradient of the result.
  ///   - prepare: Changes some rows of `dy` before.
  ///   - finish: Is told which rows of `dy` hold the gradient of the input.
  func backward(
    _ dy: Tensor, preparing prepare: (Range<Int>) -> Void = { _ in }, then finish: (Range<Int>) -> Void
  ) {
    let columns = input.columns
    let size = Loops.rowsPerPiece(columns: columns)
    let shape = [(input.rows + size - 1) / size, columns]
    let dWeight = Tensor(repeating: 0, shape: shape, pool: pool)
    let dBias = Tensor(repeating: 0, shape: shape, pool: pool)
    let kernels = backend.kernels
    backend.forEachBlock(ofRows: input.rows, columns: columns) { rows in
      let start = rows.lowerBound * columns
      let part = rows.lowerBound / size * columns
      prepare(rows)
      kernels.layerNormGradient(
        x: input.pointer + start,
        weight: weight.value.pointer,
        statistics: statistics.pointer + 2 * rows.lowerBound,
        dy: dy.pointer + start,
        to: dy.pointer + start,
        dWeight: dWeight.pointer + part,
        dBias: dBias.pointer + part,
        rows: rows.count,
        columns: columns
      )
      finish(rows)
    }
    weight.slot.add(pool: pool) { backend.sumColumns(of: dWeight, to: $0, accumulating: !$1) }
    bias.slot?.add(pool: pool) { backend.sumColumns(of: dBias, to: $0, accumulating: !$1) }
  }
}
