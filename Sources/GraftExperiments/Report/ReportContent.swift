import GraftCompute
import GraftCore
import GraftKit

/// The report as a sequence of parts, which HTML and Markdown spell each in its way.
package struct ReportContent {
  package let title: String
  /// What was run, when and for how long, in a line.
  package let subtitle: String
  package let verdicts: [Verdict]
  package let verdict: String
  package let blocks: [Block]
  /// Every plot with the name of its file.
  package let plots: [NamedPlot]

  package enum Block {
    case heading(String)
    case text(String)
    case table(TextTable)
    case plots([NamedPlot])
    case quotes([Quote])
    case code(String)
  }

  package struct NamedPlot {
    let name: String
    let plot: Plot
  }

  /// A text from the data, and what is said about it.
  package struct Quote {
    let text: String
    let facts: [String]
  }

  /// More rows than this are in `report.json` alone.
  private static let mostRows = 25
  private static let longestText = 320
  private static let mostClasses = 50

  package init(_ results: RunResults) {
    let record = results.record
    title = record.name
    let (arms, seeds) = (results.arms.count, results.arms.map(\.seeds.count).max() ?? 0)
    subtitle =
      "\(NumberText.count(arms, "arm")), \(NumberText.count(seeds, "seed")); started \(record.started), took \(NumberText.duration(record.seconds)); Graft \(record.version)"
    verdicts = results.verdicts
    verdict = results.verdictText

    let series = { (arm: String) in
      (results.arms.firstIndex { $0.name == arm } ?? 0) % PlotStyle.seriesCount
    }
    var plots: [NamedPlot] = []
    func add(_ name: String, _ plot: Plot?) -> [NamedPlot] {
      guard let plot else { return [] }
      plots.append(NamedPlot(name: name, plot: plot))
      return [plots[plots.count - 1]]
    }
    let strips =
      add("accuracies", StripPlot.accuracies(results.arms, series: series))
      + add("differences", StripPlot.differences(results.comparisons, series: series))
    let curves = results.curves.flatMap { add($0.id, LinePlot.draw($0, series: series)) }
    let matrices = results.arms.enumerated().flatMap { index, arm in
      arm.confusion.map { matrix in
        add(
          "confusion-\(index + 1)-\(CurveGroup.slug(arm.name))",
          ConfusionPlot.draw(matrix, labels: results.labels, arm: arm.name))
      } ?? []
    }
    self.plots = plots

    var blocks: [Block] = []
    if !strips.isEmpty { blocks.append(.plots(strips)) }
    blocks += [.heading("Arms and seeds"), .table(ReportContent.arms(results))]
    blocks += ReportContent.comparisons(results)
    if !curves.isEmpty { blocks += [.heading("Training"), .plots(curves)] }
    if !results.languageModels.isEmpty {
      blocks += [
        .heading("Language model"), .table(ReportContent.languageModels(results)),
        .text(
          "Pseudo-perplexity masks every token in turn (Salazar et al., arXiv:1910.14659); the loss is of one fixed choice of masks. Lower is better."
        ),
      ]
    }
    if results.arms.contains(where: { $0.confusion != nil }) {
      blocks += [.heading("Classes"), .table(ReportContent.classes(results))]
      var text = "Precision, recall and F1 are of the counts of all seeds together."
      if !matrices.isEmpty {
        text +=
          " The matrices show these counts: rows are the actual classes, columns what they were taken for."
      }
      blocks.append(.text(text))
      if !matrices.isEmpty { blocks.append(.plots(matrices)) }
    }
    blocks += ReportContent.disagreements(results)
    blocks += ReportContent.provenance(record)
    self.blocks = blocks
  }

  // MARK: Parts

  private static func arms(_ results: RunResults) -> TextTable {
    var seeds: [UInt64] = []
    for seed in results.arms.flatMap(\.seeds) where !seeds.contains(seed.seed) { seeds.append(seed.seed) }
    return TextTable(
      header: ["Arm"] + seeds.map { "Seed \($0)" } + ["Mean", "Std. dev.", "Range", "Macro F1", "Loss"],
      rows: results.arms.map { arm in
        let each = seeds.map { seed in
          arm.seeds.first { $0.seed == seed }?.test.map { NumberText.percent($0.confusion.accuracy) } ?? "–"
        }
        guard let accuracy = arm.accuracy else { return [arm.name] + each + ["–", "–", "–", "–", "–"] }
        let range = accuracy.range
        return [arm.name] + each + [
          NumberText.percent(accuracy.mean), accuracy.deviation.map { NumberText.percent($0) } ?? "–",
          "\(NumberText.percent(range.lowerBound)) to \(NumberText.percent(range.upperBound))",
          arm.f1.map { NumberText.percent($0.mean) } ?? "–",
          arm.loss.map { NumberText.number($0.mean) } ?? "–",
        ]
      })
  }

  private static func comparisons(_ results: RunResults) -> [Block] {
    let compared = results.comparisons.compactMap { comparison in comparison.result.map { (comparison, $0) } }
    guard !compared.isEmpty else { return [] }
    let rows = compared.map { comparison, result -> [String] in
      let bootstrap = result.bootstrap
      return [
        "\(comparison.second) − \(comparison.first)", NumberText.points(bootstrap.difference),
        "\(NumberText.signed(bootstrap.interval.lowerBound)) to \(NumberText.points(bootstrap.interval.upperBound))",
        NumberText.grouped(result.rows),
      ]
    }
    var blocks: [Block] = [
      .heading("Comparison"),
      .table(
        TextTable(header: ["Difference of accuracy", "Mean", "95 % interval", "Test texts"], rows: rows)),
    ]
    let tests = compared.flatMap { comparison, result in
      result.tests.map { seed, test in
        [
          "\(comparison.second) − \(comparison.first)", String(seed), NumberText.grouped(test.onlyFirst),
          NumberText.grouped(test.onlySecond), NumberText.probability(test.p),
          test.isExact ? "exact" : "chi-squared",
        ]
      }
    }
    if !tests.isEmpty {
      blocks.append(
        .table(
          TextTable(
            header: [
              "McNemar’s test", "Seed", "Only \(compared[0].0.first) right", "Only the other right", "p",
              "Kind",
            ],
            rows: tests)))
    }
    let resamples = compared.map(\.1.bootstrap.resamples).max() ?? 0
    var method =
      "The interval is the percentile interval of \(NumberText.grouped(resamples)) bootstrap resamples, which draw test rows, the same for both arms, and seeds, in pairs where both arms have the same (Sellam et al., arXiv:2106.16163). It says how sure the difference is for other texts and other seeds of the same kinds. "
      + "McNemar’s test asks of one seed’s two models whether they differ; its p-values of several seeds are not independent evidence."
    if compared.contains(where: { $0.1.bootstrap.seeds < 5 }) {
      method += " With fewer than five seeds the interval is somewhat too narrow."
    }
    let shared = results.record.sharedStages
    if !shared.isEmpty {
      method +=
        " All seeds share \(shared.joined(separator: ", ")), so the interval does not say how much another run of that would change."
    }
    if compared.count > 1 { method += " The intervals are not widened for comparing several arms." }
    return blocks + [.text(method)]
  }

  private static func languageModels(_ results: RunResults) -> TextTable {
    TextTable(
      header: ["Arm", "Stage", "Seeds", "Pseudo-perplexity", "Loss"],
      rows: results.languageModels.map { score in
        [
          score.arm, score.stage, score.seeds.map { String($0) }.joined(separator: ", "),
          score.pseudoPerplexity.map(NumberText.number) ?? "–",
          score.loss.map(NumberText.number) ?? "–",
        ]
      }, words: 3)
  }

  private static func classes(_ results: RunResults) -> TextTable {
    let arms = results.arms.compactMap { arm in
      arm.confusion.map { (name: arm.name, scores: $0.scores) }
    }
    // Of one evaluation: a text is one text, however many seeds there are.
    let texts = results.arms.flatMap(\.seeds).compactMap(\.test).first?.confusion.scores
    return TextTable(
      header: ["Class", "Texts"]
        + arms.flatMap { ["Precision, \($0.name)", "Recall, \($0.name)", "F1, \($0.name)"] },
      rows: results.labels.indices.prefix(mostClasses).map { label in
        [results.labels[label], NumberText.grouped(texts?[label].support ?? 0)]
          + arms.flatMap { arm -> [String] in
            let scores = arm.scores[label]
            return [scores.precision, scores.recall, scores.f1].map(NumberText.percent)
          }
      })
  }

  private static func disagreements(_ results: RunResults) -> [Block] {
    results.comparisons.flatMap { comparison -> [Block] in
      guard let rows = comparison.result?.disagreements, !rows.isEmpty else { return [] }
      func facts(_ arm: String, _ answer: Comparison.Disagreement.Answer) -> String {
        let label = results.labels[answer.prediction]
        return answer.seeds == 1
          ? "\(arm): \(label)" : "\(arm): \(label), \(answer.right) of \(answer.seeds) seeds right"
      }
      let gains = rows.count { $0.second.share > $0.first.share }
      return [
        .heading("Where \(comparison.second) and \(comparison.first) disagree"),
        .text(
          "On \(NumberText.count(rows.count, "text")) one arm is right more often than the other: \(comparison.second) on \(NumberText.grouped(gains)), \(comparison.first) on \(NumberText.grouped(rows.count - gains))."
            + (rows.count > mostRows
              ? " The \(mostRows) most unequal are shown; report.json has all of them." : "")),
        .quotes(
          rows.prefix(mostRows).map { row in
            Quote(
              text: NumberText.shortened(row.text, to: longestText),
              facts: [
                "row \(row.row), labelled \(results.labels[row.label])", facts(comparison.first, row.first),
                facts(comparison.second, row.second),
              ])
          }),
      ]
    }
  }

  private static func provenance(_ record: RunRecord) -> [Block] {
    let stages = record.arms.flatMap { arm in
      arm.seeds.flatMap { seed, stages in
        stages.map { stage in
          [
            arm.name, stage.name, stage.head ?? "–", stage.directory ?? "–", String(seed),
            stage.seconds.map(NumberText.duration) ?? "–", stage.isCached ? "yes" : "no",
          ]
        }
      }
    }
    return [
      .heading("What was run"),
      .table(
        TextTable(
          header: ["Base checkpoint", "SHA-256 of the weights", "Parameters"],
          rows: [[record.base.path, record.base.sha256, NumberText.grouped(record.base.parameters)]], words: 2
        )),
      .table(
        TextTable(
          header: ["Data", "Files", "Labels", "SHA-256", "Rows"],
          rows: record.data.map { set in
            [
              set.name, set.files.joined(separator: ", "), set.labels.joined(separator: ", "), set.sha256,
              NumberText.grouped(set.rows),
            ]
          }, words: 4)),
      .table(
        TextTable(
          header: ["Machine", ""],
          rows: record.machine.map { [$0.name, $0.value] } + [["Graft", record.version]], words: 2)),
      .table(
        TextTable(
          header: ["Arm", "Stage", "Head", "Directory", "Seed", "Time", "From the cache"], rows: stages,
          words: 4)),
      .heading("Configuration"),
      .code(YAMLText.render(record.experiment)),
    ]
  }
}
