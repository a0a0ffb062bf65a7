import GraftCore
import GraftTensors

/// Texts that rows of some data have, to find them again in others.
package struct RepeatedRows {
  /// What a row says, without its label: its texts, and columns that stand for them.
  private struct Content: Hashable {
    let text: String
    let pair: String?
    let fields: String

    init(_ row: TextRow) {
      (text, pair) = (row.text, row.pair)
      var fields = row.fields
      // A number of its own makes a row no other one.
      fields["id"] = nil
      self.fields = fields.isEmpty || !row.text.isEmpty ? "" : JSON.object(fields).text()
    }
  }

  private let labels: [Content: WrittenLabel?]
  /// How many different texts have rows whose labels differ.
  let contradictions: Int

  package init(_ rows: [TextRow]) {
    var labels: [Content: WrittenLabel?] = [:]
    var contradictory: Set<Content> = []
    for row in rows {
      let content = Content(row)
      if let other = labels[content] {
        if other != row.label { contradictory.insert(content) }
      } else {
        labels[content] = .some(row.label)
      }
    }
    (self.labels, contradictions) = (labels, contradictory.count)
  }

  /// How many rows have a text of these.
  package func count(in rows: [TextRow]) -> Int { rows.count { labels[Content($0)] != nil } }

  /// What there is to say before a run.
  ///
  /// - Parameter sets: The data that it is evaluated on, by name; one alone has none.
  func notes(evaluating sets: [(name: String?, rows: [TextRow])]) -> [TrainingNote] {
    let repeated = sets.compactMap { name, rows -> TrainingNote? in
      let count = count(in: rows)
      return count > 0 ? .repeatedRows(count, of: rows.count, set: name) : nil
    }
    return repeated + (contradictions > 0 ? [.contradictions(contradictions)] : [])
  }
}
