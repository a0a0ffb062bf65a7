// Parts and rearrangements of a tensor, for formats that store tensors as views of something else.

extension LazyTensor {
  /// A run of elements under a shape of its own, read without the rest where the tensor can be.
  ///
  /// - Precondition: the run lies within the tensor.
  public func slice(from start: Int, shape: [Int]) -> LazyTensor {
    let part = TensorSpec(spec.dtype, shape)
    precondition(
      start >= 0 && start <= spec.elementCount - part.elementCount, "\(part) from \(start) of \(spec)")
    guard part.elementCount < spec.elementCount else { return reshaped(shape) }
    let (first, end) = (start * spec.dtype.byteCount, start * spec.dtype.byteCount + part.byteCount)
    let origin = origin.adding(.slice(first..<end))
    if let reader { return LazyTensor(part, origin: origin, reader: { try reader($0, first + $1) }) }
    return LazyTensor(part, origin: origin, work: work) { [self] consume in
      var position = 0
      try stream { chunk in
        let (lower, upper) = (max(0, first - position), min(chunk.count, end - position))
        position += chunk.count
        if lower < upper { try consume(UnsafeRawBufferPointer(rebasing: chunk[lower..<upper])) }
      }
    }
  }

  /// The elements at `offset + Σ index·stride`, in row-major order. Buffers what lies between the first and
  /// the last of them, unless they stand in this order already.
  ///
  /// - Parameters:
  ///   - shape: The extents of the view.
  ///   - strides: For each extent, how many elements further its next index is; not negative.
  ///   - offset: The element that the view begins with.
  /// - Returns: `nil` when the view reaches beyond the tensor.
  public func strided(_ shape: [Int], strides: [Int], from offset: Int) -> LazyTensor? {
    guard shape.count == strides.count, offset >= 0,
      let view = TensorSpec(validating: spec.dtype, shape)
    else { return nil }
    guard view.elementCount > 0 else { return LazyTensor(view, bytes: []) }
    // An extent of 1 has only the index 0, whatever its stride.
    let axes = zip(shape, strides).filter { $0.0 > 1 }
    var last = 0
    for (extent, stride) in axes {
      let (reach, tooFar) = (extent - 1).multipliedReportingOverflow(by: stride)
      let (sum, tooMuch) = last.addingReportingOverflow(reach)
      guard stride >= 0, !tooFar, !tooMuch else { return nil }
      last = sum
    }
    guard offset < spec.elementCount, last < spec.elementCount - offset else { return nil }
    var next = 1
    let isInOrder = axes.reversed().allSatisfy { extent, stride in
      defer { next *= extent }
      return stride == next
    }
    if isInOrder { return slice(from: offset, shape: shape) }
    let covered = slice(from: offset, shape: [last + 1])
    if axes.count == 2, axes[0].1 == 1, axes[1].1 == axes[0].0 {
      return covered.reshaped([axes[1].0, axes[0].0]).transposed().reshaped(shape)
    }
    let origin = covered.origin.adding(.strided(shape: shape, strides: strides, offset: offset))
    return LazyTensor(view, origin: origin, work: covered.work) { consume in
      try covered.withBytes { bytes in
        switch view.dtype.byteCount {
        case 2: try gather(UInt16.self, bytes, axes, consume)
        case 4: try gather(UInt32.self, bytes, axes, consume)
        case 8: try gather(UInt64.self, bytes, axes, consume)
        default: try gather(UInt8.self, bytes, axes, consume)
        }
      }
    }
  }

  /// The same elements with the bytes of each reversed: from a big-endian file.
  public func byteSwapped() -> LazyTensor {
    let size = spec.dtype.byteCount
    guard size > 1 else { return self }
    var swappedReader: Reader?
    if let reader {
      swappedReader = { buffer, offset in
        // Whoever asks for bytes at any place need not ask for whole elements.
        let first = offset / size * size
        let end = (offset + buffer.count + size - 1) / size * size
        try withUnsafeTemporaryAllocation(byteCount: end - first, alignment: 8) { elements in
          try reader(elements, first)
          swapBytes(of: elements, size)
          let start = offset - first
          buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: elements[start..<start + buffer.count]))
        }
      }
    }
    return LazyTensor(
      spec,
      origin: origin.adding(.byteSwapped), work: work,
      source: { [self] consume in
        try stream { chunk in
          try withUnsafeTemporaryAllocation(byteCount: chunk.count, alignment: 8) { elements in
            elements.copyMemory(from: chunk)
            swapBytes(of: elements, size)
            try consume(UnsafeRawBufferPointer(elements))
          }
        }
      }, reader: swappedReader)
  }
}

/// Streams the elements of a view that has at least one, window by window.
///
/// - Parameter axes: Extents and strides, outermost first; those of extent 1 are left out.
private func gather<Element: BitwiseCopyable>(
  _: Element.Type, _ bytes: UnsafeRawBufferPointer, _ axes: [(Int, Int)], _ consume: LazyTensor.Consumer
) throws {
  let source = bytes.bindMemory(to: Element.self)
  let (width, step) = axes.last ?? (1, 0)
  let outer = axes.dropLast()
  var index = [Int](repeating: 0, count: outer.count)
  let capacity = LazyTensor.windowSize / MemoryLayout<Element>.size
  try withUnsafeTemporaryAllocation(of: Element.self, capacity: capacity) { window in
    var filled = 0
    func flush() throws {
      try consume(
        UnsafeRawBufferPointer(
          rebasing: UnsafeRawBufferPointer(window)[..<(filled * MemoryLayout<Element>.size)]))
      filled = 0
    }
    while true {
      let start = zip(index, outer).reduce(0) { $0 + $1.0 * $1.1.1 }
      for column in 0..<width {
        window[filled] = source[start + column * step]
        filled += 1
        if filled == capacity { try flush() }
      }
      // The next row, as an odometer counts.
      guard let axis = index.indices.last(where: { index[$0] + 1 < outer[$0].0 }) else { break }
      index[axis] += 1
      for later in index.indices[(axis + 1)...] { index[later] = 0 }
    }
    if filled > 0 { try flush() }
  }
}

private func swapBytes(of elements: UnsafeMutableRawBufferPointer, _ size: Int) {
  func swap<Element: FixedWidthInteger & BitwiseCopyable>(_: Element.Type) {
    let values = elements.bindMemory(to: Element.self)
    for index in values.indices { values[index] = values[index].byteSwapped }
  }
  switch size {
  case 2: swap(UInt16.self)
  case 4: swap(UInt32.self)
  default: swap(UInt64.self)
  }
}
