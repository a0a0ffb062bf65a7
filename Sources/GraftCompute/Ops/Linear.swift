extension Tape {
  /// `y = f(x · Wᵀ + b)`, the linear layer, with an activation or without.
  ///
  /// Bias and activation are applied to each tile of the product while it is in the cache.
  ///
  /// - Parameters:
  ///   - x: `[tokens, in]`.
  ///   - weight: `[out, in]`, or of more extents than two, all but the first of which make up `in`.
  ///   - bias: `[out]`; `nil` for a layer without one.
  ///   - activation: The function, if any.
  /// - Returns: `[tokens, out]`.
  public func linear(
    _ x: Variable, weight: Variable, bias: Variable?, activation: Activation? = nil
  ) -> Variable {
    let (tokens, inputs, outputs) = (x.value.rows, x.value.columns, weight.value.rows)
    precondition(
      weight.value.columns == inputs && bias.map { $0.value.count == outputs } != false,
      "linear: x \(x.shape), weight \(weight.shape), bias \(bias?.shape ?? [outputs])"
    )
    if let trace {
      let weight =
        weight.shape.count > 2 ? trace.add(MatrixOperation(columns: inputs), [weight], width: inputs) : weight
      let sums = trace.add(LinearOperation(), [x, weight] + (bias.map { [$0] } ?? []), width: outputs)
      return activation.map { activate(sums, $0) } ?? sums
    }
    if let matrix = prepared?.matrix(of: weight, by: backend) {
      return linear(x, matrix, bias: bias, activation: activation)
    }
    return profile.measure("linear, outside products") {
      let y = output([tokens, outputs], from: x, weight, bias)
      let layer = LinearLayer(
        backend: backend,
        pool: pool,
        profile: profile,
        sumsSquares: sumsSquares,
        x: x.operand(for: backend, pool: pool),
        weight: weight.operand(for: backend, pool: nil),
        activation: activation,
        input: activation != nil && y.needsGradient ? scratch(y.shape) : nil
      )
      layer.forward(bias: bias?.value, to: y)
      let (dx, dWeight, dBias) = (x.slot, weight.slot, bias?.slot)
      record(y) { dy in layer.backward(dy, x: dx, weight: dWeight, bias: dBias) }
      return y
    }
  }
}

extension Tape {
  /// Linear layers of one input, as a block's queries, keys and values are.
  ///
  /// Each is ``linear(_:weight:bias:activation:)``. With packed weights their products are one loop of all threads.
  ///
  /// - Parameters:
  ///   - x: `[tokens, in]`.
  ///   - layers: Weights of `[out, in]`, and biases of `[out]` or none; the outputs may differ.
  /// - Returns: `[tokens, out]` for each layer.
  public func linear(_ x: Variable, together layers: [(weight: Variable, bias: Variable?)]) -> [Variable] {
    let packed = layers.compactMap { layer in
      prepared?.matrix(of: layer.weight, by: backend).map { (matrix: $0, bias: layer.bias) }
    }
    guard trace == nil, packed.count == layers.count, let first = packed.first?.matrix,
      packed.allSatisfy({ $0.matrix.precision == first.precision && $0.matrix.inputs == x.value.columns })
    else { return layers.map { linear(x, weight: $0.weight, bias: $0.bias) } }
    return linear(x, packed)
  }
}

/// Reads its weight as `[out, in]`, as every parameter is stored.
struct LinearOperation: GraphOperation {
  var takesWholeNumbers: Bool { true }

  func lower(_ inputs: [GraphValue], to graph: inout some GraphBuilder) throws -> GraphValue {
    graph.linear(inputs[0], weight: inputs[1], bias: inputs.count > 2 ? inputs[2] : nil)
  }
}

/// What the two directions of a linear layer have in common.
private struct LinearLayer {
  let backend: any ComputeBackend
  let pool: MemoryPool?
  let profile: Profile?
  let sumsSquares: Bool
  /// `[tokens, in]`.
  let x: Operand
  /// `[out, in]`.
  let weight: Operand
  let activation: Activation?
  /// What goes into the activation, where the pullback needs it: x · Wᵀ + b, `[tokens, out]`.
  let input: Tensor?

