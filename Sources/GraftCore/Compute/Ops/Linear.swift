extension Tape {
  /// `y = x · Wᵀ + b`, the linear layer.
  ///
  /// - Parameters:
  ///   - x: `[tokens, in]`.
  ///   - weight: `[out, in]`.
  ///   - bias: `[out]`.
  /// - Returns: `[tokens, out]`.
  public func linear(_ x: Variable, weight: Variable, bias: Variable?) -> Variable {
    let (tokens, inputs, outputs) = (x.value.rows, x.value.columns, weight.value.rows)
    precondition(weight.value.columns == inputs, "linear: x \(x.shape), weight \(weight.shape)")
    let y = output([tokens, outputs], from: x, weight, bias)
    let product = MatrixProduct(m: tokens, n: outputs, k: inputs, transposesB: true)
    if let bias {
      backend.multiply(product, x.value, weight.value, bias: bias.value, to: y.value)
    } else {
      backend.multiply(product, x.value, weight.value, to: y.value)
    }

    record(y) { [backend, pool] dy in
      // dx = dy · W
      x.addGradient(pool: pool) { dx, overwrite in
        backend.multiply(
          MatrixProduct(m: tokens, n: inputs, k: outputs),
          dy,
          weight.value,
          to: dx,
          accumulating: !overwrite
        )
      }
      // dW = dyᵀ · x
      weight.addGradient(pool: pool) { dWeight, overwrite in
        backend.multiply(
          MatrixProduct(m: outputs, n: inputs, k: tokens, transposesA: true),
          dy,
          x.value,
          to: dWeight,
          accumulating: !overwrite
        )
      }
      // db = Σ dy
      bias?.addGradient(pool: pool) { dBias, overwrite in
        backend.sumColumns(of: dy, to: dBias, accumulating: !overwrite)
      }
    }
    return y
  }
}
