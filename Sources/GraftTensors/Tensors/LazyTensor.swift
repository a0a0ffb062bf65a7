/// A tensor that has not been read yet: a ``TensorSpec`` and a way to stream its bytes.
///
/// Opening a file, renaming its tensors, converting their type and writing them to another file all work on
/// values of this type; bytes move only when ``stream(_:)`` runs, through a window of at most
/// ``windowSize`` bytes, so that memory does not grow with the model. Three things hold one tensor at a time:
/// ``transposed()`` and ``strided(_:strides:from:)`` while they stream what does not lie in order, and
/// ``isIdentical(to:)`` when neither tensor can be read at any place.
///
/// Bytes are little-endian and row-major whatever the file's own order is: a weight format converts.
public struct LazyTensor: Sendable {
  /// The most bytes that one chunk of a stream holds.
  public static let windowSize = 1 << 18

  /// Receives consecutive chunks, each a whole number of elements.
  public typealias Consumer = (UnsafeRawBufferPointer) throws -> Void

  /// Fills its first argument with the bytes from its second on.
  public typealias Reader = @Sendable (UnsafeMutableRawBufferPointer, Int) throws -> Void

  public let spec: TensorSpec
  /// Where the bytes come from. Renaming and reshaping keep it; conversions and rearrangements add to it.
  public let origin: TensorOrigin
  private let source: @Sendable (Consumer) throws -> Void
  /// Reads bytes at any place; `nil` for a tensor that can only be streamed.
  let reader: Reader?
  /// How many bytes pass by when it is streamed: more than its own where it is a part of what can only be read whole.
  let work: Int
  /// The whole numbers that its elements stand for, where it is a weight of eight bits. Tensors that are made of it have
  /// none, but for some of its rows.
  public internal(set) var quantized: QuantizedTensor?

  /// A tensor whose bytes `source` produces each time it is called.
  ///
  /// - Parameters:
  ///   - spec: Element type and shape.
  ///   - source: Calls its argument with consecutive chunks that add up to `spec.byteCount` bytes, each a
  ///     whole number of elements and no larger than ``windowSize``.
  ///   - reader: Fills a buffer with the bytes from an offset on, where the tensor can be read so as well.
  ///   - origin: Where the bytes come from; `nil` is a source of its own. Equal origins must mean equal bytes.
  public init(
    _ spec: TensorSpec, origin: TensorOrigin? = nil, source: @escaping @Sendable (Consumer) throws -> Void,
    reader: Reader? = nil
  ) {
    self.init(spec, origin: origin, work: spec.byteCount, source: source, reader: reader)
  }

  /// The same, of which more bytes pass by than it has.
  init(
    _ spec: TensorSpec, origin: TensorOrigin? = nil, work: Int,
    source: @escaping @Sendable (Consumer) throws -> Void, reader: Reader? = nil
  ) {
    self.spec = spec
    self.source = source
    self.reader = reader
    self.work = work
    self.origin = origin ?? TensorOrigin(uniqueWith: spec.byteCount)
  }

  /// A tensor whose bytes can be read at any place, in any order.
  ///
  /// - Parameters:
  ///   - spec: Element type and shape.
  ///   - origin: Where the bytes come from; `nil` is a source of its own.
  ///   - reader: Fills a buffer with the bytes from an offset on; both lie within `spec.byteCount`.
  public init(_ spec: TensorSpec, origin: TensorOrigin? = nil, reader: @escaping Reader) {
    self.init(
      spec,
      origin: origin,
      source: { consume in
        let size = min(LazyTensor.windowSize, spec.byteCount)
        try withUnsafeTemporaryAllocation(byteCount: size, alignment: 64) { window in
          var position = 0
          while position < spec.byteCount {
            let chunk = UnsafeMutableRawBufferPointer(
              rebasing: window[..<min(window.count, spec.byteCount - position)]
            )
            try reader(chunk, position)
            try consume(UnsafeRawBufferPointer(chunk))
            position += chunk.count
          }
        }
      },
      reader: reader
    )
  }

  /// A tensor whose bytes stand at one place of a file, in the order of this machine.
  ///
  /// - Precondition: `offset + spec.byteCount` was checked against the file's size.
  public init(_ spec: TensorSpec, in file: RandomAccessFile, at offset: Int) {
    self.init(
      spec, origin: TensorOrigin(file, at: offset, byteCount: spec.byteCount),
      reader: { try file.read(into: $0, at: offset + $1) })
  }

