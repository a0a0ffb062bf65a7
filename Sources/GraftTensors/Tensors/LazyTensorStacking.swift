extension LazyTensor {
  /// Some rows of a tensor: a range of its outermost extent.
  ///
  /// - Precondition: the tensor has an extent, and the range lies within it.
  public func rows(_ range: Range<Int>) -> LazyTensor {
    let width = spec.shape.dropFirst().reduce(1, *)
    if let quantized { return LazyTensor(quantized.rows(range)) }
    return slice(from: range.lowerBound * width, shape: [range.count] + spec.shape.dropFirst())
  }

  /// The rows of some tensors, one after another.
  ///
  /// - Parameters:
  ///   - parts: At least one.
  ///   - name: What the result is called, for errors.
  /// - Throws: ``GraftError`` when their types or their other extents are not the same.
  public init(stacking parts: [LazyTensor], _ name: String) throws {
    let first = parts[0].spec
    for part in parts
    where part.spec.dtype != first.dtype || part.spec.shape.dropFirst() != first.shape.dropFirst() {
      throw GraftError(
        .mismatch, "tensors that are stored as one do not fit together", subject: "tensor '\(name)'",
        expected: "\(first)", found: "\(part.spec)")
    }
    let rows = parts.reduce(0) { $0 + ($1.spec.shape.first ?? 1) }
    let quantized = parts.compactMap(\.quantized)
    if quantized.count == parts.count {
      self.init(try QuantizedTensor(stacking: quantized, name))
      return
    }
    self.init(TensorSpec(first.dtype, [rows] + first.shape.dropFirst())) { consume in
      for part in parts { try part.stream(consume) }
    }
  }
}
