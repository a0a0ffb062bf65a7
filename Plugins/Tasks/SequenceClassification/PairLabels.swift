import GraftCompute
import GraftCore
import GraftTensors

extension SequenceClassification {
  /// Of pairs of a cross-encoder: how the texts of each query are sorted or, where that says nothing, how scores go with
  /// the labels.
  public func rowScores(
    _ predictions: [TextLabels], of labels: [(any ExampleLabel)?], _ rows: [TextRow],
    _ backend: any ComputeBackend
  ) throws -> RowScores? {
    guard scoresPairs else { return nil }
    let pairs = zip(zip(predictions, labels), rows).map { prediction, row in
      PairScores.Pair(
        query: row.text, score: prediction.0.score,
        label: (prediction.1 as? ValuesLabel)?.values.first ?? 0)
    }
    var scores = PairScores()
    scores.add(pairs)
    guard let rankings = scores.rankings else {
      return RowScores(
        "spearman", .spearman, unit: "pair",
        rows: pairs.map {
          RowScores.Row(
            [Double($0.score), Double($0.label)], label: JSON($0.label).text(),
            prediction: JSON($0.score).text())
        })
    }
    var best: [String: Int] = [:]
    for (place, pair) in pairs.enumerated() {
      if best[pair.query].map({ pairs[$0].score < pair.score }) ?? true { best[pair.query] = place }
    }
    var seen: Set<String> = []
    return RowScores(
      "ndcg@\(TextRanking.cutoff)", .mean, unit: "query",
      rows: pairs.map { pair in
        guard let ranking = rankings[pair.query], seen.insert(pair.query).inserted else {
          return RowScores.Row([], label: "", prediction: "")
        }
        let relevant = zip(pairs, rows).filter { $0.0.query == pair.query && $0.0.label == 1 }
        return RowScores.Row(
          [ranking.gain],
          label: relevant.isEmpty ? "nothing" : relevant.map { $0.1.pair ?? "" }.joined(separator: " | "),
          prediction: best[pair.query].flatMap { rows[$0].pair } ?? "")
      })
  }

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
    guard row.pair != nil else {
      throw GraftError(
        .missing, "there is no second text to score with the first",
        advice: "Say which column has it: \(option: "pair-column")."
      ).inRow(row)
    }
    let items = row.label?.items(named: []) ?? []
    if items.allSatisfy(\.isBlank) { return nil }
    guard items.count == 1, let score = items[0].indicator else {
      throw GraftError(
        .mismatch, "wrong score of a pair", expected: "a number from 0 to 1",
        found: "'\(items.joined(separator: "|").prefix(60))'",
        advice:
          "Divide the scores by the highest, or learn them as they are: \(option: "loss") \(PairLoss.meanSquaredError.rawValue)."
      ).inRow(row)
    }
    return ValuesLabel([score])
  }
}
