import Foundation

/// How the texts of one query are sorted by their scores, as sentence-transformers' `CrossEncoderRerankingEvaluator` and
/// scikit-learn have it. Where nothing is relevant every score is 0.
public struct TextRanking: Sendable, Equatable {
  /// The place up to which reciprocal rank and nDCG look.
  public static let cutoff = 10

  /// How many texts there are, and how many are relevant.
  public let (count, relevant): (Int, Int)
  /// 1 divided by the place of the first relevant text; 0 beyond ``cutoff``. Of equal scores the last comes first.
  public let reciprocalRank: Double
  /// The normalized discounted cumulative gain; equal scores share the mean of their gains, as in `ndcg_score`.
  public let ndcg: Double
  /// The mean of the precisions at the relevant texts, those with equal scores taken together.
  public let averagePrecision: Double

  /// - Parameter texts: In any order.
  public init(_ texts: [(score: Float, isRelevant: Bool)]) {
    let ranked = RankedDecisions(texts.map { ($0.score, $0.isRelevant) })
    (count, relevant) = (ranked.count, ranked.actual)
    averagePrecision = ranked.averagePrecision
    let order = texts.indices.sorted { (texts[$0].score, $0) > (texts[$1].score, $1) }
    let first = order.prefix(Self.cutoff).firstIndex { texts[$0].isRelevant }
    reciprocalRank = first.map { 1 / Double($0 + 1) } ?? 0
    func discounts(_ places: Range<Int>) -> Double {
      places.prefix { $0 < Self.cutoff }.reduce(0) { $0 + 1 / log2(Double($1 + 2)) }
    }
    var (sum, start, hits) = (0.0, 0, 0)
    for step in ranked.steps {
      sum += Double(step.hits - hits) / Double(step.predicted - start) * discounts(start..<step.predicted)
      (start, hits) = (step.predicted, step.hits)
    }
    ndcg = ranked.actual > 0 ? sum / discounts(0..<ranked.actual) : 0
  }
}
