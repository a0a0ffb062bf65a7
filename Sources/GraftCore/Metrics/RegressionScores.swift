/// The values that a regression predicted, with those that are right.
///
/// The errors and R² are scikit-learn's `mean_squared_error`, `mean_absolute_error` and `r2_score`, which of constant
/// values is 1 when all predictions are right and 0 otherwise; the correlations are SciPy's `pearsonr` and `spearmanr`.
/// What is not defined is not reported: correlations of constants, and of a single example also R².
public struct RegressionScores: Sendable, Equatable {
  /// How many values an example has.
  public let outputs: Int
  /// `[examples, outputs]`.
  private var predictions: [Float] = []
  private var targets: [Float] = []

  /// Scores of no examples.
  public init(outputs: Int) { self.outputs = outputs }

  /// Adds examples.
  ///
  /// - Parameters:
  ///   - predictions: `[examples, outputs]`.
  ///   - targets: Likewise.
  /// - Precondition: there are as many of both, a multiple of the outputs.
  public mutating func add(_ predictions: some Collection<Float>, targets: some Collection<Float>) {
    precondition(predictions.count == targets.count && predictions.count % max(1, outputs) == 0)
    self.predictions += predictions
    self.targets += targets
  }

  /// The scores of one output.
  public struct Scores: Sendable, Equatable {
    public let mse: Double
    public let mae: Double
    public let r2: Double?
    public let pearson: Double?
    public let spearman: Double?

    /// The scores of one output.
    ///
    /// - Precondition: There are as many predictions as targets, and at least one.
    public init(predictions: [Double], targets: [Double]) {
      let count = Double(targets.count)
      let errors = zip(predictions, targets).map { $0 - $1 }
      let squares = errors.reduce(0) { $0 + $1 * $1 }
      mse = squares / count
      mae = errors.reduce(0) { $0 + abs($1) } / count
      let spread = targets.centred.reduce(0) { $0 + $1 * $1 }
      r2 = targets.count < 2 ? nil : spread > 0 ? 1 - squares / spread : squares == 0 ? 1 : 0
      pearson = predictions.correlation(with: targets)
      spearman = predictions.ranks.correlation(with: targets.ranks)
    }

    /// The scores that are defined, by name.
    public var named: [(name: String, value: Double)] {
      [("mse", mse), ("mae", mae), ("r2", r2), ("pearson", pearson), ("spearman", spearman)]
        .compactMap { name, value in value.map { (name, $0) } }
    }
  }

  /// The scores of each output; none without examples.
  public var scores: [Scores] {
    guard !targets.isEmpty else { return [] }
    return (0..<outputs).map { output in
      func column(_ values: [Float]) -> [Double] {
        stride(from: output, to: values.count, by: outputs).map { Double(values[$0]) }
      }
      return Scores(predictions: column(predictions), targets: column(targets))
    }
  }

  /// The mean over outputs of each score that is defined for all of them.
  var means: [String: Double] {
    var sums: [String: (sum: Double, count: Int)] = [:]
    for (name, value) in scores.flatMap(\.named) {
      let old = sums[name] ?? (0, 0)
      sums[name] = (old.sum + value, old.count + 1)
    }
    return sums.filter { $0.value.count == outputs }.mapValues { $0.sum / Double(outputs) }
  }
}

extension [Double] {
  /// The distances to the mean.
  fileprivate var centred: [Double] {
    let mean = reduce(0, +) / Double(Swift.max(1, count))
    return map { $0 - mean }
  }

  /// Pearson's correlation; `nil` where one of both is constant.
  fileprivate func correlation(with other: [Double]) -> Double? {
    guard contains(where: { $0 != self[0] }), other.contains(where: { $0 != other[0] }) else { return nil }
    let (first, second) = (centred, other.centred)
    func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    let (one, two) = (norm(first), norm(second))
    let sum = zip(first, second).reduce(0) { $0 + $1.0 / one * ($1.1 / two) }
    return Swift.min(Swift.max(sum, -1), 1)
  }

  /// Ranks from 1; equal numbers share the mean of theirs.
  fileprivate var ranks: [Double] {
    let order = indices.sorted { self[$0] < self[$1] }
    var ranks = [Double](repeating: 0, count: count)
    var start = 0
    while start < count {
      var end = start + 1
      while end < count, self[order[end]] == self[order[start]] { end += 1 }
      for place in start..<end { ranks[order[place]] = Double(start + end + 1) / 2 }
      start = end
    }
    return ranks
  }
}
