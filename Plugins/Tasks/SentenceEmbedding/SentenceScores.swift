import GraftCompute
import GraftCore
import GraftTensors
import OrderedCollections

/// What vectors are worth: how they order pairs that have scores, how often a positive is nearer than a negative, and how
/// well positives are found among all texts.
///
/// The names are those of sentence-transformers' evaluators.
struct SentenceScores {
  let rows: [SentenceRow]
  /// For each row, the vectors of its texts.
  let vectors: [[[Float]]]
  /// How the model's vectors are compared.
  let similarity: VectorSimilarity
  let backend: any ComputeBackend

  /// Whether every row says how alike its texts are.
  var haveScores: Bool { rows.allSatisfy { $0.score != nil } }

  /// The scores that are defined, by name.
  func named(_ found: Retrieval?) -> [String: Double] {
    guard let found else { return correlations }
    let means = found.scores.means.filter { !$0.key.hasPrefix("precision") && !$0.key.hasPrefix("recall") }
    return means.reduce(into: triplets) { $0[similarity.name(ofSearch: $1.key)] = $1.value }
  }

  /// `pearson_cosine`, `spearman_cosine` and so on for each similarity, as `EmbeddingSimilarityEvaluator` has them.
  private var correlations: [String: Double] {
    let targets = rows.map { $0.score ?? 0 }
    var scores: [String: Double] = [:]
    for kind in VectorSimilarity.allCases {
      let own = RegressionScores.Scores(predictions: similarities(kind), targets: targets)
      scores["pearson_\(kind.rawValue)"] = own.pearson
      scores["spearman_\(kind.rawValue)"] = own.spearman
    }
    return scores
  }

  /// Of the first two texts of each row.
  private func similarities(_ kind: VectorSimilarity) -> [Double] { vectors.map { kind($0[0], $0[1]) } }

  /// `cosine_accuracy` and so on: how many negatives are less like the anchor than the positive, as `TripletEvaluator` has
  /// it for one negative.
  private var triplets: [String: Double] {
    var scores: [String: Double] = [:]
    let count = vectors.reduce(0) { $0 + $1.count - 2 }
    guard count > 0 else { return [:] }
    for kind in VectorSimilarity.allCases {
      let hits = vectors.reduce(0) { sum, texts in
        let positive = kind(texts[0], texts[1])
        return sum + texts.dropFirst(2).count { kind(texts[0], $0) < positive }
      }
      scores["\(kind.rawValue)_accuracy"] = Double(hits) / Double(count)
    }
    return scores
  }

  // MARK: Retrieval

  /// What was found with anchors as queries and all other texts as what is searched, as `InformationRetrievalEvaluator`
  /// has it. Precision and recall of one relevant text say what accuracy does.
  struct Retrieval {
    var scores = RetrievalScores()
    /// For the first row of each anchor: its nDCG, and the text that was found first.
    var queries: [Int: (ndcg: Double, first: String)] = [:]
  }

  /// `nil` for rows with scores.
  var retrieval: Retrieval? {
    guard !rows.isEmpty, !haveScores else { return nil }
    var texts: OrderedDictionary<String, [Float]> = [:]
    var queries: OrderedDictionary<String, (row: Int, relevant: Set<Int>)> = [:]
    for (index, (row, own)) in zip(rows, vectors).enumerated() {
      for (text, vector) in zip(row.texts, own).dropFirst() { texts[text] = texts[text] ?? vector }
      let positive = texts.index(forKey: row.texts[1]) ?? 0
      queries[row.texts[0], default: (index, [])].relevant.insert(positive)
    }
    let index = VectorIndex(
      Self.matrix(texts.values.elements), similarity: similarity, backend: backend)
    let found = index.nearest(
      Self.matrix(queries.values.map { vectors[$0.row][0] }), count: RetrievalScores.deepest, backend: backend
    )
    var retrieval = Retrieval()
    for (hits, query) in zip(found, queries.values) {
      var own = RetrievalScores()
      let isRelevant = hits.map { query.relevant.contains($0.index) }
      own.add(isRelevant, relevant: query.relevant.count)
      retrieval.scores.add(isRelevant, relevant: query.relevant.count)
      retrieval.queries[query.row] = (
        own.means[RetrievalScores.ndcgName] ?? 0, hits.first.map { texts.keys[$0.index] } ?? ""
      )
    }
    return retrieval
  }

  /// Vectors as rows.
  private static func matrix(_ vectors: [[Float]]) -> Tensor {
    Tensor(vectors.flatMap(\.self), shape: [vectors.count, vectors.first?.count ?? 0])
  }

  // MARK: Rows

  /// What each row adds: to the correlation of similarities and scores, or to the nDCG of queries.
  var rowScores: RowScores {
    guard let retrieval else {
      return RowScores(
        "spearman_\(similarity.rawValue)", .spearman, unit: "pair",
        rows: zip(rows, similarities(similarity)).map { row, similarity in
          RowScores.Row(
            [similarity, row.score ?? 0], label: JSON(Float(row.score ?? 0)).text(),
            prediction: JSON(Float(similarity)).text())
        })
    }
    return RowScores(
      similarity.name(ofSearch: RetrievalScores.ndcgName), .mean, unit: "query",
      rows: rows.enumerated().map { index, row in
        guard let query = retrieval.queries[index] else {
          return RowScores.Row([], label: "", prediction: "")
        }
        return RowScores.Row([query.ndcg], label: row.texts[1], prediction: query.first)
      })
  }
}
