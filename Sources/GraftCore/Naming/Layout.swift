import GraftTensors

/// What of a model a ``Dialect/Layout`` depends on.
struct LayoutExtents: Sendable {
  /// How many attention heads weights are divided among.
  let attentionHeads: Int
  /// How many of the first rows of the position table no token reaches.
  let unreachablePositions: Int

  /// - Parameter backbone: `nil` for heads alone, which no such layout has.
  init(_ backbone: (any Backbone)?, for rows: [Dialect.Row]) {
    attentionHeads = backbone?.attentionHeadCount ?? 1
    let table = rows.first { $0.layout == .reachablePositions }?.canonical
    let spec = table.flatMap { name in backbone?.parameters.first { $0.name == name } }
    unreachablePositions = max(0, (spec?.shape.first ?? 0) - (backbone?.maximumLength ?? 0))
  }
}

extension LazyTensor {
  /// A stored tensor in the canonical layout.
  ///
  /// - Parameters:
  ///   - layout: How it is stored.
  ///   - name: What it is called, for errors.
  ///   - extents: What of the model the layout depends on.
  /// - Throws: `GraftError` when its shape does not fit the layout.
  func fromStored(_ layout: Dialect.Layout, _ name: String, _ extents: LayoutExtents) throws -> LazyTensor {
    let heads = extents.attentionHeads
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
    case .reachablePositions:
      try demand(shape.count == 2, "two extents")
      let count = extents.unreachablePositions
      guard let unreachable = TensorSpec(validating: spec.dtype, [count, shape[1]]) else {
        throw misfit(name, "rows of at most \(TensorSpec.maximumByteCount / max(1, count)) bytes")
      }
      return count == 0 ? self : try LazyTensor(stacking: [LazyTensor(zeros: unreachable), self], name)
    case .convolution: return try reversed(name)
    }
  }

  /// A tensor in the canonical layout as it is stored: the inverse of ``fromStored(_:_:_:)``, but for what a layout
  /// leaves out.
  func toStored(_ layout: Dialect.Layout, _ name: String, _ extents: LayoutExtents) throws -> LazyTensor {
    let shape = spec.shape
    let heads = extents.attentionHeads
    guard layout != .same else { return self }
    if layout == .convolution { return try reversed(name) }
    let rank = layout == .biasSplit ? 1 : 2
    guard shape.count == rank else { throw misfit(name, rank == 1 ? "one extent" : "two extents") }
    let split = layout == .inputsSplit ? shape[1] : shape[0]
    if layout == .reachablePositions {
      guard shape[0] > extents.unreachablePositions else {
        throw misfit(name, "more than \(extents.unreachablePositions) rows")
      }
      return rows(extents.unreachablePositions..<shape[0])
    }
    guard layout == .transposed || split % heads == 0 else {
      throw misfit(name, "an extent that divides among \(heads) attention heads")
    }
    return switch layout {
    case .same, .reachablePositions, .convolution: self
    case .transposed: transposed()
    case .outputsSplit: transposed().reshaped([shape[1], heads, split / heads])
    case .inputsSplit: transposed().reshaped([heads, split / heads, shape[0]])
    case .biasSplit: reshaped([heads, split / heads])
    }
  }

  /// A tensor of three extents with its extents in reverse order.
  private func reversed(_ name: String) throws -> LazyTensor {
    let shape = spec.shape
    guard shape.count == 3,
      let reversed = strided(shape.reversed(), strides: [1, shape[2], shape[1] * shape[2]], from: 0)
    else { throw misfit(name, "three extents") }
    return reversed
  }

  private func misfit(_ name: String, _ expected: String) -> GraftError {
    GraftError(.mismatch, "wrong shape", subject: "tensor '\(name)'", expected: expected, found: "\(spec)")
  }
}
