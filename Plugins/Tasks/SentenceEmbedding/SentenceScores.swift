import GraftCore
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

  /// The scores that are defined, by name.
  var named: [String: Double] {
    if rows.allSatisfy({ $0.score != nil }) { return correlations }
    return triplets.merging(retrieval) { first, _ in first }
  }

  /// `pearson_cosine`, `spearman_cosine` and so on for each similarity, as `EmbeddingSimilarityEvaluator` has them.
  private var correlations: [String: Double] {
    let targets = rows.map { $0.score ?? 0 }
    var scores: [String: Double] = [:]
    for kind in VectorSimilarity.allCases {
      let own = RegressionScores.Scores(predictions: vectors.map { kind($0[0], $0[1]) }, targets: targets)
      scores["pearson_\(kind.rawValue)"] = own.pearson
      scores["spearman_\(kind.rawValue)"] = own.spearman
    }
    return scores
  }

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

  /// `cosine_ndcg@10` and so on, with anchors as queries and all other texts as what is searched, as
  /// `InformationRetrievalEvaluator` has them; without precision and recall, which of one relevant text say what accuracy
  /// does.
  private var retrieval: [String: Double] {
    var texts: OrderedDictionary<String, [Float]> = [:]
    var queries: OrderedDictionary<String, (vector: [Float], relevant: Set<Int>)> = [:]
    for (row, own) in zip(rows, vectors) {
      for (text, vector) in zip(row.texts, own).dropFirst() { texts[text] = texts[text] ?? vector }
      let positive = texts.index(forKey: row.texts[1]) ?? 0
      queries[row.texts[0], default: (own[0], [])].relevant.insert(positive)
    }
    var scores = RetrievalScores()
    let all = Array(texts.values)
    for (vector, relevant) in queries.values {
      let similarities = all.map { similarity(vector, $0) }
      let order = all.indices.sorted { (similarities[$1], $0) < (similarities[$0], $1) }
      scores.add(order.prefix(RetrievalScores.deepest).map(relevant.contains), relevant: relevant.count)
    }
    let means = scores.means.filter { !$0.key.hasPrefix("precision") && !$0.key.hasPrefix("recall") }
    return Dictionary(uniqueKeysWithValues: means.map { ("\(similarity.rawValue)_\($0.key)", $0.value) })
  }
}
