import GraftCompute

/// Running sums of a head's scores over an evaluation.
public struct Metrics: Sendable, Equatable {
  private var sums: [String: (total: Double, weight: Double)] = [:]
  /// Of a head that gives every example one of a few classes: which it gave.
  public private(set) var confusion: ConfusionMatrix?

  public init() {}

  /// Adds `total`, the sum of a quantity over `weight` predictions.
  public mutating func add(_ name: String, total: Double, weight: Double) {
    let old = sums[name] ?? (0, 0)
    sums[name] = (old.total + total, old.weight + weight)
  }

  /// Adds the classes that examples have and were given; ``means`` then has accuracy, precision, recall and F1.
  ///
  /// - Parameters:
  ///   - actual: The class of each example; one of `Tape.ignoredClass` does not count.
  ///   - predicted: The class that each example was given.
  ///   - classes: How many there are.
  public mutating func add(actual: [Int32], predicted: [Int32], classes: Int) {
    var matrix = confusion ?? ConfusionMatrix(classes: classes)
    for (actual, predicted) in zip(actual, predicted) where actual != Tape.ignoredClass {
      matrix.add(actual: Int(actual), predicted: Int(predicted))
    }
    confusion = matrix
  }

  /// The mean of each quantity, such as `accuracy`.
  public var means: [String: Double] {
    var means = sums.compactMapValues { $0.weight > 0 ? $0.total / $0.weight : nil }
    if let confusion, confusion.total > 0 {
      let macro = confusion.macro
      means["accuracy"] = confusion.accuracy
      means["precision_macro"] = macro.precision
      means["recall_macro"] = macro.recall
      means["f1_macro"] = macro.f1
    }
    return means
  }

  public static func == (left: Metrics, right: Metrics) -> Bool {
    left.means == right.means && left.confusion == right.confusion
  }
}
