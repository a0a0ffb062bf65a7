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
