import GraftCompute

/// Distances between vectors, many numbers at a time.
enum VectorDistances {
  private typealias Lanes = SIMD16<Float>

  /// The square of the length of each row of `[rows, width]`.
  static func squares(of vectors: Tensor) -> [Float] {
    (0..<vectors.rows).map { row in
      let start = vectors.pointer + row * vectors.columns
      return sum(start, start, count: vectors.columns) { first, _ in first * first }
    }
  }

  /// `√Σ(aᵢ - bᵢ)²`.
  static func euclidean(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int) -> Float {
    sum(a, b, count: count) { a, b in (a - b) * (a - b) }.squareRoot()
  }

  /// `Σ|aᵢ - bᵢ|`.
  static func manhattan(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int) -> Float {
    sum(a, b, count: count) { a, b in
      let difference = a - b
      return difference.replacing(with: -difference, where: difference .< 0)
    }
  }

  /// The distances of all pairs, negative: `[queries, vectors]`.
  static func negated(
    _ similarity: VectorSimilarity, from queries: Tensor, to vectors: Tensor, _ backend: any ComputeBackend
  ) -> Tensor {
    let (count, width) = (vectors.rows, vectors.columns)
    let result = Tensor(uninitialized: [queries.rows, count])
    let (from, to, out) = (queries.pointer, vectors.pointer, result.pointer)
    backend.forEachBlock(ofRows: count, columns: width * max(1, queries.rows)) { block in
      for column in block {
        for row in 0..<queries.rows {
          let (a, b) = (UnsafePointer(from + row * width), UnsafePointer(to + column * width))
          out[row * count + column] =
            similarity == .manhattan ? -manhattan(a, b, count: width) : -euclidean(a, b, count: width)
        }
      }
    }
    return result
  }

  /// The sum of what a term makes of two vectors' numbers.
  @inline(__always)
  private static func sum(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int,
    _ term: (SIMD16<Float>, SIMD16<Float>) -> SIMD16<Float>
  ) -> Float {
    let size = Lanes.scalarCount
    var (lanes, place) = (Lanes.zero, 0)
    while place + size <= count {
      let (first, second) = (UnsafeRawPointer(a + place), UnsafeRawPointer(b + place))
      lanes += term(first.loadUnaligned(as: Lanes.self), second.loadUnaligned(as: Lanes.self))
      place += size
    }
    if place < count {
      var (first, second) = (Lanes.zero, Lanes.zero)
      for lane in 0..<count - place { (first[lane], second[lane]) = (a[place + lane], b[place + lane]) }
      lanes += term(first, second)
    }
    return lanes.sum()
  }
}
