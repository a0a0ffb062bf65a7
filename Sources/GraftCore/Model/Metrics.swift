import GraftCompute

/// Running sums of a head's scores over an evaluation.
public struct Metrics: Sendable, Equatable {
  private var sums: [String: (total: Double, weight: Double)] = [:]
  /// Of a head that gives every example one of a few classes: which it gave.
  public private(set) var confusion: ConfusionMatrix?
  /// Of a head that finds things in rows, such as entities: how many of each kind there are and were found.
  public private(set) var kinds: KindCounts?

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

  /// Adds what was found in rows; ``means`` then has precision, recall and F1 over all things (`f1`), the mean over
  /// kinds (`f1_macro`), and the mean weighted by how many there are of each (`f1_weighted`).
  public mutating func add(_ counts: KindCounts) {
    var sum = kinds ?? KindCounts()
    sum.add(counts)
    kinds = sum
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
    for (suffix, scores) in kinds?.averages ?? [] {
      means["precision\(suffix)"] = scores.precision
      means["recall\(suffix)"] = scores.recall
      means["f1\(suffix)"] = scores.f1
    }
    return means
  }

  public static func == (left: Metrics, right: Metrics) -> Bool {
    left.means == right.means && left.confusion == right.confusion && left.kinds == right.kinds
  }
}
