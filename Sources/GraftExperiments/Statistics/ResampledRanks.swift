/// Predictions and targets whose rank correlation is wanted for many resamples of their rows.
///
/// Rows are sorted once; the ranks of a resample then follow from how often each row was drawn, in one pass.
struct ResampledRanks {
  private let predictions: Order
  private let targets: Order
  private let rows: Int

  /// - Parameter pairs: One for each row.
  init(_ pairs: [(prediction: Double, target: Double)]) {
    predictions = Order(pairs.map(\.prediction))
    targets = Order(pairs.map(\.target))
    rows = pairs.count
  }

  /// Spearman's correlation of the rows, each as often as it was drawn: SciPy's `spearmanr` of the resample. 0 where it is
  /// not defined, because one of both is constant.
  ///
  /// - Parameter counts: How often each row was drawn.
  func correlation(_ counts: [Int]) -> Double {
    let total = counts.reduce(0, +)
    let middle = Double(total + 1) / 2
    let (first, second) = (predictions.ranks(counts, less: middle), targets.ranks(counts, less: middle))
    var (product, one, two) = (0.0, 0.0, 0.0)
    for row in 0..<rows where counts[row] > 0 {
      let weight = Double(counts[row])
      product += weight * first[row] * second[row]
      one += weight * first[row] * first[row]
      two += weight * second[row] * second[row]
    }
    guard one > 0, two > 0 else { return 0 }
    return min(max(product / (one.squareRoot() * two.squareRoot()), -1), 1)
  }

  /// The rows in the order of their values.
  private struct Order {
    let rows: [Int]
    /// Whether a row has the value of the one before it.
    let isEqual: [Bool]

    init(_ values: [Double]) {
      let order = values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
      rows = order
      isEqual = order.indices.map { $0 > 0 && values[order[$0]] == values[order[$0 - 1]] }
    }

    /// The rank of each row, equal values sharing the mean of theirs, less a number.
    func ranks(_ counts: [Int], less middle: Double) -> [Double] {
      var ranks = [Double](repeating: 0, count: counts.count)
      var (before, start) = (0, 0)
      while start < rows.count {
        var (end, drawn) = (start + 1, counts[rows[start]])
        while end < rows.count, isEqual[end] {
          drawn += counts[rows[end]]
          end += 1
        }
        let rank = Double(before) + Double(drawn + 1) / 2 - middle
        for place in start..<end { ranks[rows[place]] = rank }
        (before, start) = (before + drawn, end)
      }
      return ranks
    }
  }
}
