import Foundation

/// How well texts are found for queries, as sentence-transformers' `InformationRetrievalEvaluator` has it: relevance is
/// yes or no, each score is the mean over queries.
public struct RetrievalScores: Sendable, Equatable {
  /// The places up to which accuracy, precision and recall look.
  public static let cutoffs = [1, 3, 5, 10]
  /// The place up to which the mean reciprocal rank and nDCG look.
  static let rankCutoff = 10
  /// The place up to which mean average precision looks: how many texts have to be found for each query.
  public static let deepest = 100

  private var sums: [String: Double] = [:]
  /// How many queries there were.
  public private(set) var queries = 0

  /// Scores of no queries.
  public init() {}

  /// Adds a query.
  ///
  /// - Parameters:
  ///   - hits: Whether each text that was found is relevant, the best first; those beyond ``deepest`` do not count.
  ///   - relevant: How many texts are relevant, found or not; at least 1.
  public mutating func add(_ hits: [Bool], relevant: Int) {
    precondition(relevant > 0, "a query without a relevant text")
    queries += 1
    func count(_ cutoff: Int) -> Double { Double(hits.prefix(cutoff).count(where: \.self)) }
    for cutoff in Self.cutoffs {
      sums["accuracy@\(cutoff)", default: 0] += count(cutoff) > 0 ? 1 : 0
      sums["precision@\(cutoff)", default: 0] += count(cutoff) / Double(cutoff)
      sums["recall@\(cutoff)", default: 0] += count(cutoff) / Double(relevant)
    }
    let first = hits.prefix(Self.rankCutoff).firstIndex(of: true)
    sums["mrr@\(Self.rankCutoff)", default: 0] += first.map { 1 / Double($0 + 1) } ?? 0
    func gain(_ places: some Sequence<Int>) -> Double { places.reduce(0) { $0 + 1 / log2(Double($1 + 2)) } }
    let found = hits.prefix(Self.rankCutoff).indices.filter { hits[$0] }
    sums["ndcg@\(Self.rankCutoff)", default: 0] += gain(found) / gain(0..<min(relevant, Self.rankCutoff))
    var (correct, precisions) = (0.0, 0.0)
    for (place, isRelevant) in hits.prefix(Self.deepest).enumerated() where isRelevant {
      correct += 1
      precisions += correct / Double(place + 1)
    }
    sums["map@\(Self.deepest)", default: 0] += precisions / Double(min(Self.deepest, relevant))
  }

  /// The scores by name, such as `ndcg@10`; empty without queries.
  public var means: [String: Double] { sums.mapValues { $0 / Double(max(1, queries)) } }
}
