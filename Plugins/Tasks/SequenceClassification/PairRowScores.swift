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
    var relevant: [String: [String]] = [:]
    for (pair, row) in zip(pairs, rows) where pair.label == 1 {
      relevant[pair.query, default: []].append(row.pair ?? "")
    }
    var seen: Set<String> = []
    return RowScores(
      "ndcg@\(TextRanking.cutoff)", .mean, unit: "query",
      rows: pairs.map { pair in
        guard let ranking = rankings[pair.query], seen.insert(pair.query).inserted else {
          return RowScores.Row([], label: "", prediction: "")
        }
        return RowScores.Row(
          [ranking.ndcg],
          label: relevant[pair.query]?.joined(separator: " | ") ?? "nothing",
          prediction: best[pair.query].flatMap { rows[$0].pair } ?? "")
      })
  }
}
