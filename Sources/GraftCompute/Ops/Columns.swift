extension Tape {
  /// Some columns of a matrix: one of several values that a linear layer computes together.
  ///
  /// - Parameters:
  ///   - x: `[rows, columns]`.
  ///   - range: Which columns.
  /// - Returns: `[rows, range.count]`.
  public func columns(_ x: Variable, _ range: Range<Int>) -> Variable {
    let (rows, columns) = (x.value.rows, x.value.columns)
    precondition(
      range.lowerBound >= 0 && range.upperBound <= columns && !range.isEmpty,
      "columns: \(range) of \(x.shape)")
    if let trace { return trace.add(ColumnsOperation(range: range), [x], width: range.count) }
    return profile.measure("columns") {
      let y = output([rows, range.count], from: x)
      let (value, slot) = (x.value, x.slot)
      backend.forEachBlock(ofRows: rows, columns: range.count) { block in
        for row in block {
          (y.value.pointer + row * range.count).update(
            from: value.pointer + row * columns + range.lowerBound, count: range.count)
        }
      }
      record(y) { [backend, pool] dy in
        let kernels = backend.kernels
        slot.add(pool: pool) { dx, overwrite in
          if overwrite { backend.clear(dx) }
          backend.forEachBlock(ofRows: rows, columns: range.count) { block in
            for row in block {
              kernels.add(
                dy.pointer + row * range.count, to: dx.pointer + row * columns + range.lowerBound,
                count: range.count)
            }
          }
        }
      }
      return y
    }
  }
}

struct ColumnsOperation: GraphOperation {
  let range: Range<Int>

  func lower(_ inputs: [GraphValue], to graph: inout some GraphBuilder) throws -> GraphValue {
    graph.add(
      "Slice",
      [
        inputs[0], graph.integers([range.lowerBound]), graph.integers([range.upperBound]),
        graph.integers([1]),
      ])
  }
}
