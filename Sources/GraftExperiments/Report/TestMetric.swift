import GraftCore
import GraftKit
import GraftTensors

/// The metric by which arms are compared: of single labels accuracy, of several labels F1 over all decisions, of a
/// regression R², and otherwise what the task says, such as the F1 of entities or the nDCG of queries. Higher is better in
/// all.
///
/// All but rank correlations follow from sums over rows, so that they can be computed for any resample of them.
package struct TestMetric: Sendable, Equatable {
  /// As results have it, after `eval_`.
  let key: String
  /// In sentences.
  package let name: String
  /// Whether it is spelled in per cent.
  let isShare: Bool
  /// How it follows from the terms of rows, where the task says so; see `RowScores`.
  var rule: RowScores.Rule?
  /// What counts as one, in the singular.
  var unit = "text"

  static let accuracy = TestMetric(key: "accuracy", name: "accuracy", isShare: true)
  static let f1Micro = TestMetric(key: "f1_micro", name: "micro F1", isShare: true)
  static let r2 = TestMetric(key: "r2", name: "R²", isShare: false)
  /// Of entities and answers.
  static let f1 = TestMetric(key: "f1", name: "F1", isShare: true)
  /// Of texts that are sorted or found.
  static let gains =
    [TestMetric(key: RetrievalScores.gainName, name: gainName, isShare: false)]
    + VectorSimilarity.allCases.map {
      TestMetric(key: "\($0.rawValue)_\(RetrievalScores.gainName)", name: gainName, isShare: false)
    }
  /// Of vectors and pairs with scores.
  static let correlations =
    VectorSimilarity.allCases.map {
      TestMetric(key: "spearman_\($0.rawValue)", name: correlationName, isShare: false)
    } + [TestMetric(key: "spearman", name: correlationName, isShare: false)]

  private static let (gainName, correlationName) = ("nDCG@10", "Spearman’s correlation")

  /// All of them, the most telling first.
  static let all = gains + [f1, f1Micro, r2, accuracy] + correlations

  /// What counts as one, in the plural.
  var units: String { unit.hasSuffix("y") ? "\(unit.dropLast())ies" : "\(unit)s" }

  /// `50 test texts`
  func count(_ number: Int) -> String {
    NumberText.count(number, "test \(unit)", plural: "test \(units)")
  }

  /// What a task says about its rows.
  ///
  /// - Returns: `nil` for a document that is none of ``RowScores/json``.
  init?(_ rows: JSON) {
    guard let key = rows["name"]?.string, let rule = rows["rule"]?.string.flatMap(RowScores.Rule.init),
      let unit = rows["unit"]?.string
    else { return nil }
    let known = Self.all.first { $0.key == key }
    self.init(
      key: key, name: known?.name ?? key, isShare: known?.isShare ?? false, rule: rule, unit: unit)
  }

  init(key: String, name: String, isShare: Bool, rule: RowScores.Rule? = nil, unit: String = "text") {
    (self.key, self.name, self.isShare, self.rule, self.unit) = (key, name, isShare, rule, unit)
  }

  /// The names in results, after `eval_`, of those that are worth a line; of correlations that of the cosine.
  package static var names: [String] {
    (gains + [f1, f1Micro, r2, accuracy]).map(\.key) + [
      "spearman_\(VectorSimilarity.cosine.rawValue)", "spearman",
    ]
  }

  /// The one that results have.
  package static func of(_ results: [String: Double]) -> TestMetric? {
    all.first { results[$0.resultKey] != nil }
  }

  /// As results have it: `eval_accuracy`.
  package var resultKey: String { "eval_\(key)" }

  /// What of a row goes into the sums: of a class whether it is right; of labels how many are right, and how many there
  /// are and were given; of each value the squared error, the distance to the mean, and the square of that.
  ///
  /// - Parameter centre: The mean of each value over all rows, of a regression.
  func terms(of row: TestPredictions.Row, centre: [Double]) -> [Double] {
    switch row.answer {
    case .scored(let terms, _, _): return terms
    case .classes(let label, let prediction): return [label == prediction ? 1 : 0]
    case .labels(let label, let prediction):
      let hits = zip(label, prediction).count { $0 && $1 }
      return [Double(hits), Double(label.count { $0 } + prediction.count { $0 })]
    case .values(let label, let prediction):
      return label.indices.flatMap { index in
        let (error, value) = (prediction[index] - label[index], label[index] - centre[index])
        return [error * error, value, value * value]
      }
    }
  }

  /// The metric of as many rows with these sums, as scikit-learn has it: F1 is 0 where there is nothing to find and
  /// nothing was found, R² of constant values 1 when all predictions are right and else 0.
  ///
  /// - Precondition: It is no rank correlation.
  func value(_ sums: [Double], _ rows: Int) -> Double {
    switch rule {
    case .f1: return sums[1] > 0 ? 2 * sums[0] / sums[1] : 0
    case .spearman: preconditionFailure("a rank correlation does not follow from sums")
    case .mean, nil: break
    }
    switch self {
    case .f1Micro: return sums[1] > 0 ? 2 * sums[0] / sums[1] : 0
    case .r2:
      let outputs = sums.count / 3
      let all = (0..<outputs).map { output -> Double in
        let (squares, sum, spread) = (sums[3 * output], sums[3 * output + 1], sums[3 * output + 2])
        let variation = spread - sum * sum / Double(rows)
        // What rounding leaves of equal values is no variation.
        return variation > 1e-12 * spread ? 1 - squares / variation : squares == 0 ? 1 : 0
      }
      return all.reduce(0, +) / Double(max(1, outputs))
    default: return sums[0] / Double(rows)
    }
  }

  // MARK: Spelling

  /// `86.8 %`, `0.4213`
  func text(_ value: Double) -> String {
    isShare ? NumberText.percent(value) : NumberText.number(value).replacing("-", with: "−")
  }

  /// A difference without its unit: `+1.7`, `−0.0312`.
  func signed(_ difference: Double) -> String {
    if isShare { return NumberText.signed(difference) }
    return (difference > 0 ? "+" : "") + NumberText.number(difference).replacing("-", with: "−")
  }

  /// `+1.7 points`, `−0.0312`
  func difference(_ difference: Double) -> String { signed(difference) + (isShare ? " points" : "") }
}
