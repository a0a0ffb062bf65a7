extension Metrics {
  /// The names of the scores that evaluations are judged by where nobody names another one, the most telling first: of
  /// what is sorted or found nDCG, of numbers R², of pairs with scores Spearman's correlation, of entities and answers F1,
  /// of several labels micro F1, of classes and tokens accuracy.
  package static let usualNames: [String] =
    [RetrievalScores.ndcgName]
    + VectorSimilarity.allCases.map { $0.name(ofSearch: RetrievalScores.ndcgName) }
    + ["r2"] + VectorSimilarity.allCases.map { "spearman_\($0.rawValue)" } + ["spearman"]
    + ["f1", "f1_micro", "accuracy"]
}
