extension ComputeBackend {
  /// `C = op(A) · op(B)`, or `C += …`, on all threads. Cut into pieces by shape alone.
  ///
  /// - Parameters:
  ///   - product: Extents and transpositions.
  ///   - a: `[m, k]`, or `[k, m]` when transposed.
  ///   - b: `[k, n]`, or `[n, k]` when transposed.
  ///   - c: `[m, n]`.
  ///   - accumulating: Whether to add to `c` instead of overwriting it.
  public func multiply(
    _ product: MatrixProduct,
    _ a: Tensor,
    _ b: Tensor,
    to c: Tensor,
    accumulating: Bool = false
  ) {
    multiply(product, a, b, bias: nil, to: c, accumulating: accumulating)
  }

  /// `C = op(A) · op(B) + bias`: ``multiply(_:_:_:to:accumulating:)`` with `bias[c]` added to every row.
  public func multiply(_ product: MatrixProduct, _ a: Tensor, _ b: Tensor, bias: Tensor, to c: Tensor) {
    precondition(bias.count == product.n, "multiply: bias \(bias.shape) for \(product)")
    multiply(product, a, b, bias: bias, to: c, accumulating: false)
  }

  private func multiply(
    _ product: MatrixProduct,
    _ a: Tensor,
    _ b: Tensor,
    bias: Tensor?,
    to c: Tensor,
    accumulating: Bool
  ) {
    let (m, n, k) = (product.m, product.n, product.k)
    precondition(
      a.count == m * k && b.count == k * n && c.count == m * n,
      "multiply: \(a.shape) by \(b.shape) to \(c.shape) as \(product)"
    )
    let (lda, ldb) = (product.transposesA ? m : k, product.transposesB ? k : n)
    let tiles = Tiles(product)
    let kernels = kernels
    threads.run(tiles.count) { index in
      let (rows, columns) = tiles[index]
      var tile = product
      (tile.m, tile.n) = (rows.count, columns.count)
      gemm(
        tile,
        alpha: 1,
        a.pointer + (product.transposesA ? rows.lowerBound : rows.lowerBound * lda),
        lda: lda,
        b.pointer + (product.transposesB ? columns.lowerBound * ldb : columns.lowerBound),
        ldb: ldb,
        beta: accumulating ? 1 : 0,
        c.pointer + rows.lowerBound * n + columns.lowerBound,
        ldc: n
      )
      guard let bias else { return }
      // While the tile is in the cache.
      for row in rows {
        let start = c.pointer + row * n + columns.lowerBound
        kernels.addBias(bias.pointer + columns.lowerBound, to: start, rows: 1, columns: columns.count)
      }
    }
  }

  /// `y[r, c] += bias[c]`, on all threads.
  public func addBias(_ bias: Tensor, to y: Tensor) {
    let columns = bias.count
    precondition(y.columns == columns, "addBias: \(bias.shape) to \(y.shape)")
    let kernels = kernels
    forEachBlock(ofRows: y.rows, columns: columns) { block in
      kernels.addBias(
        bias.pointer,
        to: y.pointer + block.lowerBound * columns,
        rows: block.count,
        columns: columns
      )
    }
  }

  /// `sums[c] = Σ_r x[r, c]`, or `+=`, on all threads in a fixed order.
  public func sumColumns(of x: Tensor, to sums: Tensor, accumulating: Bool) {
    let columns = x.columns
    precondition(sums.count == columns, "sumColumns: \(x.shape) to \(sums.shape)")
    if !accumulating { sums.clear() }
    let size = Self.rowsPerPiece(columns: columns)
    let blocks = (x.rows + size - 1) / size
    let kernels = kernels
    guard blocks > 1 else {
      kernels.addColumnSums(of: x.pointer, rows: x.rows, columns: columns, to: sums.pointer)
      return
    }
    let partial = Tensor(repeating: 0, shape: [blocks, columns], pool: x.pool)
    threads.forEachBlock(of: size, in: x.rows) { block in
      kernels.addColumnSums(
        of: x.pointer + block.lowerBound * columns,
        rows: block.count,
        columns: columns,
        to: partial.pointer + block.lowerBound / size * columns
      )
    }
    kernels.addColumnSums(of: partial.pointer, rows: blocks, columns: columns, to: sums.pointer)
  }
}