  /// A tensor held in memory.
  ///
  /// - Parameters:
  ///   - spec: Element type and shape.
  ///   - bytes: The elements, little-endian and row-major.
  ///   - origin: Where they were read from; `nil` is a source of its own.
  /// - Precondition: `bytes.count == spec.byteCount`.
  public init(_ spec: TensorSpec, bytes: [UInt8], origin: TensorOrigin? = nil) {
    precondition(bytes.count == spec.byteCount, "\(bytes.count) bytes for \(spec)")
    self.init(inMemory: bytes, spec, origin)
  }

  /// A float32 tensor held in memory.
  ///
  /// - Precondition: `values.count` is the product of `shape`.
  public init(_ values: [Float], shape: [Int]) {
    self.init(values, dtype: .float32, shape: shape)
  }

  /// An int64 tensor held in memory.
  ///
  /// - Precondition: `values.count` is the product of `shape`.
  public init(_ values: [Int64], shape: [Int]) {
    self.init(values, dtype: .int64, shape: shape)
  }

  private init<Element: BitwiseCopyable & Sendable>(_ values: [Element], dtype: DType, shape: [Int]) {
    let spec = TensorSpec(dtype, shape)
    precondition(values.count == spec.elementCount, "\(values.count) elements for \(spec)")
    self.init(inMemory: values, spec)
  }

  private init<Element: BitwiseCopyable & Sendable>(
    inMemory values: [Element], _ spec: TensorSpec, _ origin: TensorOrigin? = nil
  ) {
    self.init(
      spec,
      origin: origin,
      source: { consume in
        try values.withUnsafeBytes {
          try LazyTensor.chunks(of: $0, elementSize: spec.dtype.byteCount, consume)
        }
      },
      reader: { buffer, offset in
        values.withUnsafeBytes {
          buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<(offset + buffer.count)]))
        }
      }
    )
  }

  /// Streams the tensor's bytes in order.
  ///
  /// - Throws: what reading the source throws, what `consume` throws, or ``GraftError`` when the source
  ///   yields more or fewer bytes than the specification says: readers size their buffers by it.
  public func stream(_ consume: Consumer) throws {
    var remaining = spec.byteCount
    try source { chunk in
      remaining -= chunk.count
      guard remaining >= 0 else { throw wrongLength(spec.byteCount - remaining, "at least ") }
      try consume(chunk)
    }
    guard remaining == 0 else { throw wrongLength(spec.byteCount - remaining, "") }
  }

  private func wrongLength(_ found: Int, _ bound: String) -> GraftError {
    GraftError(
      .malformed,
      "the data does not have the length of \(spec)",
      expected: "\(spec.byteCount) bytes",
      found: bound + "\(found)"
    )
  }

  /// Hands bytes on in chunks that are no larger than ``windowSize``.
  public static func chunks(of bytes: UnsafeRawBufferPointer, elementSize: Int, _ consume: Consumer) throws {
    let step = windowSize / elementSize * elementSize
    var position = 0
    while position < bytes.count {
      let end = min(bytes.count, position + step)
      try consume(UnsafeRawBufferPointer(rebasing: bytes[position..<end]))
      position = end
    }
  }
}

// MARK: - Reading it whole

extension LazyTensor {
  /// All bytes at once.
  public func bytes() throws -> [UInt8] {
    try Array(unsafeUninitializedCapacity: spec.byteCount) { buffer, count in
      let destination = UnsafeMutableRawBufferPointer(buffer)
      try stream { chunk in
        UnsafeMutableRawBufferPointer(rebasing: destination[count...]).copyMemory(from: chunk)
        count += chunk.count
      }
    }
  }

