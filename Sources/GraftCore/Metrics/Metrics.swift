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
  /// Of a classifier that scores pairs of texts: their scores.
  public private(set) var pairs: PairScores?

  /// Of vectors for texts: how well positives are found among all texts, for the curve over how many are looked at.
  public private(set) var retrieval: RetrievalScores?

  /// Of which numbers of the most likely classes the right one may be any, for top-k accuracies.
  private let topRanks: [Int]

  /// - Parameter topRanks: The k of top-k accuracies.
  public init(topRanks: [Int] = ProbabilityScores.usualRanks) { self.topRanks = topRanks }

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
    var sums = probabilities ?? ProbabilityScores(classes: classes, ranks: topRanks)
    for (row, (actual, predicted)) in zip(actual, predicted).enumerated() where actual != Tape.ignoredClass {
      sums.add(
        logits.buffer[(row * classes)..<((row + 1) * classes)], actual: Int(actual), predicted: Int(predicted)
      )
    }
    probabilities = sums
  }

  /// Adds an example that is one of several choices of its own, with their scores; ``means`` then has accuracy, log loss
  /// and the expected calibration error.
  ///
  /// - Parameters:
  ///   - actual: The number of the right choice.
  ///   - logits: One for each choice; the first of the largest is what was chosen.
  public mutating func add(choice actual: Int, logits: some Collection<Float>) {
    let logits = Array(logits)
    let predicted = logits.indices.max { (logits[$0], $1) < (logits[$1], $0) } ?? 0
    add("accuracy", total: predicted == actual ? 1 : 0, weight: 1)
    var sums = probabilities ?? ProbabilityScores(classes: 0, ranks: [])
    sums.add(logits, actual: actual, predicted: predicted)
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

  /// Adds pairs of texts that were scored; ``means`` then has what ``PairScores/means`` has.
  public mutating func add(pairs added: some Sequence<PairScores.Pair>) {
    var scores = pairs ?? PairScores()
    pairs = nil
    scores.add(added)
    pairs = scores
  }

  /// Sets how well texts were found for queries; ``means`` has nothing of it, for names depend on how vectors are compared.
  public mutating func set(retrieval scores: RetrievalScores) { retrieval = scores }

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
    for own in [probabilities?.means, multiLabel?.means, regression?.means, pairs?.means].compactMap({ $0 }) {
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
      && left.pairs == right.pairs && left.retrieval == right.retrieval
  }
}

extension Metrics {
  /// What is added up of a batch, where that is all that there is of it: other ranks need no more.
  package struct Counts: Sendable, Codable {
    fileprivate struct Sum: Codable {
      let total: Double
      let weight: Double
    }
    fileprivate let sums: [String: Sum]
    fileprivate let confusion: ConfusionMatrix?
    fileprivate let kinds: KindCounts?
  }

  /// `nil` where single examples are kept, or sums that depend on their order.
  package var counts: Counts? {
    guard probabilities == nil, multiLabel == nil, regression == nil, pairs == nil, retrieval == nil else {
      return nil
    }
    return Counts(
      sums: sums.mapValues { Counts.Sum(total: $0.total, weight: $0.weight) }, confusion: confusion,
      kinds: kinds)
  }

  /// Adds what another rank has added up.
  package mutating func add(_ counts: Counts) {
    for (name, sum) in counts.sums { add(name, total: sum.total, weight: sum.weight) }
    if let theirs = counts.confusion {
      var matrix = confusion ?? ConfusionMatrix(classes: theirs.classes)
      matrix.add(theirs)
      confusion = matrix
    }
    if let theirs = counts.kinds { add(theirs) }
  }

  /// The names that ``means`` may have of classes without their scores.
  public static let namesOfClasses: Set<String> = [
    "accuracy", "balanced_accuracy", "matthews_correlation", "precision_macro", "recall_macro", "f1_macro",
  ]

  /// The names that ``means`` may have of classes with their scores.
  ///
  /// - Parameters:
  ///   - count: How many classes there are.
  ///   - topRanks: The k of top-k accuracies.
  public static func namesOfClasses(scored count: Int, topRanks: [Int]) -> Set<String> {
    namesOfClasses.union(ProbabilityScores.names(classes: count, ranks: topRanks))
  }

  /// The names that ``means`` may have of choices.
  public static let namesOfChoices: Set<String> = ["accuracy", "log_loss", "expected_calibration_error"]

  /// The names that ``means`` may have of several labels.
  public static let namesOfSeveralLabels: Set<String> = Set(
    ["subset_accuracy", "hamming_loss", "average_precision_macro", "average_precision_micro"]
      + names(with: ["_micro", "_macro", "_samples"]))

  /// The names that ``means`` may have of a regression. What is not defined, such as a correlation with constants, is
  /// left out of an evaluation.
  public static let namesOfValues: Set<String> = ["mse", "mae", "r2", "pearson", "spearman"]

  /// The names that ``means`` may have of things that are found in rows.
  public static let namesOfKinds = Set(names(with: ["", "_macro", "_weighted"]))

  private static func names(with suffixes: [String]) -> [String] {
    suffixes.flatMap { suffix in ["precision", "recall", "f1"].map { "\($0)\(suffix)" } }
  }
}
