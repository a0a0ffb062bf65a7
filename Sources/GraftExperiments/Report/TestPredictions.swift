import Foundation
import GraftCore
import GraftKit
import GraftTensors
import OrderedCollections

/// The predictions of one evaluation, as ``PredictionFile`` wrote them.
struct TestPredictions {
  let rows: [Row]
  /// The names of the classes, labels or values.
  let names: [String]
  /// Of single labels.
  let confusion: ConfusionMatrix?
  /// The metric that the task says, with the terms of its rows.
  private let own: TestMetric?

  struct Row {
    let row: Int
    let text: String
    let answer: Answer

    /// What the data say, and what the model said.
    enum Answer {
      case classes(label: Int, prediction: Int)
      /// Whether each of several labels is there.
      case labels(label: [Bool], prediction: [Bool])
      /// The values of a regression; NaN where the model gave no number.
      case values(label: [Double], prediction: [Double])
      /// What a row adds to the score that the task says, and what the data and the model say in words.
      case scored([Double], label: String, prediction: String)
    }

    /// Whether it has the right class, or all labels right.
    var isRight: Bool {
      switch answer {
      case .classes(let label, let prediction): label == prediction
      case .labels(let label, let prediction): label == prediction
      case .values, .scored: false
      }
    }

    /// How well it was answered: 1 or 0 for a class, the share of labels that are right, the negative mean squared error;
    /// where the task says more of its rows, their score, and 1 where there was nothing to find and nothing was found.
    func quality(_ metric: TestMetric) -> Double {
      switch answer {
      case .scored(let terms, _, _):
        switch metric.rule {
        case .f1: terms[1] > 0 ? 2 * terms[0] / terms[1] : 1
        case .mean: terms[0]
        // One pair alone has no rank.
        case .spearman, nil: 0
        }
      case .classes(let label, let prediction): label == prediction ? 1 : 0
      case .labels(let label, let prediction):
        Double(zip(label, prediction).count { $0 == $1 }) / Double(max(1, label.count))
      case .values(let label, let prediction):
        -zip(label, prediction).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / Double(max(1, label.count))
      }
    }
  }

  /// The metric that they are compared by.
  var metric: TestMetric {
    if let own { return own }
    return switch rows.first?.answer {
    case .labels: .f1Micro
    case .values: .r2
    case .classes, .scored, nil: .accuracy
    }
  }

  /// Reads the lines of a file.
  ///
  /// - Parameters:
  ///   - file: What an evaluation wrote.
  ///   - results: Of the same evaluation; they say what rows with several numbers mean, and the names.
  ///   - known: The names where the results have none.
  /// - Returns: `nil` when its labels are neither classes, nor several labels, nor values.
  /// - Throws: `GraftError` naming the line that is not a prediction.
  init?(reading file: URL, _ results: JSON, known: [String]) throws {
    let bytes = try RandomAccessFile(file).bytesOfWholeFile(limit: 1 << 31)
    let own = results["row_scores"].flatMap { TestMetric($0) }
    var rows: [Row] = []
    for (index, line) in bytes.split(separator: UInt8(ascii: "\n")).enumerated() {
      func malformed(_ problem: String) -> GraftError {
        GraftError(.malformed, problem, file: file.path, subject: "line \(index + 1)")
      }
      let json: JSON
      do { json = try JSON(parsing: line) } catch { throw malformed("not a JSON object") }
      guard let row = json["row"]?.int, let text = json["text"]?.string, let label = json["label"],
        let prediction = json["prediction"]
      else { throw malformed("not a prediction") }
      if let own {
        guard let answer = Row.Answer(json["row_score"], own.rule) else {
          throw malformed("not the score of a row")
        }
        // A row without terms counts with another one.
        if answer.width != 0 { rows.append(Row(row: row, text: text, answer: answer)) }
        continue
      }
      let isRegression = results["eval_mse"] != nil
      if label.array != nil, !isRegression, results["eval_f1_micro"] == nil { return nil }
      guard let answer = Row.Answer(label, prediction, isRegression: isRegression) else {
        throw malformed("not a prediction")
      }
      rows.append(Row(row: row, text: text, answer: answer))
    }
    guard let first = rows.first else { throw GraftError(.malformed, "has no predictions", file: file.path) }
    let width = first.answer.width
    guard rows.allSatisfy({ $0.answer.width == width }) else {
      throw GraftError(.malformed, "has rows of different kinds", file: file.path)
    }
    guard own == nil else {
      self.init(rows, names: [], metric: own)
      return
    }
    let labels = (results["classes"] ?? results["outputs"])?.array?.compactMap { $0["label"]?.string } ?? []
    let names = labels.isEmpty ? known : labels
    if let width {
      let isNamed = Set(names).count == width && names.count == width
      self.init(rows, names: isNamed ? names : (0..<width).map { "output \($0)" })
    } else {
      let classes = 1 + (rows.map(\.answer.largestClass).max() ?? 0)
      self.init(rows, names: names + (names.count..<max(classes, names.count)).map { "class \($0)" })
    }
  }