  /// Gives `body` all bytes at once, as far as the file that they are from may take that memory.
  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
    func run() throws -> Result { try bytes().withUnsafeBytes(body) }
    guard let file = origin.file else { return try run() }
    return try file.budget.holding(spec.byteCount, for: "what is stored in another order", run)
  }

  /// All elements as `Float`, converted from any numeric type.
  public func floats() throws -> [Float] {
    try Array(unsafeUninitializedCapacity: spec.elementCount) { buffer, count in
      try copyFloats(to: buffer)
      count = spec.elementCount
    }
  }

  /// Reads all elements as `Float` into `destination`.
  ///
  /// - Precondition: `destination` has room for `spec.elementCount` elements.
  public func copyFloats(to destination: UnsafeMutableBufferPointer<Float>) throws {
    var position = 0
    try converted(to: .float32).stream { chunk in
      UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(destination)[position...])
        .copyMemory(from: chunk)
      position += chunk.count
    }
  }

  /// All elements as integers.
  ///
  /// - Throws: ``GraftError`` when the element type is a floating-point one.
  public func integers() throws -> [Int] {
    guard !spec.dtype.isFloatingPoint else {
      throw GraftError(.mismatch, "wrong element type", expected: "integers", found: spec.dtype.rawValue)
    }
    var values: [Int] = []
    values.reserveCapacity(spec.elementCount)
    let dtype = spec.dtype
    try stream { chunk in
      switch dtype {
      case .bool, .uint8: values += chunk.map { Int($0) }
      case .int8: values += chunk.bindMemory(to: Int8.self).map { Int($0) }
      case .uint16: values += chunk.bindMemory(to: UInt16.self).map { Int($0) }
      case .int16: values += chunk.bindMemory(to: Int16.self).map { Int($0) }
      case .uint32: values += chunk.bindMemory(to: UInt32.self).map { Int($0) }
      case .int32: values += chunk.bindMemory(to: Int32.self).map { Int($0) }
      case .uint64: values += chunk.bindMemory(to: UInt64.self).map { Int(truncatingIfNeeded: $0) }
      case .int64: values += chunk.bindMemory(to: Int64.self).map { Int($0) }
      case .float16, .bfloat16, .float32, .float64: break
      }
    }
    return values
  }
}

// MARK: - Reworking

extension LazyTensor {
  /// The same elements under another shape.
  ///
  /// - Precondition: the number of elements is the same.
  public func reshaped(_ shape: [Int]) -> LazyTensor {
    let spec = TensorSpec(spec.dtype, shape)
    precondition(spec.elementCount == self.spec.elementCount, "\(self.spec) as \(shape)")
    var reshaped = LazyTensor(spec, origin: origin, work: work, source: source, reader: reader)
    if shape == self.spec.shape { reshaped.quantized = quantized }
    return reshaped
  }

  /// The transpose of a matrix. Buffers the whole tensor while it streams.
  ///
  /// - Precondition: the shape has two extents.
  public func transposed() -> LazyTensor {
    precondition(spec.shape.count == 2, "only a matrix can be transposed, not \(spec)")
    let (rows, columns) = (spec.shape[0], spec.shape[1])
    let size = spec.dtype.byteCount
    let origin = origin.adding(.transposed(rows: rows, columns: columns))
    return LazyTensor(TensorSpec(spec.dtype, [columns, rows]), origin: origin, work: work) {
      [self] consume in
      try withBytes { input in
        guard !input.isEmpty else { return }
        // A window holds `step` rows of the result; only a row longer than the window makes it larger.
        let step = max(1, LazyTensor.windowSize / (rows * size))
        var window = [UInt8](repeating: 0, count: min(step, columns) * rows * size)
        for start in stride(from: 0, to: columns, by: step) {
          let end = min(columns, start + step)
          window.withUnsafeMutableBytes { window in
            switch size {
            case 2: transpose(UInt16.self, input, window, rows: rows, columns: columns, start..<end)
            case 4: transposeWords(input, window, rows: rows, columns: columns, start..<end)
            case 8: transpose(UInt64.self, input, window, rows: rows, columns: columns, start..<end)
            default: transpose(UInt8.self, input, window, rows: rows, columns: columns, start..<end)
            }
          }
          try window.withUnsafeBytes {
            try LazyTensor.chunks(
              of: UnsafeRawBufferPointer(rebasing: $0[..<((end - start) * rows * size)]),
              elementSize: size,
              consume
            )
          }
        }
      }
    }
  }

