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

  /// What nDCG is called in ``means``.
  public static let ndcgName = "ndcg@\(rankCutoff)"
  /// The places of ``curve``.
  static let curveCutoffs = [1, 2, 3, 5, 10, 20, 50, 100]

  private var sums: [String: Double] = [:]
  private var curveSums = [(recall: Double, ndcg: Double)](
    repeating: (0, 0), count: Self.curveCutoffs.count)
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
    func gain(_ places: some Sequence<Int>) -> Double { places.reduce(0) { $0 + 1 / log2(Double($1 + 2)) } }
    func ndcg(_ cutoff: Int) -> Double {
      let found = hits.prefix(cutoff).indices.filter { hits[$0] }
      return gain(found) / gain(0..<min(relevant, cutoff))
    }
    for (place, cutoff) in Self.curveCutoffs.enumerated() {
      curveSums[place].recall += count(cutoff) / Double(relevant)
      curveSums[place].ndcg += ndcg(cutoff)
    }
    let first = hits.prefix(Self.rankCutoff).firstIndex(of: true)
    sums["mrr@\(Self.rankCutoff)", default: 0] += first.map { 1 / Double($0 + 1) } ?? 0
    sums[Self.ndcgName, default: 0] += ndcg(Self.rankCutoff)
    var (correct, precisions) = (0.0, 0.0)
    for (place, isRelevant) in hits.prefix(Self.deepest).enumerated() where isRelevant {
      correct += 1
      precisions += correct / Double(place + 1)
    }
    sums["map@\(Self.deepest)", default: 0] += precisions / Double(min(Self.deepest, relevant))
  }

  /// Recall and nDCG of those that stand before a place, the means over queries, for several places.
  public var curve: [(cutoff: Int, recall: Double, ndcg: Double)] {
    zip(Self.curveCutoffs, curveSums).map { cutoff, sum in
      (cutoff, sum.recall / Double(max(1, queries)), sum.ndcg / Double(max(1, queries)))
    }
  }

  /// The scores by name, such as `ndcg@10`; empty without queries.
  public var means: [String: Double] { sums.mapValues { $0 / Double(max(1, queries)) } }

  public static func == (left: Self, right: Self) -> Bool {
    left.queries == right.queries && left.sums == right.sums
      && left.curveSums.elementsEqual(right.curveSums) { $0 == $1 }
  }
}
