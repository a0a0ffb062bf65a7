/// Decisions from the highest score to the lowest, and what is right of those above each score.
struct RankedDecisions {
  /// A distinct score, and how many decisions have at least that: all, and those that are right.
  struct Step {
    let score: Float
    let predicted: Int
    let hits: Int
  }

  private(set) var steps: [Step] = []
  /// How many decisions are right, and how many there are.
  let (actual, count): (Int, Int)

  init(_ decisions: [(score: Float, isActual: Bool)]) {
    (actual, count) = (decisions.count(where: \.isActual), decisions.count)
    var (predicted, hits) = (0, 0)
    for (score, isActual) in decisions.sorted(by: { $0.score > $1.score }) {
      predicted += 1
      hits += isActual ? 1 : 0
      if steps.last?.score == score { steps.removeLast() }
      steps.append(Step(score: score, predicted: predicted, hits: hits))
    }
  }

  /// The mean of the precisions, each as often as it adds recall: scikit-learn's `average_precision_score`, which is 0
  /// where nothing is right.
  var averagePrecision: Double {
    guard actual > 0 else { return 0 }
    var (sum, before) = (0.0, 0)
    for step in steps {
      sum += Double(step.hits - before) / Double(actual) * (Double(step.hits) / Double(step.predicted))
      before = step.hits
    }
    return sum
  }

  /// The threshold with the best F1 for probabilities, between the last that is predicted and the next; of equally good
  /// ones the nearest to a half. `nil` without anything to find.
  var bestThreshold: Float? {
    guard actual > 0 else { return nil }
    var best: (f1: Double, threshold: Float)?
    // Nothing can be above a threshold below 0.
    for (index, step) in steps.enumerated() where step.score > 0 {
      let f1 = Double(2 * step.hits) / Double(step.predicted + actual)
      let next = index + 1 < steps.count ? steps[index + 1].score : 0
      let middle = next + (step.score - next) / 2
      let threshold = middle < step.score ? middle : next
      let isNearer = abs(threshold - 0.5) < abs((best?.threshold ?? 0) - 0.5)
      if f1 > (best?.f1 ?? -1) || f1 == best?.f1 && isNearer { best = (f1, threshold) }
    }
    return best?.threshold
  }
}