  private var tokens: Int { x.shape[0] }
  private var inputs: Int { weight.shape.dropFirst().reduce(1, *) }
  private var outputs: Int { weight.shape[0] }

  func forward(bias: Tensor?, to y: Variable) {
    let kernels = backend.kernels
    let sums = input ?? y.value
    // What comes out of an activation is mostly for another product.
    let rounded = activation != nil && backend.precision == .bfloat16 ? y.makeRounded(pool: pool) : nil
    let product = MatrixProduct(m: tokens, n: outputs, k: inputs, transposesB: true)
    multiply("product: forward", product, x, weight, to: sums) { tile in
      let count = tile.columns.count
      for row in tile.rows {
        let start = row * outputs + tile.columns.lowerBound
        if let bias {
          kernels.addBias(
            bias.pointer + tile.columns.lowerBound, to: sums.pointer + start, rows: 1, columns: count)
        }
        if let activation {
          kernels.activate(activation, sums.pointer + start, to: y.value.pointer + start, count: count)
        }
        if let rounded { kernels.round(y.value.pointer + start, to: rounded.pointer + start, count: count) }
      }
    }
  }

  /// - Parameter dy: Is overwritten.
  func backward(_ dy: Tensor, x dx: GradientSlot, weight dWeight: GradientSlot, bias dBias: GradientSlot?) {
    let gradient = prepare(dy, dBias)
    // dx = dy · W
    dx.add(pool: pool) { dx, overwrite in
      let product = MatrixProduct(m: tokens, n: inputs, k: outputs)
      multiply("product: gradient of the input", product, gradient, weight, to: dx, accumulating: !overwrite)
    }
    // dW = dyᵀ · x
    guard let (target, overwrite) = dWeight.open(pool: pool) else { return }
    let product = MatrixProduct(m: outputs, n: inputs, k: tokens, transposesA: true)
    let kernels = backend.kernels
    var squares = [Double](repeating: 0, count: Tiles(product).count)
    squares.withUnsafeMutableBufferPointer { squares in
      multiply(
        "product: gradient of the weight", product, gradient, x, to: target, accumulating: !overwrite
      ) { tile in
        guard sumsSquares else { return }
        // The norm of all gradients is wanted, and this one is in the cache.
        squares[tile.index] = tile.rows.reduce(0) { sum, row in
          sum
            + kernels.squaredNorm(
              target.pointer + row * inputs + tile.columns.lowerBound, count: tile.columns.count)
        }
      }
    }
    if sumsSquares { dWeight.squaredNorm = squares.reduce(0, +) }
  }

  /// Goes back through the activation, sums the gradient of the bias, and rounds: in one pass.
  private func prepare(_ dy: Tensor, _ dBias: GradientSlot?) -> Operand {
    let bias = dBias?.open(pool: pool)
    let rounded = backend.precision == .bfloat16 ? RoundedTensor(uninitialized: dy.shape, pool: pool) : nil
    if activation != nil || bias != nil || rounded != nil {
      let kernels = backend.kernels
      let columnSums = bias.map { _ in ColumnSums(rows: tokens, columns: outputs, pool: pool) }
      backend.forEachBlock(ofRows: tokens, columns: outputs) { block in
        let (start, count) = (block.lowerBound * outputs, block.count * outputs)
        let dy = dy.pointer + start
        if let activation, let input {
          kernels.activationGradient(activation, x: input.pointer + start, dy: dy, to: dy, count: count)
        }
        columnSums?.add(dy, block, kernels)
        if let rounded { kernels.round(dy, to: rounded.pointer + start, count: count) }
      }
      if let bias, let columnSums {
        columnSums.total(to: bias.gradient, accumulating: !bias.overwrite, kernels)
      }
    }
    return rounded.map(Operand.bfloat16) ?? .float32(dy)
  }

  private func multiply(
    _ name: String, _ product: MatrixProduct, _ a: Operand, _ b: Operand, to c: Tensor,
    accumulating: Bool = false, then finish: (Tiles.Tile) -> Void = { _ in }
  ) {
    profile?.begin(name)
    backend.multiply(product, a, b, to: c, accumulating: accumulating, then: finish)
    if let seconds = profile?.end(operations: product.operations) {
      profile?.count(product, seconds: seconds)
    }
  }
}
