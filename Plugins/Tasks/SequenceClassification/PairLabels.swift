import GraftCore
import GraftTensors

extension SequenceClassification {
  /// The scores of pairs of texts, from 0 to 1, or truth values.
  ///
  /// - Throws: `GraftError` naming the row: no second text, no score, or one outside the range.
  static func pairLabels(of rows: [TextRow]) throws -> [any ExampleLabel] {
    try rows.requiring(
      "score",
      orThrow: GraftError(
        .missing, "there is no score", expected: "a number from 0 to 1",
        advice: "Say which column has it: \(option: "label-column")."), pairLabel)
  }

  /// - Returns: `nil` for a pair without a score.
  private static func pairLabel(_ row: TextRow) throws -> (any ExampleLabel)? {
    guard let pair = row.pair else {
      throw GraftError(
        .missing, "there is no second text to score with the first",
        advice: "Say which column has it: \(option: "pair-column")."
      ).inRow(row)
    }
    if pair.isBlank { throw GraftError.emptyPair.inRow(row) }
    let items = row.label?.items(named: []) ?? []
    if items.allSatisfy(\.isBlank) { return nil }
    guard items.count == 1, let score = items[0].indicator else {
      let isNumber = items.count == 1 && Double(items[0]) != nil
      throw GraftError(
        .mismatch, "wrong score of a pair", expected: "a number from 0 to 1",
        found: "'\(items.joined(separator: "|").prefix(60))'",
        advice: isNumber
          ? "Divide the scores by the highest, or learn them as they are: \(option: "loss") \(PairLoss.meanSquaredError.rawValue)."
          : "Write 1 for pairs that belong together and 0 for others."
      ).inRow(row)
    }
    return ValuesLabel([score])
  }
}
