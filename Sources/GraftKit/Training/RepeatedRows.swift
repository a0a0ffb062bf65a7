import GraftCore

/// Texts that rows of some data have, to find them again in others.
package struct RepeatedRows {
  /// What a model reads of a row: texts and pairs of them.
  package struct Content: Hashable {
    private let texts: [[String?]]

    /// - Parameter task: What reads the row; `nil` reads its text and its pair.
    /// - Throws: `GraftError` naming a row of which the task can read nothing.
    package init(_ row: TextRow, for task: (any GraftCore.Task)?) throws {
      texts = try (task?.sequences(of: row) ?? [row]).map { [$0.text, $0.pair] }
    }
  }

  private let task: (any GraftCore.Task)?
  private let labels: [Content: WrittenLabel?]
  /// How many different texts have rows whose labels differ.
  let contradictions: Int

  /// - Parameters:
  ///   - rows: The rows that are known.
  ///   - task: What reads them; `nil` reads their texts and pairs.
  /// - Throws: `GraftError` naming a row of which the task can read nothing.
  package init(_ rows: [TextRow], for task: (any GraftCore.Task)? = nil) throws {
    self.task = task
    var labels: [Content: WrittenLabel?] = [:]
    var contradictory: Set<Content> = []
    for row in rows {
      let content = try Content(row, for: task)
      if let other = labels[content] {
        if other != row.label { contradictory.insert(content) }
      } else {
        labels[content] = .some(row.label)
      }
    }
    (self.labels, contradictions) = (labels, contradictory.count)
  }

  /// How many rows have a text of these.
  ///
  /// - Throws: as ``init(_:for:)``.
  package func count(in rows: [TextRow]) throws -> Int {
    try rows.count { labels[try Content($0, for: task)] != nil }
  }

  /// That rows are evaluated on whose texts are trained on.
  ///
  /// - Parameters:
  ///   - count: How many of all rows.
  ///   - set: What the rows are called, where they have a name.
  ///   - fold: Which part of the set they are, counted from 0.
  ///   - sets: What the data that are trained on are called, where they have names.
  package static func sentence(
    _ count: Int, of all: Int, in set: String?, fold: Int? = nil, trainedIn sets: [String] = []
  ) -> String {
    let (has, its) = count == 1 ? ("has", "its") : ("have", "their")
    let names = sets.map { "'\($0)'" }.joined(separator: " and ")
    return
      "\(NumberText.grouped(count)) of \(NumberText.count(all, "row")) to evaluate on\(set.map { " of '\($0)'" } ?? "")\(fold.map { ", fold \($0 + 1)," } ?? "") "
      + "\(has) a text that is trained on as well\(names.isEmpty ? "" : ", in \(names)"): \(its) scores are too good"
  }

  /// What there is to say before a run.
  ///
  /// - Parameters:
  ///   - sets: The data that it is evaluated on, by name; one alone has none.
  ///   - head: Which of several heads learns from these rows.
  /// - Throws: as ``init(_:for:)``.
  func notes(
    evaluating sets: [(name: String?, rows: [TextRow])], head: String? = nil
  ) throws -> [TrainingNote] {
    let repeated = try sets.compactMap { name, rows -> TrainingNote? in
      let count = try count(in: rows)
      return count > 0 ? .repeatedRows(count, of: rows.count, set: name) : nil
    }
    return repeated + (contradictions > 0 ? [.contradictions(contradictions, head: head)] : [])
  }
}
