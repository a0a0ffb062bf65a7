import GraftCore
import GraftTensors

extension DataOptions {
  /// How columns are named, and the end of the sentence.
  func columnAdvice(_ end: String) -> Advice {
    wantsLabels && wantsTexts
      ? "Name the columns with \(option: "text-column") and \(option: "label-column")\(end)"
      : wantsTexts
        ? "Name the column with \(option: "text-column")\(end)"
        : "Name the column with \(option: "label-column")\(end)"
  }

  /// Whether a text is read: where a column is named, or one is wanted and none stands in its place.
  ///
  /// - Parameter isThere: Whether the data have a column of a name.
  func needsText(_ isThere: (String) -> Bool) -> Bool {
    guard textColumns.isEmpty else { return true }
    return wantsTexts && (isThere("text") || !fields.contains { $0.replacesText && isThere($0.name) })
  }

  /// Whether a list stands under the usual name of the text, which nobody named, beside a column that takes the text's
  /// place.
  ///
  /// - Parameter value: What a row has in a column.
  func isReplaced(_ text: String, _ value: (String) -> JSON?) -> Bool {
    textColumns.isEmpty && value(text)?.array != nil
      && fields.contains { $0.replacesText && (value($0.name) ?? .null) != .null }
  }

  /// The error that there is neither a text nor a column that may stand in its place; `nil` when there is one, or
  /// when no column may.
  ///
  /// - Parameters:
  ///   - columns: The names of all columns.
  ///   - isThere: Whether the data have a column of a name.
  func lacksText(_ columns: [String], _ isThere: (String) -> Bool) -> GraftError? {
    let replacing = fields.filter(\.replacesText).map(\.name)
    let known = replacing + ["text"]
    guard wantsTexts, textColumns.isEmpty, !replacing.isEmpty, !known.contains(where: isThere) else {
      return nil
    }
    let others = Set(columns.map { $0.lowercased() })
    let (first, second) = (replacing[0], fields.first { !$0.replacesText }?.name ?? "pair")
    return GraftError(
      .missing,
      "no such column",
      subject: "column \(replacing.map { "'\($0)'" }.joined(separator: " or "))",
      // Another column's name may be near as well: only one that differs in capitals is meant.
      found: columnList(columns, near: known.first { others.contains($0) }),
      advice: readsWords
        ? "Name the column of the lists of words, or that of plain texts, with \(option: "text-column"). A table with a word in each row has no sentences: write it as CoNLL's columns."
        : "Name the column of '\(first)' with \(option: "text-column"), and that of '\(second)' with \(option: "pair-column")."
    )
  }
}

extension [String] {
  /// The place of a column's name in a header; `nil` where it is not there.
  ///
  /// - Throws: `GraftError` when several columns have the name.
  func onlyIndex(of name: String) throws -> Int? {
    let places = indices.filter { self[$0] == name }
    guard places.count > 1 else { return places.first }
    let numbers = places.map { "\($0 + 1)" }
    throw GraftError(
      .mismatch, "several columns have this name", subject: "column '\(name.prefix(40))'",
      expected: "one column of that name",
      found: "columns \(numbers.dropLast().joined(separator: ", ")) and \(numbers.last ?? "")",
      advice: "Rename all but one.")
  }
}

/// Columns by their names, for errors.
/// - Parameter wanted: The name that is not among them.
func columnList(_ columns: [String], near wanted: String? = nil) -> String {
  guard !columns.isEmpty else { return "no columns" }
  let nearest = wanted.flatMap { NearestName.find($0, among: columns) }
  return "the columns \(columns.map { "'\($0.prefix(40))'" }.joined(separator: ", "))"
    + (nearest.map { "; the nearest is '\($0.prefix(40))'" } ?? "")
}
