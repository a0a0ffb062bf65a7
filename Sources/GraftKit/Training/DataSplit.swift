import GraftCore
import GraftData
import GraftTensors
import OrderedCollections

/// Rows of the training data that a run is evaluated on, and not trained; see ``StratifiedSplit``.
struct DataSplit: Equatable {
  /// In the data's order.
  let training: [Int]
  let evaluation: [Int]
  /// The classes that have rows, but none to evaluate on.
  let missing: [Int32]

  private static let stem = "eval_split"

  /// The name of the run's record, of one of several heads where it is named.
  static func fileName(of head: String? = nil) -> String {
    "\(head.map { "\(stem)-\($0)" } ?? stem).json"
  }

  /// Whether a file is such a record.
  static func isRecord(_ name: String) -> Bool { name.hasPrefix(stem) && name.hasSuffix(".json") }

  /// - Parameters:
  ///   - labels: What the task made of each row's label.
  ///   - count: The number of rows.
  ///   - options: The share, and the seed.
  /// - Throws: `GraftError` when there are too few rows for two parts.
  init(_ labels: [(any ExampleLabel)?], count: Int, _ options: TrainingOptions) throws {
    try options.checkSplit(of: count)
    let wanted = options.evaluationRows(of: count)
    let classes = labels.compactMap { ($0 as? ClassLabel)?.index }
    let hasClasses = classes.count == count
    let split = StratifiedSplit(
      hasClasses ? classes.map(Int.init) : [Int](repeating: 0, count: count), heldOut: wanted,
      seed: options.seed)
    guard !split.heldOut.isEmpty else {
      throw GraftError(
        .mismatch, "each label has one row, which is trained on", option: "eval-split",
        expected: "a label of 2 rows")
    }
    (training, evaluation) = (split.others, split.heldOut)
    missing = hasClasses ? split.missing.map { Int32($0) } : []
  }

  /// The text of the run's record of it. Rows are counted from 0: among those that the run has, and, where that is another
  /// number, in their file.
  ///
  /// - Parameter rows: All of them.
  func document(_ options: TrainingOptions, of rows: [TextRow]) -> String {
    var document: OrderedDictionary<String, JSON> = [
      "eval-split": JSON(options.evalSplit ?? 0), "seed": .number(String(options.seed)),
      "rows": JSON(training.count + evaluation.count), "eval_rows": .array(evaluation.map { JSON($0) }),
    ]
    let places = evaluation.map { rows[$0].place }
    if places.allSatisfy({ !$0.file.isEmpty }), places.map(\.index) != evaluation {
      document["eval_file_rows"] = .array(places.map { JSON($0.index) })
      if Set(places.map(\.file)).count > 1 {
        document["eval_files"] = .array(places.map { .string($0.file) })
      }
    }
    return JSON.object(document).text() + "\n"
  }
}

extension TrainingOptions {
  /// How many of the training data's rows are evaluated on and not trained.
  package func evaluationRows(of count: Int) -> Int {
    evalSplit.map { Int((Double(count) * $0).rounded(.up)) } ?? 0
  }

  /// Makes sure that a split of so many rows leaves some on both sides.
  package func checkSplit(of count: Int) throws {
    guard evalSplit != nil, !(1..<max(1, count)).contains(evaluationRows(of: count)) else { return }
    throw GraftError(
      .mismatch, "too few rows for a part to train on and one to evaluate on", option: "eval-split",
      expected: "at least 2", found: "\(count)")
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
