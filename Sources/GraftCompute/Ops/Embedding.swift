extension Tape {
  /// `y = Σ table_i[ids_i]`: the sum of rows of several embedding tables.
  ///
  /// - Parameter lookups: Tables `[entries, hidden]` with `[tokens]` row numbers each, one at least.
  /// - Precondition: Every id is a row of its table; `Model` checks what comes from outside.
  /// - Returns: `[tokens, hidden]`.
  public func embeddingSum(_ lookups: [(table: Variable, ids: RowIndices)]) -> Variable {
    if let trace { return trace.lookup(lookups) }
    return profile.measure("embedding") {
      let lookup = EmbeddingLookup(backend, pool, lookups)
      let y = output(lookup.shape, from: lookups.map(\.table))
      backend.forEachBlock(ofRows: lookup.shape[0], columns: lookup.shape[1]) { lookup.sum($0, to: y.value) }
      record(y) { dy in lookup.backward(dy) }
      return y
    }
  }

  /// LayerNorm of the sum of rows of several embedding tables, with dropout: one pass over the rows.
  ///
  /// - Parameters:
  ///   - lookups: As of ``embeddingSum(_:)``.
  ///   - weight: `[hidden]`.
  ///   - bias: `[hidden]`; `nil` for a norm without one.
  ///   - epsilon: Added to the variance.
  ///   - dropout: How likely an element of the result becomes 0 while training.
  /// - Returns: `[tokens, hidden]`.
  public func normalizedEmbeddingSum(
    _ lookups: [(table: Variable, ids: RowIndices)],
    weight: Variable,
    bias: Variable?,
    epsilon: Float,
    dropout: Float
  ) -> Variable {
    if trace != nil {
      return layerNorm(
        embeddingSum(lookups), residual: nil, weight: weight, bias: bias, epsilon: epsilon)
    }
    return profile.measure("embedding") {
      let lookup = EmbeddingLookup(backend, pool, lookups)
      let mask = nextDropoutMask(dropout)
      let y = output(lookup.shape, from: lookups.map(\.table) + [weight, bias])
      let sums = y.needsGradient ? scratch(lookup.shape) : y.value
      let norm = RowNorm(backend, pool, input: sums, weight: weight, bias: bias, epsilon: epsilon)
      let (kernels, columns) = (backend.kernels, lookup.shape[1])
      func drop(_ x: Tensor, _ rows: Range<Int>) {
        let start = x.pointer + rows.lowerBound * columns
        mask?.apply(toRows: start, result: start, rows, columns: columns, kernels)
      }
      norm.forward(to: y, filling: { lookup.sum($0, to: sums) }, changing: { drop(y.value, $0) })
      record(y) { dy in
        norm.backward(dy, preparing: { drop(dy, $0) }, then: { _ in })
        lookup.backward(dy)
      }
      return y
    }
  }

  /// The given rows of `x`, in that order; a row may be taken more than once.
  ///
  /// - Parameters:
  ///   - x: `[tokens, hidden]`.
  ///   - rows: Row numbers: the batch's first tokens, others of its origin, or any.
  /// - Returns: `[rows.count, hidden]`.
  public func gatherRows(_ x: Variable, _ rows: RowIndices) -> Variable {
    embeddingSum([(table: x, ids: rows)])
  }
}

extension Trace {
  /// Adds a lookup in tables, or of each sequence's first token.
  fileprivate func lookup(_ lookups: [(table: Variable, ids: RowIndices)]) -> Variable {
    let width = lookups[0].table.value.columns
    if lookups.count == 1, lookups[0].ids.origin == .firstTokens, rows(of: lookups[0].table) == .tokens {
      return add(FirstTokensOperation(width: width), [lookups[0].table], rows: .sequences)
    }
    for (table, _) in lookups {
      if case .fixed = rows(of: table) { continue }
      fail("rows of activations are taken that are not the first tokens'")
    }
    return add(
      EmbeddingSumOperation(width: width), lookups.map(\.table), indices: lookups.map(\.ids), rows: .tokens)
  }
}

/// `Σ tableᵢ[indexᵢ]`. Inputs: the tables `[entries, width]`, then an index for each.
struct EmbeddingSumOperation: GraphOperation {
  let width: Int

  func lower(_ inputs: [GraphValue], to graph: inout some GraphBuilder) throws -> GraphValue {
    let count = inputs.count / 2
    var sum = graph.add("Gather", [inputs[0], inputs[count]])
    for table in 1..<max(1, count) {
      sum = graph.add("Add", [sum, graph.add("Gather", [inputs[table], inputs[count + table]])])
    }
    return graph.rows(sum, width: width)
  }
}

/// The row of each sequence's first token.
struct FirstTokensOperation: GraphOperation {
  let width: Int

  func lower(_ inputs: [GraphValue], to graph: inout some GraphBuilder) throws -> GraphValue {
    graph.add("Gather", [graph.sequences(inputs[0], [width]), graph.integer(0)], ["axis": .integer(1)])
  }
}

/// Rows of several tables, to be added up.
private struct EmbeddingLookup {
  private let backend: any ComputeBackend
  private let pool: MemoryPool?
  private let tables: [(value: Tensor, slot: GradientSlot, ids: [Int32])]
  /// `[tokens, hidden]`.
  let shape: [Int]

  init(_ backend: any ComputeBackend, _ pool: MemoryPool?, _ lookups: [(table: Variable, ids: RowIndices)]) {
    guard let first = lookups.first else { preconditionFailure("embeddingSum: no table") }
    shape = [first.ids.count, first.table.value.columns]
    for (table, ids) in lookups {
      let entries = table.value.rows
      precondition(
        ids.count == shape[0] && table.value.columns == shape[1]
          && ids.values.allSatisfy { $0 >= 0 && $0 < entries },
        "embeddingSum: \(ids.count) ids into \(table.shape) for \(shape)"
      )
    }
    self.backend = backend
    self.pool = pool
    tables = lookups.map { ($0.table.value, $0.table.slot, $0.ids.values) }
  }

  /// Fills some rows of `y`.
  func sum(_ rows: Range<Int>, to y: Tensor) {
    let hidden = shape[1]
    let kernels = backend.kernels
    for row in rows {
      let sum = y.pointer + row * hidden
      sum.update(from: tables[0].value.pointer + Int(tables[0].ids[row]) * hidden, count: hidden)
      for table in tables.dropFirst() {
        kernels.add(table.value.pointer + Int(table.ids[row]) * hidden, to: sum, count: hidden)
      }
    }
  }

  func backward(_ dy: Tensor) {
    for table in tables {
      table.slot.add(pool: pool) { dTable, overwrite in
        if overwrite { backend.clear(dTable) }
        scatterAdd(dy, to: dTable, rows: table.ids)
      }
    }
  }

  /// `y[rows[i]] += x[i]`, for `i` in order, whatever rows come twice: threads share the columns.
  private func scatterAdd(_ x: Tensor, to y: Tensor, rows: [Int32]) {
    let columns = x.columns
    let kernels = backend.kernels
    // At least two cache lines wide.
    let width = max(32, Loops.elementsPerPiece / max(1, rows.count) / 16 * 16)
    backend.threads.forEachBlock(of: width, in: columns) { block in
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
