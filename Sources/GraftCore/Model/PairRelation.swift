import GraftTensors

/// The labels of a task that tells how the two texts of a pair relate, in one of two ways.
public struct PairRelation: Sendable {
  private let head: String
  private let first: String
  private let second: String

  /// - Parameters:
  ///   - head: The task's name, for messages.
  ///   - first: What class 0 means.
  ///   - second: What class 1 means.
  public init(of head: String, first: String, second: String) {
    self.head = head
    self.first = first
    self.second = second
  }

  /// How the two texts of each pair relate. A row without a second text has no such label; where another head learns from
  /// the same rows, it is passed over, and so is one whose second text is empty and that has no label. Batches mix rows, so
  /// either all pairs have labels or none has.
  ///
  /// - Parameters:
  ///   - rows: All rows.
  ///   - reading: How labels are read.
  ///   - mayBeMissing: Whether rows of pairs need no labels.
  /// - Returns: A ``ClassLabel`` for each pair; nothing where no row has a label and none is needed.
  /// - Throws: `GraftError` naming the row: no second text, an empty one, no label, or another one.
  public func labels(
    of rows: [TextRow], _ reading: LabelReading, mayBeMissing: Bool = false
  ) throws -> [(any ExampleLabel)?] {
    let base = reading.base ?? 0
    let expected = "\(base) (\(first)) or \(base &+ 1) (\(second))"
    let noLabel = GraftError(
      .missing, "there is no label", expected: expected,
      advice: "Say which column has it: \(option: "label-column").")
    let labels = try rows.map { row -> ClassLabel? in
      guard reading.isRequired || row.pair != nil else { return nil }
      let label = row.label == .text("") ? nil : row.label
      if reading.isRequired || label != nil { try row.requirePair(for: head) }
      guard let written = label else { return nil }
      if case .text(let text) = written, let number = Int(text) {
        let (relation, overflow) = number.subtractingReportingOverflow(base)
        if !overflow, (0...1).contains(relation) { return ClassLabel(Int32(relation)) }
      }
      throw GraftError(
        .mismatch, "wrong label", expected: expected, found: written.description,
        advice: "Check \(option: "label-column") and \(option: "label-base")."
      ).inRow(row)
    }
    let missing = zip(rows, labels).filter { $0.1 == nil }.map(\.0)
    guard missing.count < rows.count || reading.isRequired && !mayBeMissing else {
      return mayBeMissing ? [] : labels
    }
    guard missing.isEmpty else { throw noLabel.ofRows(missing, among: rows.count, without: "label") }
    return labels
  }
}

extension TextRow {
  /// Makes sure that there is a second text, for a task that tells how two relate; see ``Task/readsPairs``.
  ///
  /// - Parameter head: The task's name.
  /// - Throws: `GraftError` naming the row: no second text, or an empty one.
  package func requirePair(for head: String) throws {
    guard let pair else {
      throw GraftError(
        .missing, "there is no second text, and the head '\(head)' tells how two texts relate",
        advice: place.row > 0
          ? "Name the column of the second text with \(option: "pair-column")."
          : "Give the second text with \(option: "pair")."
      ).inRow(self)
    }
    if pair.isBlank { throw GraftError.emptyPair.inRow(self) }
  }
}

extension GraftError {
  /// A pair of which the second text is empty.
  package static var emptyPair: GraftError {
    GraftError(.missing, "the second text is empty", advice: "Remove such rows, or complete them.")
  }
}
