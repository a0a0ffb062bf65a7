import Foundation
import GraftCompute
import GraftCore
import GraftData
import GraftTensors
import TestSupport
import Testing

@testable import GraftKit

/// Exact search, and the scores of what it finds: `Fixtures/sentences/make_scores.py`.
@Suite struct VectorIndexTests {
  private let golden: JSON
  private let backend: any ComputeBackend

  init() throws {
    golden = try JSON(file: fixtures.appending(path: "sentences/scores.json"))["retrieval"] ?? .null
    backend = try Support.registry().makeBackend(threads: 2)
  }

  private func matrix(_ name: String) -> Tensor {
    let values = golden[name]?.array?.compactMap(\.int).map { Float($0) / 262_144 } ?? []
    return Tensor(values, shape: [values.count / 9, 9])
  }

  @Test(
    "what is found is scored as InformationRetrievalEvaluator scores it", arguments: VectorSimilarity.allCases
  )
  func scores(_ similarity: VectorSimilarity) throws {
    let index = VectorIndex(matrix("corpus"), similarity: similarity, backend: backend)
    let relevant = golden["relevant"]?.array?.map { Set($0.array?.compactMap(\.int) ?? []) } ?? []
    let scores = retrievalScores(index, queries: matrix("queries"), relevant: relevant, backend: backend)
    #expect(scores.queries == 25)
    for (name, value) in scores.means {
      let expected = golden["scores"]?["\(similarity.rawValue)_\(name)"]?.double ?? .nan
      #expect(abs(value - expected) <= 1e-9, "\(name): \(value), not \(expected)")
    }
  }

  @Test("the nearest are those of a full sort, whatever their number", arguments: VectorSimilarity.allCases)
  func sorted(_ similarity: VectorSimilarity) throws {
    let (corpus, queries) = (matrix("corpus"), matrix("queries"))
    let index = VectorIndex(corpus, similarity: similarity, backend: backend)
    func row(_ matrix: Tensor, _ row: Int) -> [Float] { Array(matrix.buffer[row * 9..<(row + 1) * 9]) }
    for count in [1, 7, 130, 500] {
      for (query, hits) in index.nearest(queries, count: count, backend: backend).enumerated() {
        let values = (0..<130).map { similarity(row(queries, query), row(corpus, $0)) }
        let order = values.indices.sorted { (values[$1], $0) < (values[$0], $1) }
        #expect(hits.map(\.index) == Array(order.prefix(count)))
        for hit in hits { #expect(abs(Double(hit.similarity) - values[hit.index]) < 1e-4) }
      }
    }
  }

  @Test(
    "distances of neighbours far from the origin have their digits",
    arguments: [.euclidean, .manhattan] as [VectorSimilarity])
  func neighbours(_ similarity: VectorSimilarity) throws {
    let query = Tensor([1000, 2000, 3000], shape: [1, 3])
    let vectors = Tensor([1000, 2000, 3000.5, 1000, 2000, 3000, 1000.25, 2000, 3000], shape: [3, 3])
    let index = VectorIndex(vectors, similarity: similarity, backend: backend)
    #expect(
      index.nearest(query, count: 3, backend: backend)[0] == [
        .init(index: 1, similarity: 0), .init(index: 2, similarity: -0.25), .init(index: 0, similarity: -0.5),
      ])
  }

  /// Vectors in a few clusters, around a place that may be far off.
  private func clusters(_ count: Int, width: Int, around center: Float, seed: UInt64) -> Tensor {
    let key = RandomKey(seed: seed)
    let values = (0..<count * width).map { index -> Float in
      let words = key.words(UInt32(index))
      let cluster = Float((index / width % 7) * 31 % 5)
      return center + cluster + Float(words.x >> 8) * 0x1p-24 - Float(words.y >> 8) * 0x1p-24
    }
    return Tensor(values, shape: [count, width])
  }

  @Test(
    "distances are exact for every width, near the origin and far from it",
    arguments: [.euclidean, .manhattan] as [VectorSimilarity],
    [(1, 0), (15, 0), (16, 100), (17, 0), (33, 10_000), (130, 0), (130, 1000)] as [(Int, Float)])
  func widths(_ similarity: VectorSimilarity, _ shape: (width: Int, center: Float)) throws {
    let width = shape.width
    let corpus = clusters(300, width: width, around: shape.center, seed: 1)
    let queries = clusters(20, width: width, around: shape.center, seed: 2)
    let index = VectorIndex(corpus, similarity: similarity, backend: backend)
    for (query, hits) in index.nearest(queries, count: 9, backend: backend).enumerated() {
      let own = Array(queries.buffer[query * width..<(query + 1) * width])
      let values = (0..<300).map { similarity(own, Array(corpus.buffer[$0 * width..<($0 + 1) * width])) }
      let best = values.sorted(by: >)
      #expect(Set(hits.map(\.index)).count == 9)
      for (hit, expected) in zip(hits, best) {
        // What is found is as near as what a full sort has at that place, and its distance has its digits.
        #expect(abs(values[hit.index] - expected) <= 1e-6 * max(1e-3, abs(expected)))
        #expect(abs(Double(hit.similarity) - values[hit.index]) <= 1e-6 * max(1e-3, abs(expected)))
      }
    }
  }

  @Test("vectors that are not numbers, or too long for squares, are no reason to lose others")
  func extremes() throws {
    let vectors = Tensor([3e30, 0, .nan, 0, 1, 1, .infinity, 0, 2, 2], shape: [5, 2])
    let index = VectorIndex(vectors, similarity: .euclidean, backend: backend)
    let found = index.nearest(Tensor([1, 1], shape: [1, 2]), count: 5, backend: backend)[0]
    #expect(Set(found.map(\.index)) == Set(0..<5))
    let near = VectorIndex(
      Tensor([3e30, 0, 1, 1, 2, 2], shape: [3, 2]), similarity: .euclidean, backend: backend)
    #expect(
      near.nearest(Tensor([1, 1], shape: [1, 2]), count: 2, backend: backend)[0].map(\.index) == [1, 2])
  }

  @Test("of equals the one with the lower row comes first")
  func equals() throws {
    let vectors = Tensor([1, 0, 0, 1, 1, 0, 1, 0, 0, 1], shape: [5, 2])
    let index = VectorIndex(vectors, similarity: .cosine, backend: backend)
    let query = Tensor([2, 0], shape: [1, 2])
    #expect(index.nearest(query, count: 2, backend: backend)[0].map(\.index) == [0, 2])
    #expect(index.nearest(query, count: 9, backend: backend)[0].map(\.index) == [0, 2, 3, 1, 4])
    let empty = VectorIndex(Tensor(uninitialized: [0, 2]), similarity: .cosine, backend: backend)
    #expect(empty.nearest(query, count: 2, backend: backend) == [[]])
  }
}
