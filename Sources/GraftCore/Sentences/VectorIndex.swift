import Foundation
import GraftCompute
import GraftTensors

/// Vectors that are searched exactly: every query is compared with each of them.
///
///     let index = VectorIndex(vectors, similarity: .cosine, backend: backend)
///     let hits = index.nearest(queries, count: 5, backend: backend)
public struct VectorIndex {
  /// A vector that was found.
  public struct Hit: Sendable, Equatable {
    /// Its row.
    public let index: Int
    public let similarity: Float

    public init(index: Int, similarity: Float) {
      self.index = index
      self.similarity = similarity
    }
  }

  public let similarity: VectorSimilarity
  /// `[count, width]`; of length 1 where the cosine compares them.
  private let vectors: Tensor
  /// The square of each vector's length, where distances are searched by products; empty otherwise.
  private let squares: [Float]
  /// The most similarities that are in memory at once.
  private static let mostAtOnce = 1 << 24

  /// - Parameters:
  ///   - vectors: `[count, width]`.
  ///   - similarity: How they are compared.
  ///   - backend: The compute kernels.
  public init(_ vectors: Tensor, similarity: VectorSimilarity, backend: any ComputeBackend) {
    self.similarity = similarity
    self.vectors =
      similarity == .cosine
      ? Tape(backend, recording: false).normalizeRows(Variable(vectors)).value : vectors
    squares = similarity == .euclidean ? VectorDistances.squares(of: vectors) : []
  }

  public var count: Int { vectors.rows }
  public var width: Int { vectors.columns }

  /// The vectors that are most like each query, the most alike first; of equals the one with the lower row.
  ///
  /// - Parameters:
  ///   - queries: `[queries, width]`.
  ///   - count: How many are wanted of each; all when there are fewer.
  ///   - backend: The compute kernels.
  /// - Precondition: Queries are as wide as the vectors.
  public func nearest(_ queries: Tensor, count: Int, backend: any ComputeBackend) -> [[Hit]] {
    precondition(queries.columns == width, "queries of \(queries.columns) numbers, vectors of \(width)")
    guard self.count > 0 else { return Array(repeating: [], count: queries.rows) }
    let rows = max(1, Self.mostAtOnce / self.count)
    return stride(from: 0, to: queries.rows, by: rows).flatMap { first -> [[Hit]] in
      let block = Tensor(uninitialized: [min(rows, queries.rows - first), width])
      block.pointer.update(from: queries.pointer + first * width, count: block.count)
      return hits(block, count: min(count, self.count), backend)
    }
  }

  private func hits(_ queries: Tensor, count: Int, _ backend: any ComputeBackend) -> [[Hit]] {
    let tape = Tape(backend, recording: false)
    func products(_ queries: Variable) -> Tensor {
      tape.linear(queries, weight: Variable(vectors), bias: nil).value
    }
    switch similarity {
    case .cosine: return largest(products(tape.normalizeRows(Variable(queries))), count)
    case .dot: return largest(products(Variable(queries)), count)
    case .euclidean where backend.precision == .float32:
      return nearestByProducts(queries, products(Variable(queries)), count: count, backend)
    case .euclidean, .manhattan:
      return largest(
        VectorDistances.negated(similarity, from: queries, to: vectors, backend), count)
    }
  }

  /// The nearest by Euclidean distance. Products of matrices say which vectors may be among them, within their rounding,
  /// and of those the distances are computed one by one: a difference of squares and products has few digits left where
  /// vectors are near each other.
  private func nearestByProducts(
    _ queries: Tensor, _ products: Tensor, count: Int, _ backend: any ComputeBackend
  ) -> [[Hit]] {
    let (vectors, squares, total) = (vectors, squares, self.count)
    let own = VectorDistances.squares(of: queries)
    // A sum of n products is off by n roundings at most: here of squares, of products, and of the distance itself.
    let share = 4 * Float(width + 8) * 0x1p-24
    let results = UnsafeMutableBufferPointer<[Hit]>.allocate(capacity: queries.rows)
    results.initialize(repeating: [])
    defer { results.deinitialize().deallocate() }
    backend.forEachBlock(ofRows: queries.rows, columns: total) { block in
      let bounds = UnsafeMutableBufferPointer<Float>.allocate(capacity: total)
      defer { bounds.deallocate() }
      for row in block {
        let (products, query) = (products.pointer + row * total, queries.pointer + row * width)
        for column in 0..<total {
          let (squares, error) = (own[row] + squares[column], share * (own[row] + squares[column]))
          bounds[column] = 2 * products[column] - squares - error
        }
        // The distances of so many are below this for sure.
        let worst = Self.largest(UnsafeBufferPointer(bounds), count).last?.similarity ?? -.infinity
        var candidates: [Int] = []
        for column in 0..<total {
          let error = share * (own[row] + squares[column])
          // What is not a number is no reason to leave one out.
          if !(bounds[column] + 2 * error < worst) { candidates.append(column) }
        }
        let similarities = candidates.map {
          -VectorDistances.euclidean(query, vectors.pointer + $0 * width, count: width)
        }
        results[row] = similarities.withUnsafeBufferPointer { values in
          Self.largest(values, count).map { Hit(index: candidates[$0.index], similarity: $0.similarity) }
        }
      }
    }
    return Array(results)
  }

  /// The largest of each row of `[queries, count]`.
  private func largest(_ similarities: Tensor, _ count: Int) -> [[Hit]] {
    (0..<similarities.rows).map { row in
      Self.largest(
        UnsafeBufferPointer(start: similarities.pointer + row * self.count, count: self.count), count)
    }
  }

  /// The largest values, the largest first, in one pass.
  private static func largest(_ values: UnsafeBufferPointer<Float>, _ count: Int) -> [Hit] {
    let count = min(count, values.count)
    guard count > 0 else { return [] }
    // A heap whose root is the worst of those that are kept: of the lowest similarity and, of equals, the highest row.
    var heap: [Hit] = []
    heap.reserveCapacity(count)
    func isWorse(_ one: Hit, _ two: Hit) -> Bool {
      one.similarity < two.similarity || one.similarity == two.similarity && one.index > two.index
    }
    func sink() {
      var parent = 0
      while true {
        var worst = parent
        for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
          if isWorse(heap[child], heap[worst]) { worst = child }
        }
        if worst == parent { return }
        heap.swapAt(parent, worst)
        parent = worst
      }
    }
    for (index, value) in values.enumerated() {
      if heap.count < count {
        heap.append(Hit(index: index, similarity: value))
        if heap.count == count { heap.sort(by: isWorse) }
      } else if value > heap[0].similarity {
        heap[0] = Hit(index: index, similarity: value)
        sink()
      }
    }
    return heap.sorted { isWorse($1, $0) }
  }
}
