import GraftCompute

/// Running sums of a head's scores over an evaluation.
public struct Metrics: Sendable, Equatable {
  private var sums: [String: (total: Double, weight: Double)] = [:]
  /// Of a head that gives every example one of a few classes: which it gave.
  public private(set) var confusion: ConfusionMatrix?
  /// Of a head that finds things in rows, such as entities: how many of each kind there are and were found.
  public private(set) var kinds: KindCounts?
  /// Of a classifier of single labels: how good its probabilities are.
  private var probabilities: ProbabilityScores?
  /// Of a classifier of several labels: their probabilities.
  public private(set) var multiLabel: MultiLabelScores?
  /// Of a regression: its values.
  public private(set) var regression: RegressionScores?

  public init() {}

  /// Adds `total`, the sum of a quantity over `weight` predictions.
  public mutating func add(_ name: String, total: Double, weight: Double) {
    let old = sums[name] ?? (0, 0)
    sums[name] = (old.total + total, old.weight + weight)
  }

  /// Adds the classes that examples have and were given; ``means`` then has accuracy, balanced accuracy, precision,
  /// recall, F1 and Matthews' correlation.
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

  /// Adds the classes that examples have with the scores of all classes; ``means`` then also has the log loss, the
  /// expected calibration error and, of many classes, the top-k accuracies.
  ///
  /// - Parameters:
  ///   - actual: The class of each example; one of `Tape.ignoredClass` does not count.
  ///   - logits: `[examples, classes]`; the first of the largest is the class that an example is given.
  public mutating func add(actual: [Int32], logits: Tensor) {
    let (predicted, classes) = (logits.largestColumns, logits.columns)
    add(actual: actual, predicted: predicted, classes: classes)
    var sums = probabilities ?? ProbabilityScores(classes: classes)
    for (row, (actual, predicted)) in zip(actual, predicted).enumerated() where actual != Tape.ignoredClass {
      sums.add(
        logits.buffer[(row * classes)..<((row + 1) * classes)], actual: Int(actual), predicted: Int(predicted)
      )
    }
    probabilities = sums
  }

  /// Adds examples that may have any number of labels; ``means`` then has subset accuracy, Hamming loss, average
  /// precision, and precision, recall and F1 over all decisions, labels and examples.
  ///
  /// - Parameters:
  ///   - probabilities: `[examples, labels]`.
  ///   - targets: Likewise; a label is there when its number is above 0.5.
  ///   - thresholds: One for each label: above it the label is given. Those of the first call count.
  public mutating func add(
    probabilities: some Collection<Float>, targets: some Collection<Float>, thresholds: [Float]
  ) {
    var scores = multiLabel ?? MultiLabelScores(thresholds: thresholds)
    multiLabel = nil
    scores.add(probabilities, targets: targets)
    multiLabel = scores
  }

  /// Adds the values of a regression; ``means`` then has mean squared and absolute error, R², and Pearson's and
  /// Spearman's correlation, each the mean over outputs.
  ///
  /// - Parameters:
  ///   - values: `[examples, outputs]`.
  ///   - targets: Likewise.
  ///   - outputs: How many values an example has.
  public mutating func add(
    values: some Collection<Float>, targets: some Collection<Float>, outputs: Int
  ) {
    var scores = regression ?? RegressionScores(outputs: outputs)
    regression = nil
    scores.add(values, targets: targets)
    regression = scores
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
      means["balanced_accuracy"] = confusion.balancedAccuracy
      means["matthews_correlation"] = confusion.matthewsCorrelation
      means["precision_macro"] = macro.precision
      means["recall_macro"] = macro.recall
      means["f1_macro"] = macro.f1
    }
    for own in [probabilities?.means, multiLabel?.means, regression?.means].compactMap({ $0 }) {
      means.merge(own) { $1 }
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
      && left.multiLabel == right.multiLabel && left.regression == right.regression
  }
}
