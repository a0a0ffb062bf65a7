import Foundation
import GraftCore
import GraftTensors

/// Rows that the suites feed to each task, as a data file would give them.
enum TaskRows {
  /// Pairs of texts whose labels are 0 and 1: enough for a task that reads one class of a text or of a pair.
  private static let pairs = zip(
    [("the world of sports", "a win"), ("market", "oil prices fall"), ("a new film", "the season of music")],
    ["0", "1", "0"]
  ).map { texts, label in TextRow(texts.0, pair: texts.1, label: .text(label)) }

  /// The rows of tasks that read others. The names of labels are `a`, `b` and `c`.
  private static let others: [String: [TextRow]] = [
    "token-classification": [
      words(["the", "world", "of", "sports"], ["a", "b", "b", "c"]), words(["oil", "prices"], ["b", "a"]),
    ],
    "question-answering": [
      question("where", "the world of sports", "sports"), question("a new film", "oil prices fall", "oil"),
    ],
    "multiple-choice": [
      choices("the world of", ["sports", "oil prices", "a new film"], "2"),
      choices("prices fall", ["a win", "market"], "1"),
    ],
  ]

  private static func choices(_ text: String, _ choices: [String], _ answer: String) -> TextRow {
    var row = TextRow(text, label: .text(answer))
    row.fields["choices"] = .array(choices.map { .string($0) })
    return row
  }

  private static func question(_ text: String, _ context: String, _ answer: String) -> TextRow {
    var row = TextRow(text, pair: context)
    let start = context.range(of: answer).map {
      context.unicodeScalars.distance(from: context.startIndex, to: $0.lowerBound)
    }
    row.fields["answers"] = ["text": [.string(answer)], "answer_start": [JSON(start ?? 0)]]
    return row
  }

  private static func words(_ words: [String], _ labels: [String]) -> TextRow {
    var row = TextRow("", label: .list(labels))
    row.fields["tokens"] = .array(words.map { .string($0) })
    return row
  }

  /// At least two rows for the heads of a set.
  static func rows(for heads: HeadSet) -> [TextRow] {
    heads.taskNames.lazy.compactMap { others[$0] }.first ?? pairs
  }
}
