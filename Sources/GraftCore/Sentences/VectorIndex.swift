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
      let similarities = similarities(block, backend)
      return (0..<block.rows).map { row in
        Self.largest(
          UnsafeBufferPointer(start: similarities.pointer + row * self.count, count: self.count), count)
      }
    }
  }

  /// `[queries, count]`.
  private func similarities(_ queries: Tensor, _ backend: any ComputeBackend) -> Tensor {
    let tape = Tape(backend, recording: false)
    switch similarity {
    // The difference of squares and products, which is quicker, has few digits left where vectors are near each other.
    case .euclidean: return distances(queries, backend, of: { $0 * $0 }, ending: { $0.squareRoot() })
    case .manhattan: return distances(queries, backend, of: { abs($0) }, ending: { $0 })
    case .cosine, .dot:
      let own = similarity == .cosine ? tape.normalizeRows(Variable(queries)) : Variable(queries)
      return tape.linear(own, weight: Variable(vectors), bias: nil).value
    }
  }

  /// Less a distance: what `end` makes of the sum of `term` over differences.
  @inline(__always)
  private func distances(
    _ queries: Tensor, _ backend: any ComputeBackend, of term: @Sendable (Float) -> Float,
    ending end: @Sendable (Float) -> Float
  ) -> Tensor {
    let result = Tensor(uninitialized: [queries.rows, count])
    for row in 0..<queries.rows {
      backend.forEachBlock(ofRows: count, columns: width) { block in
        for column in block {
          var sum: Float = 0
          for place in 0..<width {
            sum += term(queries.pointer[row * width + place] - vectors.pointer[column * width + place])
          }
          result.pointer[row * count + column] = -end(sum)
        }
      }
    }
    return result
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
