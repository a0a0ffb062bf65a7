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

  private static func table(_ named: [(String, ConfusionMatrix.Scores)]) -> String {
    Format.table(
      named.map { name, scores in
        [Format.oneLine(name)]
          + [scores.precision, scores.recall, scores.f1].map { Format.score(Float($0)) }
          + [Format.grouped(scores.support)]
      },
      header: ["label", "precision", "recall", "f1", "support"],
      alignments: [.left, .right, .right, .right, .right])
  }

  private static func matrix(_ confusion: ConfusionMatrix, _ labels: [String]) -> String {
    let names = labels.map(Format.oneLine)
    return Format.table(
      zip(names, confusion.rows).map { [$0] + $1.map(Format.grouped) },
      header: ["actual \\ predicted"] + names,
      alignments: [.left] + names.map { _ in .right })
  }
}
