import GraftCore
import GraftKit

/// An evaluation as a person reads it: the results, and of a classifier the scores of each class and the
/// confusion matrix.
struct EvaluationTable {
  let text: String

  /// Larger matrices do not fit a terminal; `--output` has them.
  private static let largestMatrix = 12
  private static let largestTable = 100

  init(_ evaluation: Evaluation) {
    let results = evaluation.results.merging(["eval_samples": Double(evaluation.examples)]) { $1 }
    var parts = [Results.text(results)]
    if let confusion = evaluation.confusion, confusion.classes <= Self.largestTable {
      parts.append(Self.scores(confusion, evaluation.labels))
      if confusion.classes <= Self.largestMatrix { parts.append(Self.matrix(confusion, evaluation.labels)) }
    }
    if let multiLabel = evaluation.multiLabel, multiLabel.labels <= Self.largestTable {
      parts.append(Self.scores(multiLabel, evaluation.labels))
    }
    if let regression = evaluation.regression, (2...Self.largestTable).contains(regression.outputs) {
      parts.append(Self.scores(regression, evaluation.labels))
    }
    if let kinds = evaluation.kinds { parts.append(Self.scores(kinds)) }
    text = parts.joined(separator: "\n\n")
  }

  private static func scores(_ confusion: ConfusionMatrix, _ labels: [String]) -> String {
    table(Array(zip(labels, confusion.scores)) + [("macro average", confusion.macro)])
  }

  private static func scores(_ counts: KindCounts) -> String {
    table(
      counts.kinds.map { ($0.name, $0.scores) } + [
        ("micro average", counts.micro), ("macro average", counts.macro),
        ("weighted average", counts.weighted),
      ])
  }

  private static func scores(_ multiLabel: MultiLabelScores, _ labels: [String]) -> String {
    let averages = multiLabel.averages.map { suffix, scores in ("\(suffix.dropFirst()) average", scores) }
    let more = zip(multiLabel.averagePrecisions, multiLabel.thresholds).map {
      [Format.score(Float($0)), Format.score($1)]
    }
    return table(
      Array(zip(labels, multiLabel.scores)) + averages, more: more,
      header: ["average precision", "threshold"])
  }

  private static func scores(_ regression: RegressionScores, _ labels: [String]) -> String {
    let names = ["mse", "mae", "r2", "pearson", "spearman"]
    return Format.table(
      zip(labels, regression.scores).map { label, scores in
        let values = Dictionary(scores.named.map { ($0.name, $0.value) }) { first, _ in first }
        return [Format.oneLine(label)] + names.map { values[$0].map(Format.number) ?? "undefined" }
      }, header: ["output"] + names, alignments: [.left] + names.map { _ in .right })
  }

  /// - Parameters:
  ///   - more: Further cells of the first rows.
  ///   - header: Their columns.
  private static func table(
    _ named: [(String, ConfusionMatrix.Scores)], more: [[String]] = [], header: [String] = []
  ) -> String {
    Format.table(
      named.enumerated().map { index, row in
        [Format.oneLine(row.0)]
          + [row.1.precision, row.1.recall, row.1.f1].map { Format.score(Float($0)) }
          + [Format.grouped(row.1.support)] + (index < more.count ? more[index] : [])
      },
      header: ["label", "precision", "recall", "f1", "support"] + header,
      alignments: [.left] + (0..<4 + header.count).map { _ in .right })
  }

  private static func matrix(_ confusion: ConfusionMatrix, _ labels: [String]) -> String {
    let names = labels.map(Format.oneLine)
    return Format.table(
      zip(names, confusion.rows).map { [$0] + $1.map(Format.grouped) },
      header: ["actual \\ predicted"] + names,
      alignments: [.left] + names.map { _ in .right })
  }
}
