import GraftCore
import GraftData
import GraftTensors

/// Rows of the training data that a run is evaluated on, and not trained.
///
/// Where every row has one class, each class gives its share: the whole part of it, and the largest rests one more. A class
/// keeps a row to train on. Which rows of a class are taken follows from the seed and their number alone.
struct DataSplit: Equatable {
  /// In the data's order.
  let training: [Int]
  let evaluation: [Int]
  /// The classes that have rows, but none to evaluate on.
  let missing: [Int32]

  static let fileName = "eval_split.json"

  /// - Parameters:
  ///   - labels: What the task made of each row's label.
  ///   - count: The number of rows.
  ///   - options: The share, and the seed.
  /// - Throws: `GraftError` when there are too few rows for two parts.
  init(_ labels: [(any ExampleLabel)?], count: Int, _ options: TrainingOptions) throws {
    let wanted = options.evaluationRows(of: count)
    guard wanted > 0, wanted < count else {
      throw GraftError(
        .mismatch, "too few rows for a part to train on and one to evaluate on", option: "eval-split",
        expected: "at least 2", found: "\(count)")
    }
    let classes = labels.compactMap { ($0 as? ClassLabel)?.index }
    let rows = Dictionary(grouping: 0..<count) { classes.count == count ? classes[$0] : 0 }
      .sorted { $0.key < $1.key }
    var quotas = rows.map { $0.value.count * wanted / count }
    let rests = rows.indices.sorted { first, second in
      let (a, b) = (rows[first].value.count * wanted % count, rows[second].value.count * wanted % count)
      return a == b ? first < second : a > b
    }
    // Rests first; then, when classes of one row give nothing, whoever has rows left.
    for index in rests + rests where quotas.reduce(0, +) < wanted {
      if quotas[index] < rows[index].value.count - 1 { quotas[index] += 1 }
    }
    let randomness = Randomness(options.seed)
    var taken: Set<Int> = []
    for (index, own) in rows.enumerated() {
      let order = randomness.split(class: Int(own.key), count: own.value.count)
      let most = rows.count > 1 ? own.value.count - 1 : own.value.count
      taken.formUnion(order.prefix(min(quotas[index], most)).map { own.value[$0] })
    }
    guard !taken.isEmpty else {
      throw GraftError(
        .mismatch, "each label has one row, which is trained on", option: "eval-split",
        expected: "a label of 2 rows")
    }
    evaluation = taken.sorted()
    training = (0..<count).filter { !taken.contains($0) }
    missing = classes.count == count ? rows.filter { taken.isDisjoint(with: $0.value) }.map(\.key) : []
  }

  /// The text of the run's record of it. Rows are counted from 0.
  func document(_ options: TrainingOptions) -> String {
    let document: JSON = [
      "eval-split": JSON(options.evalSplit ?? 0), "seed": .number(String(options.seed)),
      "rows": JSON(training.count + evaluation.count), "eval_rows": .array(evaluation.map { JSON($0) }),
    ]
    return document.text() + "\n"
  }
}

extension TrainingOptions {
  /// How many of the training data's rows are evaluated on and not trained.
  package func evaluationRows(of count: Int) -> Int {
    evalSplit.map { Int((Double(count) * $0).rounded(.up)) } ?? 0
  }
}

extension TrainingData {
  /// Some of the rows.
  package func rows(at indices: [Int]) -> TrainingData {
    var part = self
    part.rows = indices.map { rows[$0] }
    return part
  }
}
