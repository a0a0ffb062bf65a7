import GraftCore
import GraftKit
import GraftTensors

/// The metric by which arms are compared: of single labels accuracy, of several labels F1 over all decisions, of a
/// regression R², and otherwise what the task says, such as the F1 of entities or the nDCG of queries. Higher is better in
/// these. An experiment may name another of the scores that an evaluation has.
///
/// How it follows from rows, so that it can be computed for any resample of them, is in ``TestPredictions/scoring``.
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

  /// The usual ones, the most telling first.
  static let all = Metrics.usualNames.map { TestMetric(named: $0) }

  /// What counts as one, in the plural.
  var units: String { unit.hasSuffix("y") ? "\(unit.dropLast())ies" : "\(unit)s" }

  /// What is counted where a model of masked tokens is scored.
  static let hiddenToken = "hidden token"

  /// What the score is about: `the test texts`, `the hidden tokens of the test texts`.
  var testUnits: String { unit == Self.hiddenToken ? "the \(units) of the test texts" : "the test \(units)" }

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
    Metrics.usualNames.filter {
      !$0.hasPrefix("spearman_") || $0 == "spearman_\(VectorSimilarity.cosine.rawValue)"
    }
  }

  /// The usual one that results have.
  package static func of(_ results: [String: Double]) -> TestMetric? {
    all.first { results[$0.resultKey] != nil }
  }

  /// The one that results have, or rather the one that was chosen, if they have it.
  package static func of(_ results: [String: Double], chosen: String?) -> TestMetric? {
    let own = chosen.map { TestMetric(named: $0) }
    return own.flatMap { results[$0.resultKey] == nil ? nil : $0 } ?? of(results)
  }

  /// As results have it: `eval_accuracy`.
  package var resultKey: String { "eval_\(key)" }

  /// Whether more of it is better.
  var direction: ScoreDirection { ScoreDirection(of: key) }

  // MARK: Names

  /// A score by the name that results have for it, with or without `eval_`.
  init(named name: String, unit: String = "text") {
    let key = Self.key(name)
    let known = Self.spelling(of: key)
    self.init(key: key, name: known?.name ?? key, isShare: known?.isShare ?? false, unit: unit)
  }

  /// A name without `eval_`.
  static func key(_ name: String) -> String {
    name.hasPrefix("eval_") ? String(name.dropFirst("eval_".count)) : name
  }

  /// The k of a top-k accuracy: 3 of `top_3_accuracy`.
  static func rank(of key: String) -> Int? {
    guard key.hasPrefix("top_"), key.hasSuffix("_accuracy") else { return nil }
    return Int(key.dropFirst("top_".count).dropLast("_accuracy".count))
  }

  private static func spelling(of key: String) -> (name: String, isShare: Bool)? {
    if let rank = rank(of: key) { return ("top-\(rank) accuracy", true) }
    for (kind, spelled) in [
      ("average_precision", "average precision"), ("precision", "precision"), ("recall", "recall"),
      ("f1", "F1"),
    ] where key.hasPrefix(kind) {
      if key == kind { return (spelled, true) }
      let average = String(key.dropFirst(kind.count + 1))
      guard ["micro", "macro", "weighted", "samples"].contains(average), key == "\(kind)_\(average)" else {
        continue
      }
      return ("\(average) \(spelled)", true)
    }
    return switch key {
    case "accuracy": ("accuracy", true)
    case "r2": ("R²", false)
    case "balanced_accuracy": ("balanced accuracy", true)
    case "subset_accuracy": ("subset accuracy", true)
    case "exact_match": ("exact match", true)
    case "matthews_correlation": ("Matthews correlation", false)
    case "log_loss": ("log loss", false)
    case "hamming_loss": ("Hamming loss", false)
    case "expected_calibration_error": ("expected calibration error", false)
    case "mse": ("mean squared error", false)
    case "mae": ("mean absolute error", false)
    case "pearson": ("Pearson correlation", false)
    case "pseudo_perplexity": ("pseudo-perplexity", false)
    case _ where !Metrics.usualNames.contains(key): nil
    default: (key.hasPrefix("spearman") ? "Spearman correlation" : "nDCG@10", false)
    }
  }

  /// Whether predictions say it row by row, so that arms can be compared by it with an interval.
  ///
  /// - Parameters:
  ///   - key: One of the names.
  ///   - names: All scores that an evaluation of the head may have.
  static func followsFromRows(_ key: String, among names: Set<String>) -> Bool {
    guard key != "loss" else { return false }
    if names.contains("mse") { return Metrics.namesOfValues.contains(key) }
    if names.contains("subset_accuracy") { return Metrics.namesOfSeveralLabels.contains(key) }
    if names.contains("balanced_accuracy") { return !key.hasSuffix("perplexity") }
    return all.first { names.contains($0.key) }?.key == key
  }

  // MARK: Spelling

  /// Scores of about 1 or less, of which four decimals say as much of one value as of another.
  private static let keysWithDecimals: Set<String> = {
    let correlations = ["spearman", "pearson"]
    let searches =
      RetrievalScores.cutoffs.flatMap { ["accuracy@\($0)", "precision@\($0)", "recall@\($0)"] } + [
        RetrievalScores.ndcgName, "mrr@10", "map@100",
      ]
    let bySimilarity = VectorSimilarity.allCases.flatMap { similarity in
      correlations.map { "\($0)_\(similarity.rawValue)" } + searches.map(similarity.name(ofSearch:))
    }
    return Set(
      correlations + searches + bySimilarity + [
        "r2", "mse", "mae", "matthews_correlation", "log_loss", "hamming_loss", "expected_calibration_error",
      ])
  }()

  /// `86.8 %`, `0.4213`
  func text(_ value: Double) -> String {
    if isShare { return NumberText.percent(value) }
    let decimals = NumberText.decimals(value)
    // Of a very small error the decimals would be zeros.
    let isTiny = value != 0 && Double(decimals) == 0
    return (Self.keysWithDecimals.contains(key) && !isTiny ? decimals : NumberText.number(value))
      .replacing("-", with: "−")
  }

  /// A difference without its unit: `+1.7`, `−0.0312`.
  func signed(_ difference: Double) -> String {
    if isShare { return NumberText.signed(difference) }
    return (difference > 0 ? "+" : "") + text(difference)
  }

  /// `+1.7 points`, `−0.0312`
  func difference(_ difference: Double) -> String { signed(difference) + (isShare ? " points" : "") }
}
