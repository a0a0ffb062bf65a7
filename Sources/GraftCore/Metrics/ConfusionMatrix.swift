/// How often an example of each class was given each class.
///
/// Scores are those of scikit-learn's `precision_recall_fscore_support`: a quotient without a denominator is 0,
/// and a macro average is over the classes that occur among the labels or the predictions.
///
/// https://scikit-learn.org/stable/modules/model_evaluation.html
public struct ConfusionMatrix: Sendable, Equatable, Codable {
  /// The number of classes.
  public let classes: Int
  /// By actual and predicted class; pairs that did not occur take no memory, however many classes there are.
  private var counts: [SIMD2<Int32>: Int] = [:]

  /// A matrix of zeros.
  public init(classes: Int) { self.classes = classes }

  /// Counts an example.
  ///
  /// - Precondition: both are in `0 ..< classes`.
  public mutating func add(actual: Int, predicted: Int, count: Int = 1) {
    precondition((0..<classes).contains(actual) && (0..<classes).contains(predicted))
    counts[SIMD2(Int32(actual), Int32(predicted)), default: 0] += count
  }

  /// Adds the counts of another matrix.
  ///
  /// - Precondition: it has as many classes.
  public mutating func add(_ other: ConfusionMatrix) {
    precondition(other.classes == classes)
    counts.merge(other.counts, uniquingKeysWith: +)
  }

  /// How many examples of one class were given the other.
  public subscript(actual actual: Int, predicted predicted: Int) -> Int {
    counts[SIMD2(Int32(actual), Int32(predicted))] ?? 0
  }

  /// The number of examples.
  public var total: Int { counts.values.reduce(0, +) }

  /// The counts, `[actual][predicted]`.
  public var rows: [[Int]] {
    var rows = [[Int]](repeating: [Int](repeating: 0, count: classes), count: classes)
    for (pair, count) in counts { rows[Int(pair.x)][Int(pair.y)] = count }
    return rows
  }

  /// The share of examples that were given their own class.
  public var accuracy: Double {
    let hits = counts.reduce(0) { $0 + ($1.key.x == $1.key.y ? $1.value : 0) }
    return Double(hits) / Double(max(1, total))
  }

  /// The mean recall of the classes that examples have, as `balanced_accuracy_score` has it.
  public var balancedAccuracy: Double {
    let recalls = scores.filter { $0.support > 0 }.map(\.recall)
    return recalls.reduce(0, +) / Double(max(1, recalls.count))
  }

  /// The correlation of actual and predicted classes, as `matthews_corrcoef` has it: 0 where one of them is constant.
  /// Gorodkin, Computational Biology and Chemistry 28, 2004.
  public var matthewsCorrelation: Double {
    let (actual, predicted, hits) = sums
    let total = Double(actual.reduce(0, +))
    func product(_ first: [Int], _ second: [Int]) -> Double {
      zip(first, second).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    let both = Double(hits.reduce(0, +)) * total - product(actual, predicted)
    let spread = (total * total - product(predicted, predicted)) * (total * total - product(actual, actual))
    return spread == 0 ? 0 : both / spread.squareRoot()
  }

  /// How many examples are of each class, were given it, and both.
  private var sums: (actual: [Int], predicted: [Int], hits: [Int]) {
    let none = [Int](repeating: 0, count: classes)
    var (actual, predicted, hits) = (none, none, none)
    for (pair, count) in counts {
      actual[Int(pair.x)] += count
      predicted[Int(pair.y)] += count
      if pair.x == pair.y { hits[Int(pair.x)] += count }
    }
    return (actual, predicted, hits)
  }

  /// How well one class is told from the others, or the mean over classes.
  public struct Scores: Sendable, Equatable {
    /// The share of examples given the class that are of it.
    public var precision: Double
    /// The share of examples of the class that were given it.
    public var recall: Double
    /// The harmonic mean of both.
    public var f1: Double
    /// How many examples are of the class.
    public var support: Int
    /// Whether an example is of the class or was given it.
    var occurs: Bool

    /// The scores of how many examples are of the class and were given it, were given it, and are of it.
    package init(hits: Int, predicted: Int, actual: Int) {
      func share(_ count: Int, of whole: Int) -> Double { whole > 0 ? Double(count) / Double(whole) : 0 }
      precision = share(hits, of: predicted)
      recall = share(hits, of: actual)
      f1 = share(2 * hits, of: predicted + actual)
      support = actual
      occurs = predicted + actual > 0
    }

    /// What was computed before and written to a file.
    package init(precision: Double, recall: Double, f1: Double, support: Int) {
      (self.precision, self.recall, self.f1, self.support) = (precision, recall, f1, support)
      occurs = true
    }
  }

  /// The scores of each class.
  public var scores: [Scores] {
    let (actual, predicted, hits) = sums
    return (0..<classes).map { Scores(hits: hits[$0], predicted: predicted[$0], actual: actual[$0]) }
  }

  /// The mean scores of the classes that occur; the support is the number of examples.
  public var macro: Scores {
    let present = scores.filter(\.occurs)
    let count = Double(max(1, present.count))
    var mean = Scores(hits: 0, predicted: 0, actual: total)
    mean.precision = present.reduce(0) { $0 + $1.precision } / count
    mean.recall = present.reduce(0) { $0 + $1.recall } / count
    mean.f1 = present.reduce(0) { $0 + $1.f1 } / count
    return mean
  }
}
