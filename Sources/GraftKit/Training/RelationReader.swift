import GraftCore
import GraftTensors

/// Reads how the two texts of a pair relate, which is what next-sentence prediction learns: 0 when the second
/// follows the first, 1 when it does not.
///
/// Only a pair has a relation. The label of a single text says what it is about, and is none of this head's
/// business.
package struct RelationReader {
  private let base: Int
  /// Whether every row has to be a pair, because the head learns nothing else.
  private let needsPairs: Bool

  /// - Parameters:
  ///   - head: Has no labels of its own.
  ///   - base: The number in the data of the first relation.
  /// - Returns: `nil` when no part of the head reads the text as a whole.
  package init?(for head: any Head, base: Int) {
    let parts = type(of: head).parts
    guard parts.contains(where: { $0.needsPooler }) else { return nil }
    self.base = base
    needsPairs = parts.allSatisfy { $0.needsPooler }
  }

  /// The relations of all rows: of every pair, or of none.
  ///
  /// - Throws: `GraftError` naming file and row.
  package func labels(of rows: [TextRow]) throws -> [Label?] {
    let labels = try rows.map { row in
      do {
        return try label(of: row)
      } catch let error as GraftError {
        throw error.inRow(row)
      }
    }
    // A batch has the relations of all its pairs or of none, and the rows of a batch are any.
    if labels.contains(where: { $0 != nil }), let missing = labels.firstIndex(where: { $0 == nil }) {
      throw noRelation.inRow(rows[missing])
    }
    return labels
  }

  private func label(of row: TextRow) throws -> Label? {
    guard row.pair != nil else {
      guard needsPairs else { return nil }
      throw GraftError(
        .missing, "there is no second text, and the head learns how two texts relate",
        advice: "Say which column has it with --pair-column.")
    }
    guard let written = row.label, written != .text("") else {
      if needsPairs { throw noRelation }
      return nil
    }
    if case .text(let text) = written, let number = Int(text) {
      let (relation, overflow) = number.subtractingReportingOverflow(base)
      if !overflow, (0...1).contains(relation) { return .index(Int32(relation)) }
    }
    throw GraftError(
      .mismatch, "wrong label", expected: expectation, found: RelationReader.text(written),
      advice: "Check --label-column and --label-base.")
  }

  private var noRelation: GraftError {
    GraftError(
      .missing, "there is no label", expected: expectation,
      advice: "Say which column has it with --label-column.")
  }

  private var expectation: String {
    "\(base) (the second text follows the first) or \(base &+ 1) (it does not)"
  }

  private static func text(_ written: WrittenLabel) -> String {
    switch written {
    case .text(let text): "'\(text.prefix(60))'"
    case .list(let items): "a list of \(items.count)"
    }
  }
}

extension GraftError {
  /// This error with the place of a row of data.
  fileprivate func inRow(_ row: TextRow) -> GraftError {
    var error = self
    error.file = row.place.file.isEmpty ? nil : row.place.file
    error.subject = "row \(row.place.row)"
    return error
  }
}
