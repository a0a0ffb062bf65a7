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
  /// The name of the metric that the experiment says.
  private let chosen: String?

  /// Which row of the test data, from 0.
  struct Place: Equatable {
    let row: Int
    /// The file, where the data are in several: each counts its own rows.
    var file: String?

    /// As people count: `test row 46`, `test row 46 of part-2.csv`.
    var title: String { "test row \(row + 1)\(file.map { " of \($0)" } ?? "")" }
  }

  struct Row {
    let place: Place
    let text: String
    /// What stands beside the text: the second one of a pair, the context of a question.
    var pair: String?
    let answer: Answer
    /// The probability of each class, label or choice; none of what has no such.
    var scores: [Double] = []

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

    /// Whether it has the right class, or all labels right, or the full score.
    var isRight: Bool {
      switch answer {
      case .classes(let label, let prediction): label == prediction
      case .labels(let label, let prediction): label == prediction
      case .scored(let terms, _, _): terms == [1]
      case .values: false
      }
    }

    /// How well it was answered: 1 or 0 for a class, or for the log loss the logarithm of its probability; the share of
    /// labels that are right; the negative mean squared error; where the task says more of its rows, their score, and 1
    /// where there was nothing to find and nothing was found.
    func quality(_ metric: TestMetric) -> Double {
      switch answer {
      case .scored(let terms, _, _):
        switch metric.rule {
        case .f1: terms[1] > 0 ? 2 * terms[0] / terms[1] : 1
        case .mean: terms[0]
        // One pair alone has no rank.
        case .spearman, nil: 0
        }
      case .classes(let label, let prediction):
        metric.key == "log_loss" && scores.indices.contains(label)
          ? -ProbabilityScores.logLoss(scores[label]) : label == prediction ? 1 : 0
      case .labels(let label, let prediction):
        Double(zip(label, prediction).count { $0 == $1 }) / Double(max(1, label.count))
      case .values(let label, let prediction):
        -zip(label, prediction).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / Double(max(1, label.count))
      }
    }
  }

  /// The metric that they are compared by.
  var metric: TestMetric {
    guard let chosen, chosen != usual.key else { return usual }
    return TestMetric(named: chosen, unit: usual.unit)
  }

  /// The metric that they are compared by where the experiment does not say it.
  var usual: TestMetric {
    if let own { return own }
    return switch rows.first?.answer {
    case .labels: .f1Micro
    case .values: .r2
    case .classes, .scored, nil: .accuracy
    }
  }

  /// The same with another metric, by its name in results; `nil` is the usual one.
  func by(_ chosen: String?) -> TestPredictions {
    TestPredictions(rows, names: names, metric: own, by: chosen)
  }

  /// Whether each row is right or wrong: it has one class, or is one choice.
  var isRightOrWrong: Bool { confusion != nil || own?.key == TestMetric.accuracy.key }

  /// Reads the lines of a file.
  ///
  /// - Parameters:
  ///   - file: What an evaluation wrote.
  ///   - results: Of the same evaluation; they say what rows with several numbers mean, and the names.
  ///   - known: The names where the results have none.
  ///   - chosen: The metric that the experiment says.
  /// - Returns: `nil` when its labels are neither classes, nor several labels, nor values, or there are none.
  /// - Throws: `GraftError` naming the line that is not a prediction.
  init?(reading file: URL, _ results: JSON, known: [String], by chosen: String? = nil) throws {
    let bytes = try RandomAccessFile(file).bytesOfWholeFile(limit: 1 << 31)
    let own = results["row_scores"].flatMap { TestMetric($0) }
    var rows: [Row] = []
    for (index, line) in bytes.split(separator: UInt8(ascii: "\n")).enumerated() {
      func malformed(_ problem: String) -> GraftError {
        GraftError(.malformed, problem, file: file.path, subject: "line \(index + 1)")
      }
      let json: JSON
      func scores() -> [Double] { json["scores"]?.array?.map { $0.double ?? .nan } ?? [] }
      do { json = try JSON(parsing: line) } catch { throw malformed("not a JSON object") }
      guard let row = json["row"]?.int, (0..<Int.max).contains(row), let text = json["text"]?.string,
        let label = json["label"],
        let prediction = json["prediction"]
      else { throw malformed("not a prediction") }
      let (place, pair) = (Place(row: row, file: json["file"]?.string), json["pair"]?.string)
      if let own {
        guard let answer = Row.Answer(json["row_score"], own.rule) else {
          throw malformed("not the score of a row")
        }
        // A row without terms counts with another one.
        let kept = own.key == TestMetric.accuracy.key ? scores() : []
        if answer.width != 0 {
          rows.append(Row(place: place, text: text, pair: pair, answer: answer, scores: kept))
        }
        continue
      }
      // The task has labelled what it read by itself.
      if label == .null { return nil }
      let isRegression = results["eval_mse"] != nil
      if label.array != nil, !isRegression, results["eval_f1_micro"] == nil { return nil }
      guard let answer = Row.Answer(label, prediction, isRegression: isRegression) else {
        throw malformed("not a prediction")
      }
      rows.append(
        Row(place: place, text: text, pair: pair, answer: answer, scores: isRegression ? [] : scores()))
    }
    guard let first = rows.first else { throw GraftError(.malformed, "has no predictions", file: file.path) }
    let width = first.answer.width
    guard rows.allSatisfy({ $0.answer.width == width }) else {
      throw GraftError(.malformed, "has rows of different kinds", file: file.path)
    }
    guard own == nil else {
      self.init(rows, names: [], metric: own, by: chosen)
      return
    }
    let labels = (results["classes"] ?? results["outputs"])?.array?.compactMap { $0["label"]?.string } ?? []
    let names = labels.isEmpty ? known : labels
    if let width {
      let isNamed = Set(names).count == width && names.count == width
      self.init(rows, names: isNamed ? names : (0..<width).map { "output \($0)" }, by: chosen)
    } else {
      let classes = 1 + (rows.map(\.answer.largestClass).max() ?? 0)
      self.init(
        rows, names: names + (names.count..<max(classes, names.count)).map { "class \($0)" }, by: chosen)
    }
  }

  /// - Parameters:
  ///   - rows: In the order of the data.
  ///   - names: Of all classes, labels or values.
  ///   - metric: What the task says that they are scored by.
  ///   - chosen: What the experiment says instead, by its name in results.
  init(_ rows: [Row], names: [String], metric: TestMetric? = nil, by chosen: String? = nil) {
    (self.rows, self.names, own, self.chosen) = (rows, names, metric, chosen)
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
      var scores = [Double](repeating: 0, count: row.scores.isEmpty ? 0 : all.count)
      for (number, score) in zip(numbers, row.scores) { scores[number] = score }
      return Row(
        place: row.place, text: row.text, pair: row.pair,
        answer: .classes(label: numbers[label], prediction: numbers[prediction]), scores: scores)
    }
    return TestPredictions(renumbered, names: all, by: chosen)
  }

  /// The predictions of several parts of the data as one, in the order of the rows; `nil` when they are of different kinds.
  static func joined(_ parts: [TestPredictions]) -> TestPredictions? {
    let names = OrderedSet(parts.flatMap(\.names)).elements
    guard let first = parts.first, parts.allSatisfy({ $0.metric == first.metric }),
      first.confusion != nil || parts.allSatisfy({ $0.names == first.names })
    else { return nil }
    let rows = parts.flatMap { $0.numbered(by: names).rows }
    func rank(_ index: Int) -> (String, Int, Int) {
      (rows[index].place.file ?? "", rows[index].place.row, index)
    }
    let order = rows.indices.sorted { rank($0) < rank($1) }
    return TestPredictions(order.map { rows[$0] }, names: names, metric: first.own, by: first.chosen)
  }

  /// The share of rows that a choice by chance gets right, where each has choices of its own; else `nil`.
  var chance: Double? {
    guard own?.key == TestMetric.accuracy.key, rows.allSatisfy({ !$0.scores.isEmpty }) else { return nil }
    return rows.reduce(0) { $0 + 1 / Double($1.scores.count) } / Double(rows.count)
  }

  /// Whether two evaluations were on the same rows, in the same order.
  func isOnTheSameRows(as other: TestPredictions) -> Bool {
    rows.count == other.rows.count
      && zip(rows, other.rows).allSatisfy {
        $0.place == $1.place && $0.text == $1.text && $0.answer.hasLabel(of: $1.answer)
      }
  }

  /// The largest number of which squares of many rows can be added.
  private static let largestTerm = 1e100

  /// Whether all that is scored are numbers, whose sums are some as well.
  var areNumbers: Bool {
    func areNumbers(_ terms: [Double]) -> Bool { terms.allSatisfy { abs($0) <= Self.largestTerm } }
    return rows.allSatisfy { row in
      switch row.answer {
      case .values(let label, let prediction): areNumbers(label) && areNumbers(prediction)
      case .scored(let terms, _, _): areNumbers(terms)
      case .classes: metric.key != "log_loss" || areNumbers(row.scores)
      case .labels: true
      }
    }
  }

  /// The metric of all rows; `nil` where rows do not say it, or where it is not defined: R² of a single row, correlations
  /// of constants, and anything of what is no number.
  var score: Double? {
    guard areNumbers, isDefined else { return nil }
    return scoring?.value(rows: rows.count)
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