  /// - Parameters:
  ///   - rows: In the order of the data.
  ///   - names: Of all classes, labels or values.
  ///   - metric: What the task says that they are scored by.
  init(_ rows: [Row], names: [String], metric: TestMetric? = nil) {
    (self.rows, self.names, own) = (rows, names, metric)
    guard case .classes? = rows.first?.answer else {
      confusion = nil
      return
    }
    var confusion = ConfusionMatrix(classes: names.count)
    for case .classes(let label, let prediction) in rows.lazy.map(\.answer) {
      confusion.add(actual: label, predicted: prediction)
    }
    self.confusion = confusion
  }

  /// The same with classes numbered by other names, among which its own are. Labels and values stay as they are.
  func numbered(by all: [String]) -> TestPredictions {
    guard confusion != nil, names != all else { return self }
    let places = Dictionary(zip(all, all.indices), uniquingKeysWith: { first, _ in first })
    let numbers = names.map { places[$0] ?? 0 }
    let renumbered = rows.map { row in
      guard case .classes(let label, let prediction) = row.answer else { return row }
      return Row(
        row: row.row, text: row.text,
        answer: .classes(label: numbers[label], prediction: numbers[prediction]))
    }
    return TestPredictions(renumbered, names: all)
  }

  /// The predictions of several parts of the data as one, in the order of the rows; `nil` when they are of different kinds.
  static func joined(_ parts: [TestPredictions]) -> TestPredictions? {
    let names = OrderedSet(parts.flatMap(\.names)).elements
    guard let first = parts.first, parts.allSatisfy({ $0.metric == first.metric }),
      first.confusion != nil || parts.allSatisfy({ $0.names == first.names })
    else { return nil }
    let rows = parts.flatMap { $0.numbered(by: names).rows }
    let order = rows.indices.sorted { (rows[$0].row, $0) < (rows[$1].row, $1) }
    return TestPredictions(order.map { rows[$0] }, names: names, metric: first.own)
  }

  /// Whether two evaluations were on the same rows, in the same order.
  func isOnTheSameRows(as other: TestPredictions) -> Bool {
    rows.count == other.rows.count
      && zip(rows, other.rows).allSatisfy {
        $0.row == $1.row && $0.text == $1.text && $0.answer.hasLabel(of: $1.answer)
      }
  }

  /// Whether all that was predicted are numbers.
  var areNumbers: Bool {
    rows.allSatisfy { row in
      switch row.answer {
      case .values(_, let prediction): prediction.allSatisfy(\.isFinite)
      case .scored(let terms, _, _): terms.allSatisfy(\.isFinite)
      case .classes, .labels: true
      }
    }
  }

  /// The mean of each value that the data say, of a regression.
  var centre: [Double] {
    var sums: [Double] = []
    for case .values(let label, _) in rows.lazy.map(\.answer) {
      if sums.isEmpty { sums = label.map { _ in 0 } }
      for index in label.indices { sums[index] += label[index] }
    }
    return sums.map { $0 / Double(max(1, rows.count)) }
  }

  /// What goes into the metric's sums, for each row.
  func terms(_ metric: TestMetric, centre: [Double]) -> [[Double]] {
    rows.map { metric.terms(of: $0, centre: centre) }
  }

  /// The predictions and targets whose ranks are compared.
  var pairs: [(prediction: Double, target: Double)] {
    rows.compactMap { row in
      if case .scored(let terms, _, _) = row.answer { (terms[0], terms[1]) } else { nil }
    }
  }

