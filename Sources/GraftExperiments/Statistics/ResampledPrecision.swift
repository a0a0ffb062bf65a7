/// Decisions whose average precision is wanted for many resamples.
///
/// They are sorted once; the precisions of a resample then follow from how often each decision was drawn, in one pass.
struct ResampledPrecision {
  /// The decisions from the highest score to the lowest.
  private let order: [Int]
  /// In that order: whether each is right, and whether it has the score of the one before it.
  private let isActual: [Bool]
  private let isEqual: [Bool]

  /// - Parameter decisions: The score of each, and whether it is right.
  init(_ decisions: [(score: Double, isActual: Bool)]) {
    let order = decisions.indices.sorted { (-decisions[$0].score, $0) < (-decisions[$1].score, $1) }
    self.order = order
    isActual = order.map { decisions[$0].isActual }
    isEqual = order.indices.map { place in
      place > 0 && decisions[order[place]].score == decisions[order[place - 1]].score
    }
  }

  /// The mean of the precisions, each as often as it adds recall: scikit-learn's `average_precision_score` of the resample,
  /// which is 0 where nothing is right.
  ///
  /// - Parameter counts: How often each decision was drawn.
  func averagePrecision(_ counts: [Int]) -> Double {
    var (sum, predicted, hits, before) = (0.0, 0, 0, 0)
    for place in order.indices {
      let count = counts[order[place]]
      if !isEqual[place], hits > before {
        sum += Double(hits - before) * (Double(hits) / Double(predicted))
        before = hits
      }
      predicted += count
      if isActual[place] { hits += count }
    }
    if hits > before { sum += Double(hits - before) * (Double(hits) / Double(predicted)) }
    return hits > 0 ? sum / Double(hits) : 0
  }
}
