extension ComputeBackend {
  /// `C = op(A) · op(B)`, or `C += …`, on all threads. Cut into tiles by shape alone.
  ///
  /// - Parameters:
  ///   - product: Extents and transpositions.
  ///   - a: `[m, k]`, or `[k, m]` when transposed.
  ///   - b: `[k, n]`, or `[n, k]` when transposed; of the same type as `a`.
  ///   - c: `[m, n]`.
  ///   - accumulating: Whether to add to `c` instead of overwriting it.
  ///   - finish: What to do with a tile of `c` when it is done, while it is in the cache; called on any thread.
  public func multiply(
    _ product: MatrixProduct,
    _ a: Operand,
    _ b: Operand,
    to c: Tensor,
    accumulating: Bool = false,
    then finish: (_ tile: Tiles.Tile) -> Void = { _ in }
  ) {
    precondition(c.count == product.m * product.n, "multiply: to \(c.shape) as \(product)")
    switch (a, b) {
    case (.float32(let a), .float32(let b)):
      precondition(product.fits(a.count, b.count), "multiply: \(a.shape) by \(b.shape) as \(product)")
      forEachTile(of: product, a.pointer, b.pointer, c) { part, a, lda, b, ldb, c, ldc, tile in
        gemm(part, a, lda: lda, b, ldb: ldb, to: c, ldc: ldc, accumulating: accumulating)
        finish(tile)
      }
    case (.bfloat16(let a), .bfloat16(let b)):
      precondition(product.fits(a.count, b.count), "multiply: \(a.shape) by \(b.shape) as \(product)")
      forEachTile(of: product, a.pointer, b.pointer, c) { part, a, lda, b, ldb, c, ldc, tile in
        gemm(part, a, lda: lda, b, ldb: ldb, to: c, ldc: ldc, accumulating: accumulating)
        finish(tile)
      }
    default: preconditionFailure("multiply: operands of two types")
    }
  }

  /// Calls `body` for each tile, with what is to be multiplied for it, on all threads.
  private func forEachTile<Element>(
    of product: MatrixProduct,
    _ a: UnsafePointer<Element>,
    _ b: UnsafePointer<Element>,
    _ c: Tensor,
    _ body: (
      _ part: MatrixProduct,
      _ a: UnsafePointer<Element>,
      _ lda: Int,
      _ b: UnsafePointer<Element>,
      _ ldb: Int,
      _ c: UnsafeMutablePointer<Float>,
      _ ldc: Int,
      _ tile: Tiles.Tile
    ) -> Void
  ) {
    let (lda, ldb) = (
      product.transposesA ? product.m : product.k, product.transposesB ? product.k : product.n
    )
    let tiles = Tiles(product)
    threads.run(tiles.count) { index in
      let tile = tiles[index]
      var part = product
      (part.m, part.n) = (tile.rows.count, tile.columns.count)
      body(
        part,
        a + tile.rows.lowerBound * (product.transposesA ? 1 : lda),
        lda,
        b + tile.columns.lowerBound * (product.transposesB ? ldb : 1),
        ldb,
        c.pointer + tile.rows.lowerBound * product.n + tile.columns.lowerBound,
        product.n,
        tile
      )
    }
  }

  /// `sums[c] = Σ_r x[r, c]`, or `+=`, on all threads in a fixed order.
  public func sumColumns(of x: Tensor, to sums: Tensor, accumulating: Bool) {
    let partial = ColumnSums(rows: x.rows, columns: x.columns, pool: x.pool)
    let kernels = kernels
    forEachBlock(ofRows: x.rows, columns: x.columns) { block in
      partial.add(x.pointer + block.lowerBound * x.columns, block, kernels)
    }
    partial.total(to: sums, accumulating: accumulating, kernels)
  }
}

/// The sums of a matrix' columns, gathered block by block of its rows, and added up in the blocks' order.
///
/// Blocks are those of `forEachBlock(ofRows:columns:)`, so that a loop over them can sum on the way.
struct ColumnSums {
  private let partial: Tensor
  private let columns: Int
  private let rowsPerBlock: Int

  init(rows: Int, columns: Int, pool: MemoryPool?) {
    self.columns = columns
    rowsPerBlock = Loops.rowsPerPiece(columns: columns)
    partial = Tensor(uninitialized: [(rows + rowsPerBlock - 1) / rowsPerBlock, columns], pool: pool)
  }

  /// Takes in a block, whose rows start at `x`.
  func add(_ x: UnsafePointer<Float>, _ block: Range<Int>, _ kernels: any Kernels) {
    let sums = partial.pointer + block.lowerBound / rowsPerBlock * columns
    sums.update(repeating: 0, count: columns)
    kernels.addColumnSums(of: x, rows: block.count, columns: columns, to: sums)
  }

  /// Writes the sums over all blocks, each of which has been taken in.
  func total(to sums: Tensor, accumulating: Bool, _ kernels: any Kernels) {
    precondition(sums.count == columns, "sums of \(columns) columns to \(sums.shape)")
    if !accumulating { sums.clear() }
    kernels.addColumnSums(of: partial.pointer, rows: partial.rows, columns: columns, to: sums.pointer)
  }
}

extension MatrixProduct {
  /// Whether operands of these sizes have the extents of the product.
  fileprivate func fits(_ a: Int, _ b: Int) -> Bool { a == m * k && b == k * n }
}
