import GraftTensors

extension LazyTensor {
  /// A stored tensor in the canonical layout.
  ///
  /// - Parameters:
  ///   - layout: How it is stored.
  ///   - name: What it is called, for errors.
  ///   - heads: The number of attention heads.
  /// - Throws: `GraftError` when its shape does not fit the layout.
  func fromStored(_ layout: Dialect.Layout, _ name: String, _ heads: Int) throws -> LazyTensor {
    let shape = spec.shape
    func demand(_ fits: Bool, _ expected: String) throws {
      guard fits else { throw misfit(name, expected) }
    }
    switch layout {
    case .same: return self
    case .transposed:
      try demand(shape.count == 2, "two extents")
      return transposed()
    case .outputsSplit:
      try demand(shape.count == 3 && shape[1] == heads, "three extents, the second \(heads) attention heads")
      return reshaped([shape[0], shape[1] * shape[2]]).transposed()
    case .inputsSplit:
      try demand(shape.count == 3 && shape[0] == heads, "three extents, the first \(heads) attention heads")
      return reshaped([shape[0] * shape[1], shape[2]]).transposed()
    case .biasSplit:
      try demand(shape.count == 2 && shape[0] == heads, "two extents, the first \(heads) attention heads")
      return reshaped([shape[0] * shape[1]])
    }
  }

  /// A tensor in the canonical layout as it is stored: the inverse of ``fromStored(_:_:_:)``.
  func toStored(_ layout: Dialect.Layout, _ name: String, _ heads: Int) throws -> LazyTensor {
    let shape = spec.shape
    guard layout != .same else { return self }
    let rank = layout == .biasSplit ? 1 : 2
    guard shape.count == rank else { throw misfit(name, rank == 1 ? "one extent" : "two extents") }
    let split = layout == .inputsSplit ? shape[1] : shape[0]
    guard layout == .transposed || split % heads == 0 else {
      throw misfit(name, "an extent that divides among \(heads) attention heads")
    }
    return switch layout {
    case .same: self
    case .transposed: transposed()
    case .outputsSplit: transposed().reshaped([shape[1], heads, split / heads])
    case .inputsSplit: transposed().reshaped([heads, split / heads, shape[0]])
    case .biasSplit: reshaped([heads, split / heads])
    }
  }

  private func misfit(_ name: String, _ expected: String) -> GraftError {
    GraftError(.mismatch, "wrong shape", subject: "tensor '\(name)'", expected: expected, found: "\(spec)")
  }
}
