import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing

/// Scores of pairs as sentence-transformers' evaluators of CrossEncoders compute them:
/// `Fixtures/sentences/make_pair_scores.py`.
@Suite struct PairScoresTests {
  struct Golden: CustomTestStringConvertible, Sendable {
    let json: JSON

    static let all: [Golden] = {
      let data = try? Data(contentsOf: fixtures.appending(path: "sentences/pair_scores.json"))
      return data.flatMap { try? JSON(parsing: Array($0)).array?.map(Golden.init) } ?? []
    }()

    var testDescription: String { json["name"]?.string ?? "" }

    var pairs: [PairScores.Pair] {
      (json["rows"]?.array ?? []).map { row in
        PairScores.Pair(
          query: row["query"]?.string ?? "", score: Float(row["score"]?.double ?? .nan),
          label: Float(row["label"]?.double ?? .nan))
      }
    }
  }

  @Test("correlation, classification and reranking", arguments: Golden.all)
  func agrees(_ golden: Golden) throws {
    let expected = try #require(golden.json["results"]?.object)
    // In parts, as batches come.
    var metrics = Metrics()
    for pair in golden.pairs { metrics.add(pairs: [pair]) }
    let found = metrics.means
    #expect(Set(found.keys) == Set(expected.keys))
    for (name, value) in expected {
      let (own, theirs) = (try #require(found[name]), try #require(value.double))
      #expect(abs(own - theirs) < 1e-9, "\(name): \(own), not \(theirs)")
    }
  }

  @Test("every kind of case is there")
  func complete() {
    #expect(Golden.all.count == 5)
    #expect(
      Set(Golden.all.flatMap { $0.json["results"]?.object?.keys.elements ?? [] })
        == PairScores.names.union(["accuracy_threshold", "f1_threshold"]))
  }

  @Test("queries are ranked only where a query has texts of both labels")
  func withoutRankings() {
    func rankings(_ pairs: [(String, Float)]) -> Int? {
      var scores = PairScores()
      scores.add(pairs.map { PairScores.Pair(query: $0, score: 0.5, label: $1) })
      return scores.rankings?.count
    }
    #expect(rankings([("a", 1), ("b", 0), ("c", 1)]) == nil)
    #expect(rankings([("a", 1), ("a", 1)]) == nil)
    #expect(rankings([("a", 1), ("b", 0), ("a", 0)]) == 2)
    #expect(rankings([("a", 1), ("a", 0.5)]) == nil)
    #expect(rankings([]) == nil && PairScores().means.isEmpty)
    #expect(TextRanking([]).ndcg == 0 && TextRanking([]).reciprocalRank == 0)
  }
}
