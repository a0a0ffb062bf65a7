import GraftCompute
import GraftCore
import GraftKit
import GraftTensors
import TestSupport
import Testing

@testable import SentenceEmbedding

/// Scores of vectors against those of sentence-transformers' evaluators: `Fixtures/sentences/make_scores.py`.
@Suite("Scores of vectors")
struct SentenceScoreTests {
  private let golden: JSON
  private let backend: any ComputeBackend

  init() throws {
    backend = try ReferenceBackend(threads: 1)
    golden = try JSON(file: fixtures.appending(path: "sentences/scores.json"))
  }

  private func numbers(_ json: JSON?) -> [Double] { json?.array?.compactMap(\.double) ?? [] }

  private func vectors(_ json: JSON?, width: Int) -> [[Float]] {
    let values = numbers(json).map { Float($0) / 262_144 }
    return stride(from: 0, to: values.count, by: width).map { Array(values[$0..<$0 + width]) }
  }

  private func expect(_ found: [String: Double], _ expected: JSON?, within tolerance: Double) throws {
    let expected = try #require(expected?.object)
    for (name, value) in expected {
      let (mine, theirs) = (found[name] ?? .nan, value.double ?? .nan)
      #expect(abs(mine - theirs) <= tolerance, "\(name): \(mine), not \(theirs)")
    }
  }

  @Test("correlations of similarities with scores are those of EmbeddingSimilarityEvaluator")
  func pairs() throws {
    let all = vectors(golden["pairs"]?["vectors"], width: 7)
    let targets = numbers(golden["pairs"]?["targets"])
    let rows = try targets.enumerated().map { index, score in
      var row = try SentenceRow(TextRow("\(2 * index)", pair: "\(2 * index + 1)"))
      row.score = score
      return row
    }
    let own = rows.indices.map { [all[2 * $0], all[2 * $0 + 1]] }
    let scores = SentenceScores(rows: rows, vectors: own, similarity: .cosine, backend: backend).named(nil)
    try expect(scores, golden["pairs"]?["scores"], within: 1e-9)
    #expect(scores.count == 8)
  }

  @Test("the share of right triplets is that of TripletEvaluator")
  func triplets() throws {
    let all = vectors(golden["triplets"]?["vectors"], width: 7)
    let rows = try (0..<20).map { index -> SentenceRow in
      var row = TextRow("\(3 * index)", pair: "\(3 * index + 1)")
      row.fields["negative"] = .string("\(3 * index + 2)")
      return try SentenceRow(row)
    }
    let own = rows.indices.map { Array(all[3 * $0..<3 * $0 + 3]) }
    let whole = SentenceScores(rows: rows, vectors: own, similarity: .dot, backend: backend)
    let scores = whole.named(whole.retrieval)
    // The evaluator's mean is a float32.
    try expect(scores, golden["triplets"]?["scores"], within: 1e-7)
    #expect(scores["dot_ndcg@10"] != nil)
  }

  @Test(
    "the scores of what is found are those of InformationRetrievalEvaluator",
    arguments: VectorSimilarity.allCases)
  func retrieval(_ similarity: VectorSimilarity) throws {
    let retrieval = golden["retrieval"]
    let (queries, corpus) = (
      vectors(retrieval?["queries"], width: 9), vectors(retrieval?["corpus"], width: 9)
    )
    let relevant = try #require(retrieval?["relevant"]?.array).map { Set($0.array?.compactMap(\.int) ?? []) }
    var scores = RetrievalScores()
    for (query, relevant) in zip(queries, relevant) {
      let values = corpus.map { similarity(query, $0) }
      let order = values.indices.sorted { (values[$1], $0) < (values[$0], $1) }
      scores.add(order.map(relevant.contains), relevant: relevant.count)
    }
    let named = Dictionary(
      uniqueKeysWithValues: scores.means.map { ("\(similarity.rawValue)_\($0.key)", $0.value) })
    let expected = try #require(retrieval?["scores"]?.object).filter { $0.key.hasPrefix(similarity.rawValue) }
    #expect(expected.count == named.count)
    try expect(named, .object(expected), within: 1e-9)
  }

  @Test("one text several times is one text, and one anchor several times is one query")
  func repetitions() throws {
    let rows = try [("a", "x"), ("a", "y"), ("b", "x")].map { try SentenceRow(TextRow($0, pair: $1)) }
    let vectors: [String: [Float]] = ["a": [1, 0], "b": [0, 1], "x": [1, 0.1], "y": [0.9, 1]]
    let all = SentenceScores(
      rows: rows, vectors: rows.map { $0.texts.map { vectors[$0] ?? [] } }, similarity: .cosine,
      backend: backend)
    let retrieval = try #require(all.retrieval)
    let scores = all.named(retrieval)
    // 'a' finds both at once, 'b' finds 'x' behind 'y'.
    #expect(scores["cosine_accuracy@1"] == 0.5 && scores["cosine_mrr@10"] == 0.75)
    #expect(scores["cosine_map@100"] == 0.75)
    #expect(retrieval.scores.curve.prefix(2).map(\.recall) == [0.25, 1])
    #expect(all.rowScores.rows.map(\.terms.count) == [1, 0, 1])
    #expect(all.rowScores.rows.map(\.prediction) == ["x", "", "y"])
  }
}
