import GraftKit

extension ReportContent {
  /// More points than this are in `report.json` alone.
  private static let mostPoints = 50

  /// What a search found: a sentence, the points from the best to the worst, and the plot of them.
  static func search(_ search: OptionSearchResults, _ plots: [NamedPlot]) -> [Block] {
    guard let best = search.bestTrial else { return [] }
    let points = Set(search.trials.map(\.point)).count
    let metric = search.spelledMetric
    var text =
      "The options of \(search.arm) are those of the best of \(NumberText.count(points, "point")), "
      + "point \(best.point): \(search.spelled(best)). "
      + "The points were compared by \(metric) of the stage \(search.stage)"
      + (best.score.map { ", where the best has \(search.text($0))" } ?? "")
      + " (\(search.folds.map { "the mean over \($0) folds, " } ?? "")\(NumberText.count(search.seeds.count, "seed")))."
    if search.ties > 0 {
      text +=
        " \(NumberText.count(search.ties, "other point")) \(search.ties == 1 ? "has" : "have") the same score; the first was taken."
    }
    if search.folds != nil {
      text += " Other tables have the score of all folds together, which is another number."
    }
    if !search.refit.isEmpty {
      text +=
        " In the end \(search.arm) ran with \(search.refit.joined(separator: ", ")) instead: scores on rows that it has learnt since mean nothing."
    }
    let ranking = search.ranking
    if ranking.count > mostPoints {
      text += " The \(mostPoints) best are shown; report.json has all of them."
    }
    let rungs = search.rungs.map { [$0.name] } ?? []
    let table = TextTable(
      header: ["Point"] + search.options + rungs + [metric.capitalizedFirst, "Std. dev."],
      rows: ranking.prefix(mostPoints).map { trial in
        let summary = trial.score == nil ? nil : Summary(trial.scores.compactMap(\.self))
        return [String(trial.point)] + trial.values
          + (search.rungs.map { [$0.values[trial.round]] } ?? []) + [
            summary.map { search.text($0.mean) } ?? "diverged",
            summary?.deviation.map(search.text) ?? "–",
          ]
      })
    return [.heading("Search"), .text(text)] + (plots.isEmpty ? [] : [.plots(plots)]) + [.table(table)]
  }
}

extension OptionSearchResults {
  /// What a verdict is to be read with; `nil` where the options were chosen on rows of their own.
  var caveat: String? {
    guard decidedByTest else { return nil }
    return
      "The options of \(arm) were chosen on the same test rows, so that its score is too good for other texts."
  }

  private var known: TestMetric { TestMetric(named: metric) }

  /// In sentences: `micro F1`, `dev_loss`.
  package var spelledMetric: String { known.name }

  /// A value of the score: `86.8 %`, `0.4213`.
  package func text(_ value: Double) -> String { known.text(value) }
}
