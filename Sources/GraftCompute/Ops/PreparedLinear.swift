extension Tape {
  /// ``linear(_:weight:bias:activation:)`` with a weight that was packed beforehand. Nothing is recorded.
  func linear(
    _ x: Variable, _ matrix: PreparedMatrix, bias: Variable?, activation: Activation?
  ) -> Variable {
    profile.measure("linear, outside products") {
      let y = Variable(scratch([x.value.rows, matrix.outputs]))
      let rows = x.preparedRows(for: matrix, by: backend, pool: pool)
      let kernels = backend.kernels
      let product = MatrixProduct(m: rows.count, n: matrix.outputs, k: matrix.inputs, transposesB: true)
      profile?.begin("product: forward")
      backend.multiply(rows, matrix, bias: bias?.value, to: y.value) { rows, columns in
        guard let activation else { return }
        for row in rows {
          let place = y.value.pointer + row * matrix.outputs + columns.lowerBound
          kernels.activate(activation, place, to: place, count: columns.count)
        }
      }
      if let seconds = profile?.end(operations: product.operations) {
        profile?.count(product, seconds: seconds)
      }
      return y
    }
  }
}