  /// The same values in another floating-point type, rounded to nearest, ties to even.
  ///
  /// Integers and `bool` convert to floating-point types as well, rounded once; nothing converts to them.
  ///
  /// - Precondition: `dtype` is a floating-point type, or the tensor's own.
  public func converted(to dtype: DType) -> LazyTensor {
    guard dtype != spec.dtype else { return self }
    precondition(dtype.isFloatingPoint, "conversion to \(dtype.rawValue)")
    let from = spec.dtype
    let origin = origin.adding(.converted(from: from, to: dtype))
    return LazyTensor(TensorSpec(dtype, spec.shape), origin: origin, work: work) { [self] consume in
      try stream { chunk in
        let count = chunk.count / from.byteCount
        // A conversion may double the size (or more), so a chunk may leave as several.
        let step = max(1, LazyTensor.windowSize / max(8, dtype.byteCount))
        try withUnsafeTemporaryAllocation(byteCount: min(step, count) * dtype.byteCount, alignment: 64) {
          window in
          for start in stride(from: 0, to: count, by: step) {
            let length = min(step, count - start)
            let input = UnsafeRawBufferPointer(
              rebasing: chunk[(start * from.byteCount)..<((start + length) * from.byteCount)]
            )
            let output = UnsafeMutableRawBufferPointer(rebasing: window[..<(length * dtype.byteCount)])
            convertElements(input, from, to: output, dtype)
            try consume(UnsafeRawBufferPointer(output))
          }
        }
      }
    }
  }
}

/// Writes rows `range` of the transpose of a `[rows, columns]` matrix, in square blocks that fit a cache.
private func transpose<Element: BitwiseCopyable>(
  _: Element.Type,
  _ input: UnsafeRawBufferPointer,
  _ output: UnsafeMutableRawBufferPointer,
  rows: Int,
  columns: Int,
  _ range: Range<Int>
) {
  let input = input.bindMemory(to: Element.self).baseAddress!
  let output = output.bindMemory(to: Element.self).baseAddress!
  let block = 32
  for firstColumn in stride(from: range.lowerBound, to: range.upperBound, by: block) {
    for firstRow in stride(from: 0, to: rows, by: block) {
      for column in firstColumn..<min(firstColumn + block, range.upperBound) {
        for row in firstRow..<min(firstRow + block, rows) {
          output[(column - range.lowerBound) * rows + row] = input[row * columns + column]
        }
      }
    }
  }
}

/// The same for elements of four bytes, whole vectors of them where there are: four rows of four become four columns.
private func transposeWords(
  _ input: UnsafeRawBufferPointer,
  _ output: UnsafeMutableRawBufferPointer,
  rows: Int,
  columns: Int,
  _ range: Range<Int>
) {
  typealias Vector = SIMD4<UInt32>
  let (from, to) = (input.baseAddress!, output.baseAddress!)
  let (wholeRows, wholeEnd) = (rows / 4 * 4, range.lowerBound + range.count / 4 * 4)
  // As many columns as share a cache line of the input.
  for block in stride(from: range.lowerBound, to: wholeEnd, by: 16) {
    for row in stride(from: 0, to: wholeRows, by: 4) {
      for column in stride(from: block, to: min(block + 16, wholeEnd), by: 4) {
        func load(_ index: Int) -> Vector {
          from.loadUnaligned(fromByteOffset: ((row + index) * columns + column) * 4, as: Vector.self)
        }
        let (a, b, c, d) = (load(0), load(1), load(2), load(3))
        let first = ((column - range.lowerBound) * rows + row) * 4
        to.storeBytes(of: Vector(a[0], b[0], c[0], d[0]), toByteOffset: first, as: Vector.self)
        to.storeBytes(of: Vector(a[1], b[1], c[1], d[1]), toByteOffset: first + rows * 4, as: Vector.self)
        to.storeBytes(of: Vector(a[2], b[2], c[2], d[2]), toByteOffset: first + rows * 8, as: Vector.self)
        to.storeBytes(of: Vector(a[3], b[3], c[3], d[3]), toByteOffset: first + rows * 12, as: Vector.self)
      }
    }
  }
  func copy(_ row: Int, _ column: Int) {
    let word = from.load(fromByteOffset: (row * columns + column) * 4, as: UInt32.self)
    to.storeBytes(of: word, toByteOffset: ((column - range.lowerBound) * rows + row) * 4, as: UInt32.self)
  }
  for row in wholeRows..<rows { for column in range { copy(row, column) } }
  for row in 0..<wholeRows { for column in wholeEnd..<range.upperBound { copy(row, column) } }
}
