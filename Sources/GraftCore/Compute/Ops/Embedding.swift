extension Tape {
  /// `y = Σ table_i[ids_i]`: the sum of rows of several embedding tables.
  ///
  /// - Parameter lookups: Tables `[entries, hidden]` with `[tokens]` row numbers each, one at least.
  /// - Precondition: Every id is a row of its table; ``Model`` checks what comes from outside.
  /// - Returns: `[tokens, hidden]`.
  public func embeddingSum(_ lookups: [(table: Variable, ids: [Int32])]) -> Variable {
    guard let first = lookups.first else { preconditionFailure("embeddingSum: no table") }
    let (tokens, hidden) = (first.ids.count, first.table.value.columns)
    for (table, ids) in lookups {
      let entries = table.value.rows
      precondition(
        ids.count == tokens && table.value.columns == hidden && ids.allSatisfy { $0 >= 0 && $0 < entries },
        "embeddingSum: \(ids.count) ids into \(table.shape) for [\(tokens), \(hidden)]"
      )
    }
    let y = Variable(
      scratch([tokens, hidden]),
      needsGradient: isRecording && lookups.contains { $0.table.needsGradient }
    )
    let kernels = backend.kernels
    backend.forEachBlock(ofRows: tokens, columns: hidden) { block in
      for row in block {
        let sum = y.value.pointer + row * hidden
        sum.update(from: first.table.value.pointer + Int(first.ids[row]) * hidden, count: hidden)
        for (table, ids) in lookups.dropFirst() {
          kernels.add(table.value.pointer + Int(ids[row]) * hidden, to: sum, count: hidden)
        }
      }
    }
    record(y) { [backend, pool] dy in
      for (table, ids) in lookups {
        table.addGradient(pool: pool) { dTable, overwrite in
          if overwrite { backend.clear(dTable) }
          backend.scatterAdd(dy, to: dTable, rows: ids)
        }
      }
    }
    return y
  }

  /// The given rows of `x`, in that order; a row may be taken more than once.
  ///
  /// - Parameters:
  ///   - x: `[tokens, hidden]`.
  ///   - rows: Row numbers.
  /// - Returns: `[rows.count, hidden]`.
  public func gatherRows(_ x: Variable, _ rows: [Int32]) -> Variable { embeddingSum([(table: x, ids: rows)]) }
}

extension ComputeBackend {
  /// `y[rows[i]] += x[i]`, for `i` in order, whatever rows come twice: threads share the columns.
  fileprivate func scatterAdd(_ x: Tensor, to y: Tensor, rows: [Int32]) {
    let columns = x.columns
    let kernels = kernels
    // At least two cache lines wide.
    let width = max(32, Self.elementsPerPiece / max(1, rows.count) / 16 * 16)
    threads.forEachBlock(of: width, in: columns) { block in
      for (i, row) in rows.enumerated() {
        kernels.add(
          x.pointer + i * columns + block.lowerBound,
          to: y.pointer + Int(row) * columns + block.lowerBound,
          count: block.count
        )
      }
    }
  }
}
