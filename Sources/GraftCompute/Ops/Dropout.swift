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
    guard let mask = nextDropoutMask(probability) else { return x }
    return profile.measure("dropout") {
      let y = output(x.shape, from: x)
      let slot = x.slot
      mask.apply(to: x.value, result: y.value, backend)
      record(y) { [backend] dy in
        mask.apply(to: dy, result: dy, backend)
        slot.add(consuming: dy, backend)
      }
      return y
    }
  }

  /// The mask of the next dropout of this pass; `nil` when nothing is dropped.
  func nextDropoutMask(_ probability: Float) -> DropoutMask? {
    precondition(probability >= 0 && probability < 1, "dropout: probability \(probability)")
    guard probability > 0, let key = nextDropoutKey() else { return nil }
    return DropoutMask(probability: probability, key: key)
  }
}

/// What one dropout leaves out: not stored, but drawn again on the way back.
struct DropoutMask {
  let probability: Float
  let key: RandomKey

  private func apply(
    to x: UnsafePointer<Float>, result y: UnsafeMutablePointer<Float>, count: Int, start: Int,
    _ kernels: any Kernels
  ) {
    kernels.dropout(x, to: y, count: count, probability: probability, key: key, start: start)
  }

  func apply(to x: Tensor, result y: Tensor, _ backend: any ComputeBackend) {
    let kernels = backend.kernels
    backend.forEachBlock(ofElements: x.count) { block in
      apply(
        to: x.pointer + block.lowerBound,
        result: y.pointer + block.lowerBound,
        count: block.count,
        start: block.lowerBound,
        kernels
      )
    }
  }

  /// Applies the mask to some rows of a matrix. Each row has a place of its own in the stream of random words.
  ///
  /// - Parameters:
  ///   - x: The first of the rows.
  ///   - y: Where the result goes; may be `x`.
  ///   - rows: Their numbers in the matrix.
  ///   - columns: The length of a row.
  func apply(
    toRows x: UnsafePointer<Float>, result y: UnsafeMutablePointer<Float>, _ rows: Range<Int>, columns: Int,
    _ kernels: any Kernels
  ) {
    let pace = (columns + 3) / 4 * 4
    for (index, row) in rows.enumerated() {
      apply(
        to: x + index * columns, result: y + index * columns, count: columns, start: row * pace, kernels)
    }
  }
}
