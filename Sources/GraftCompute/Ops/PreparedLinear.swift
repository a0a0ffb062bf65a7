extension Tape {
  /// ``linear(_:weight:bias:activation:)`` with a weight that was packed beforehand. Nothing is recorded.
  func linear(
    _ x: Variable, _ matrix: PreparedMatrix, bias: Variable?, activation: Activation?
  ) -> Variable {
    linear(x, [(matrix, bias)], activation: activation)[0]
  }

  /// ``linear(_:together:)`` with weights that were packed beforehand, of one precision. Nothing is recorded.
  func linear(
    _ x: Variable, _ layers: [(matrix: PreparedMatrix, bias: Variable?)], activation: Activation? = nil
  ) -> [Variable] {
    profile.measure("linear, outside products") {
      let results = layers.map { Variable(scratch([x.value.rows, $0.matrix.outputs])) }
      let rows = x.preparedRows(for: layers[0].matrix, by: backend, pool: pool)
      let kernels = backend.kernels
      let outputs = layers.reduce(0) { $0 + $1.matrix.outputs }
      let size = MatrixProduct(m: rows.count, n: outputs, k: rows.inputs, transposesB: true)
      profile?.begin("product: forward")
      let products = zip(layers, results).map { layer, y in
        PreparedProduct(layer.matrix, bias: layer.bias?.value, to: y.value)
      }
      backend.multiply(rows, products) { part in
        guard let activation else { return }
        for row in 0..<part.rows {
          let place = part.start + row * part.stride
          kernels.activate(activation, place, to: place, count: part.columns)
        }
      }
      if let seconds = profile?.end(operations: size.operations) {
        profile?.count(size, seconds: seconds)
      }
      return results
    }
  }
}
