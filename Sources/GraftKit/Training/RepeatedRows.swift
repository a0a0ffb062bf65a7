import GraftCore

/// Texts that rows of some data have, to find them again in others.
package struct RepeatedRows {
  /// What a model reads of a row: texts and pairs of them.
  private struct Content: Hashable {
    let texts: [[String?]]
  }

  private let content: (TextRow) throws -> Content
  private let labels: [Content: WrittenLabel?]
  /// How many different texts have rows whose labels differ.
  let contradictions: Int

  /// - Parameters:
  ///   - rows: The rows that are known.
  ///   - task: What reads them; `nil` reads their texts and pairs.
  /// - Throws: `GraftError` naming a row of which the task can read nothing.
  package init(_ rows: [TextRow], for task: (any GraftCore.Task)? = nil) throws {
    content = { row in
      Content(texts: try (task?.sequences(of: row) ?? [row]).map { [$0.text, $0.pair] })
    }
    var labels: [Content: WrittenLabel?] = [:]
    var contradictory: Set<Content> = []
    for row in rows {
      let content = try content(row)
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
    try rows.count { labels[try content($0)] != nil }
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
