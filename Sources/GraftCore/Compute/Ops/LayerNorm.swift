extension Tape {
  /// LayerNorm over the last axis of `x`, or of `x + residual`. Ba et al., arXiv:1607.06450.
  ///
  /// - Parameters:
  ///   - x: `[tokens, hidden]`.
  ///   - residual: Of the same shape, or nothing.
  ///   - weight: `[hidden]`.
  ///   - bias: `[hidden]`.
  ///   - epsilon: Added to the variance.
  /// - Returns: `[tokens, hidden]`.
  public func layerNorm(
    _ x: Variable,
    residual: Variable?,
    weight: Variable,
    bias: Variable,
    epsilon: Float
  ) -> Variable {
    let (rows, columns) = (x.value.rows, x.value.columns)
    precondition(
      weight.value.count == columns && bias.value.count == columns
        && residual.map { $0.shape == x.shape } != false,
      "layerNorm: x \(x.shape), residual \(residual?.shape ?? x.shape), weight \(weight.shape)"
    )
    let y = output(x.shape, from: x, residual, weight, bias)
    // The pullback needs the sum; without one it may be where the result goes.
    let input = residual == nil ? x.value : y.needsGradient ? scratch(x.shape) : y.value
    let statistics = scratch([rows, 2])
    let kernels = backend.kernels
    backend.forEachBlock(ofRows: rows, columns: columns) { block in
      let (start, count) = (block.lowerBound * columns, block.count * columns)
      if let residual {
        (input.pointer + start).update(from: x.value.pointer + start, count: count)
        kernels.add(residual.value.pointer + start, to: input.pointer + start, count: count)
      }
      kernels.layerNorm(
        input.pointer + start,
        weight: weight.value.pointer,
        bias: bias.value.pointer,
        epsilon: epsilon,
        to: y.value.pointer + start,
        statistics: statistics.pointer + 2 * block.lowerBound,
        rows: block.count,
        columns: columns
      )
    }
    record(y) { [backend, pool] dy in
      let (dWeight, dBias) = backend.layerNormGradient(input, weight.value, statistics, dy, pool: pool)
      // dy holds dx now.
      residual?.addGradient(pool: pool) { dResidual, overwrite in
        if overwrite { backend.copy(dy, to: dResidual) } else { backend.add(dy, to: dResidual) }
      }
      x.addGradient(consuming: dy, backend)
      weight.addGradient(pool: pool) { backend.sumColumns(of: dWeight, to: $0, accumulating: !$1) }
      bias.addGradient(pool: pool) { backend.sumColumns(of: dBias, to: $0, accumulating: !$1) }
    }
    return y
  }
}

extension ComputeBackend {
  /// Replaces `dy` by `dx`, and returns the gradients of weight and bias as `[blocks, hidden]` to be summed.
  fileprivate func layerNormGradient(
    _ x: Tensor,
    _ weight: Tensor,
    _ statistics: Tensor,
    _ dy: Tensor,
    pool: MemoryPool?
  ) -> (dWeight: Tensor, dBias: Tensor) {
    let (rows, columns) = (x.rows, x.columns)
    let size = Self.rowsPerPiece(columns: columns)
    let shape = [(rows + size - 1) / size, columns]
    let dWeight = Tensor(repeating: 0, shape: shape, pool: pool)
    let dBias = Tensor(repeating: 0, shape: shape, pool: pool)
    let kernels = kernels
    threads.forEachBlock(of: size, in: rows) { block in
      let start = block.lowerBound * columns
      let part = block.lowerBound / size * columns
      kernels.layerNormGradient(
        x: x.pointer + start,
        weight: weight.pointer,
        statistics: statistics.pointer + 2 * block.lowerBound,
        dy: dy.pointer + start,
        to: dy.pointer + start,
        dWeight: dWeight.pointer + part,
        dBias: dBias.pointer + part,
        rows: block.count,
        columns: columns
      )
    }
    return (dWeight, dBias)
  }
}