  /// The metric of all rows; `nil` where it is not defined: R² of a single row, and of what is no number.
  var score: Double? {
    guard metric != .r2 || rows.count > 1 && areNumbers else { return nil }
    if metric.rule == .spearman {
      let scores = RegressionScores.Scores(predictions: pairs.map(\.prediction), targets: pairs.map(\.target))
      return areNumbers ? scores.spearman : nil
    }
    let terms = terms(metric, centre: centre)
    var sums = [Double](repeating: 0, count: terms.first?.count ?? 0)
    for row in terms { for (index, value) in row.enumerated() { sums[index] += value } }
    return metric.value(sums, rows.count)
  }

  /// How well each class or label is told in several evaluations together, by name; of a regression nothing.
  static func scores(of tests: [TestPredictions]) -> [String: ConfusionMatrix.Scores] {
    guard let first = tests.first, tests.allSatisfy({ $0.names == first.names }) else { return [:] }
    if var sum = first.confusion {
      for test in tests.dropFirst() { if let other = test.confusion { sum.add(other) } }
      return Dictionary(zip(first.names, sum.scores), uniquingKeysWith: { one, _ in one })
    }
    var all = MultiLabelScores(thresholds: first.names.map { _ in 0.5 })
    for case .labels(let label, let prediction) in tests.lazy.flatMap(\.rows).map(\.answer) {
      all.add(prediction.map { $0 ? 1 : 0 }, targets: label.map { $0 ? 1 : 0 })
    }
    guard all.count > 0 else { return [:] }
    return Dictionary(zip(first.names, all.scores), uniquingKeysWith: { one, _ in one })
  }
}

extension TestPredictions.Row.Answer {
  /// More classes than any task has.
  private static let mostClasses = 1_000_000

  /// - Returns: `nil` when they are not what a head predicts.
  fileprivate init?(_ label: JSON, _ prediction: JSON, isRegression: Bool) {
    guard let labels = label.array else {
      guard let label = label.int, let prediction = prediction.int,
        (0..<Self.mostClasses).contains(label), (0..<Self.mostClasses).contains(prediction)
      else { return nil }
      self = .classes(label: label, prediction: prediction)
      return
    }
    // Numbers are those of float32, as the scores of the evaluation have them.
    let (right, given) = (
      labels.compactMap(\.double).map { Double(Float($0)) },
      (prediction.array ?? []).map { $0.double.map { Double(Float($0)) } ?? .nan }
    )
    guard !right.isEmpty, right.count == labels.count, given.count == right.count else { return nil }
    if isRegression {
      self = .values(label: right, prediction: given)
    } else {
      guard given.allSatisfy(\.isFinite) else { return nil }
      self = .labels(label: right.map { $0 > 0.5 }, prediction: given.map { $0 > 0.5 })
    }
  }

  /// - Parameter score: The `row_score` of a line.
  /// - Returns: `nil` when it is none, or has not as many terms as the rule wants.
  fileprivate init?(_ score: JSON?, _ rule: RowScores.Rule?) {
    let terms = score?["terms"]?.array?.map(\.double) ?? [nil]
    let numbers = terms.compactMap(\.self)
    guard let label = score?["label"]?.string, let prediction = score?["prediction"]?.string,
      numbers.count == terms.count, [0, rule == .mean ? 1 : 2].contains(numbers.count)
    else { return nil }
    self = .scored(numbers, label: label, prediction: prediction)
  }

  /// How many labels or values there are; `nil` of a class.
  fileprivate var width: Int? {
    switch self {
    case .classes: nil
    case .labels(let label, _): label.count
    case .values(let label, _): label.count
    case .scored(let terms, _, _): terms.count
    }
  }

  fileprivate var largestClass: Int {
    if case .classes(let label, let prediction) = self { max(label, prediction) } else { 0 }
  }

  /// Whether the data say the same about a row.
  fileprivate func hasLabel(of other: Self) -> Bool {
    switch (self, other) {
    case (.classes(let one, _), .classes(let two, _)): one == two
    case (.labels(let one, _), .labels(let two, _)): one == two
    case (.values(let one, _), .values(let two, _)): one == two
    case (.scored(_, let one, _), .scored(_, let two, _)): one == two
    default: false
    }
  }
}
