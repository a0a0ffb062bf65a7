extension Tape {
  /// Inverted dropout while training; `x` itself when evaluating or when `probability` is 0.
  ///
  /// The mask is the next of the tape's ``dropoutKey``, whatever the number of threads. Srivastava et al.,
  /// "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR 15, 2014.
  ///
  /// - Parameters:
  ///   - x: Of any shape.
  ///   - probability: How likely an element becomes 0: at least 0, less than 1.
  /// - Returns: Of the shape of `x`.
  public func dropout(_ x: Variable, probability: Float) -> Variable {
    precondition(probability >= 0 && probability < 1, "dropout: probability \(probability)")
    guard probability > 0, let key = nextDropoutKey() else { return x }
    let y = output(x.shape, from: x)
    backend.dropout(x.value, to: y.value, probability: probability, key: key)
    record(y) { [backend] dy in
      backend.dropout(dy, to: dy, probability: probability, key: key)
      x.addGradient(consuming: dy, backend)
    }
    return y
  }
}

extension ComputeBackend {
  fileprivate func dropout(_ x: Tensor, to y: Tensor, probability: Float, key: RandomKey) {
    let kernels = kernels
    forEachBlock(ofElements: x.count) { block in
      kernels.dropout(
        x.pointer + block.lowerBound,
        to: y.pointer + block.lowerBound,
        count: block.count,
        probability: probability,
        key: key,
        start: block.lowerBound
      )
    }
  }
}
