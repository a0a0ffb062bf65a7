import GraftTensors

/// The bytes of a dataset that is stored in chunks of one shape, each of which may be compressed.
struct Chunks {
  private struct Chunk {
    var address: Int
    var size: Int
    /// A bit for each filter that this chunk went without.
    var skippedFilters: UInt32
  }

  /// The most levels of a B-tree; a level has at least two branches.
  private static let maximumDepth = 32

  private let spec: TensorSpec
  /// The shape of a chunk.
  private let shape: [Int]
  /// How many chunks there are along each extent.
  private let counts: [Int]
  private let filters: Filters
  /// In row-major order.
  private var chunks: [Chunk] = []

  var storedByteCount: Int { chunks.reduce(0) { $0 + $1.size } }

  /// Reads the places of all chunks.
  ///
  /// - Parameter layout: The layout message behind its version and kind.
  /// - Throws: ``GraftError`` when one is missing, given twice or outside the file, or a filter is not known.
  init(_ layout: ByteReader, _ spec: TensorSpec, _ header: ObjectHeader, _ file: File) throws {
    var layout = layout
    self.spec = spec
    let rank = spec.shape.count
    guard try layout.int(UInt8.self) == rank + 1, rank > 0 else {
      throw GraftError(.malformed, "chunks of another rank than \(spec)")
    }
    guard let root = try layout.address() else { throw GraftError(.missing, "the dataset was never written") }
    shape = try (0..<rank).map { _ in try layout.int(UInt32.self) }
    guard try layout.int(UInt32.self) == spec.dtype.byteCount, shape.allSatisfy({ $0 > 0 }),
      let whole = TensorSpec(validating: spec.dtype, shape)
    else { throw GraftError(.malformed, "chunks of a shape that is not possible", found: "\(shape)") }
    counts = zip(spec.shape, shape).map { ($0 - 1) / $1 + 1 }
    filters = try Filters(header, elementSize: spec.dtype.byteCount)
    // A chunk takes a node's key of at least 24 bytes.
    guard let count = TensorSpec(validating: .uint8, counts)?.elementCount, count <= file.content.size / 24
    else {
      throw GraftError(.malformed, "more chunks than the file can hold", found: "\(counts)")
    }
    var found = [Chunk?](repeating: nil, count: count)
    try visit(root, file) { chunk, offsets in
      var place = 0
      for axis in 0..<rank {
        guard offsets[axis] % shape[axis] == 0, offsets[axis] / shape[axis] < counts[axis] else {
          throw GraftError(.malformed, "a chunk at a place that the shape does not have", found: "\(offsets)")
        }
        place = place * counts[axis] + offsets[axis] / shape[axis]
      }
      guard found[place] == nil else {
        throw GraftError(.malformed, "a chunk is given twice", found: "\(offsets)")
      }
      try filters.check(chunk.size, expanded: whole.byteCount, skipped: chunk.skippedFilters)
      _ = try file.checked(chunk.address, chunk.size)
      found[place] = chunk
    }
    for chunk in found {
      guard let chunk else { throw GraftError(.missing, "a chunk was never written") }
      chunks.append(chunk)
    }
  }

  /// Calls `body` with each chunk of a B-tree, version 1, and the offsets at which it begins.
  private func visit(_ root: Int, _ file: File, _ body: (Chunk, [Int]) throws -> Void) throws {
    var known: Set<Int> = []
    let keySize = 8 + 8 * (shape.count + 1)
    func visit(_ address: Int, _ depth: Int) throws {
      guard known.insert(address).inserted, depth < Self.maximumDepth else {
        throw GraftError(.malformed, "the tree of chunks runs in a circle")
      }
      var node = try file.part(at: address, 24)
      try node.signature("TREE")
      guard try node.integer(UInt8.self) == 1 else {
        throw GraftError(.malformed, "a tree of names in a dataset")
      }
      let level = try node.integer(UInt8.self)
      let count = try node.int(UInt16.self)
      var entries = try file.part(at: address + 24, (keySize + 8) * count)
      for _ in 0..<count {
        let (size, skipped) = (try entries.int(UInt32.self), try entries.integer(UInt32.self))
        let offsets = try shape.map { _ in try entries.length() }
        try entries.skip(8)
        guard let child = try entries.address() else {
          throw GraftError(.missing, "a chunk was never written")
        }
        if level == 0 {
          try body(Chunk(address: child, size: size, skippedFilters: skipped), offsets)
        } else {
          try visit(child, depth + 1)
        }
      }
    }
    try visit(root, 0)
  }

  /// Streams the elements in row-major order, as many rows at a time as a chunk has.
  ///
  /// Holds those rows, one chunk as it is stored and one as it is meant.
  func stream(from file: RandomAccessFile, _ consume: LazyTensor.Consumer) throws {
    let size = spec.dtype.byteCount
    let rowSize = spec.shape.dropFirst().reduce(size, *)
    let chunkSize = shape.reduce(size, *)
    let perSlab = counts.dropFirst().reduce(1, *)
    let slabSize = min(shape[0], spec.shape[0]) * rowSize
    // A chunk is there as it is stored, as it is meant, and once more where a filter rearranges it.
    try file.budget.holding(slabSize + 3 * chunkSize, for: "a chunk of the data") {
      var slab = [UInt8](repeating: 0, count: slabSize)
      for row in 0..<counts[0] {
        let rows = min(shape[0], spec.shape[0] - row * shape[0])
        for index in 0..<perSlab {
          let chunk = chunks[row * perSlab + index]
          let stored = try file.bytes(chunk.address..<(chunk.address + chunk.size))
          let content = try filters.undo(stored, expanded: chunkSize, skipped: chunk.skippedFilters)
          place(content, at: index, rows: rows, in: &slab)
        }
        try slab.withUnsafeBytes {
          try LazyTensor.chunks(
            of: UnsafeRawBufferPointer(rebasing: $0[..<(rows * rowSize)]), elementSize: size, consume)
        }
      }
    }
  }

  /// Copies what a chunk has inside the shape to its place among the rows of the slab.
  private func place(_ content: [UInt8], at index: Int, rows: Int, in slab: inout [UInt8]) {
    let rank = shape.count
    let size = spec.dtype.byteCount
    // Where the chunk begins, and how much of it is inside.
    var begin = [Int](repeating: 0, count: rank)
    var inside = [Int](repeating: rows, count: rank)
    var left = index
    for axis in (1..<rank).reversed() {
      begin[axis] = left % counts[axis] * shape[axis]
      left /= counts[axis]
      inside[axis] = min(shape[axis], spec.shape[axis] - begin[axis])
    }
    let runLength = inside[rank - 1] * size
    let runs = inside.dropLast().reduce(1, *)
    var position = [Int](repeating: 0, count: rank)
    content.withUnsafeBytes { content in
      slab.withUnsafeMutableBytes { slab in
        for _ in 0..<runs {
          var (source, target) = (0, 0)
          for axis in 0..<rank {
            source = source * shape[axis] + position[axis]
            target = target * (axis == 0 ? 1 : spec.shape[axis]) + begin[axis] + position[axis]
          }
          UnsafeMutableRawBufferPointer(rebasing: slab[(target * size)..<(target * size + runLength)])
            .copyMemory(
              from: UnsafeRawBufferPointer(rebasing: content[(source * size)..<(source * size + runLength)]))
          for axis in (0..<max(0, rank - 1)).reversed() {
            position[axis] += 1
            if position[axis] < inside[axis] { break }
            position[axis] = 0
          }
        }
      }
    }
  }
}
