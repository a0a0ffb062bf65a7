// Tensors that are made of others' elements, or of none.

extension LazyTensor {
  /// A tensor of zeros, which takes no memory.
  public init(zeros spec: TensorSpec) {
    self.init(spec) { buffer, _ in buffer.initializeMemory(as: UInt8.self, repeating: 0) }
  }

  /// The rows of a table with one row added to each. Sums are rounded once, to the table's type; where the row is zero,
  /// they are the table, bit for bit.
  ///
  /// - Parameters:
  ///   - table: `[rows, width]`.
  ///   - row: `[1, width]`, of the same type.
  ///   - name: What the result is called, for errors.
  /// - Throws: ``GraftError`` when their types or widths are not the same, or there is more than one row to add.
  public init(_ table: LazyTensor, addingRow row: LazyTensor, _ name: String) throws {
    let spec = table.spec
    guard spec.shape.count == 2, row.spec.shape == [1, spec.shape[1]], row.spec.dtype == spec.dtype else {
      throw GraftError(
        .mismatch, "a tensor that is no single row to add to another", subject: "tensor '\(name)'",
        expected: "\(TensorSpec(spec.dtype, [1, spec.shape.last ?? 0])) for \(spec)", found: "\(row.spec)")
    }
    let sum = LazyTensor(TensorSpec(.float64, spec.shape)) { consume in
      let addend = try row.doubles()
      var column = 0
      try table.converted(to: .float64).stream { chunk in
        var values = Array(chunk.bindMemory(to: Double.self))
        for index in values.indices {
          values[index] += addend[column]
          column = column + 1 == addend.count ? 0 : column + 1
        }
        try values.withUnsafeBytes(consume)
      }
    }.converted(to: spec.dtype)
    self.init(spec) { consume in
      let isZero = try row.bytes().allSatisfy { $0 == 0 }
      try (isZero ? table : sum).stream(consume)
    }
  }

  /// All elements as `Double`.
  private func doubles() throws -> [Double] {
    var values: [Double] = []
    try converted(to: .float64).stream { values += $0.bindMemory(to: Double.self) }
    return values
  }
}
