import GraftCompute
import GraftCore
import GraftKit
import OrderedCollections

/// The parts that every report has, whatever was tested.
extension ReportContent {
  /// More rows than this are in `report.json` alone.
  private static let mostRows = 25
  private static let longestText = 320
  private static let mostClasses = 50
  private static let mostLabels = 20

  static func arms(_ results: RunResults) -> [Block] {
    var seeds: [UInt64] = []
    for seed in results.arms.flatMap(\.seeds) where !seeds.contains(seed.seed) { seeds.append(seed.seed) }
    let metrics = results.arms.compactMap(\.metric)
    let isOne = metrics.allSatisfy { $0 == metrics.first }
    // What no arm has gets no column, nor what has one already.
    let usual = results.arms.compactMap(\.usualMetric).map(\.key)
    let ranks = results.record.topRanks.map { "top_\($0)_accuracy" }
    let others = OrderedSet(usual + ["subset_accuracy", "f1_macro"] + ranks).subtracting(metrics.map(\.key))
    let more: [(name: String, cell: (RunResults.Arm) -> String?)] =
      (others.map { TestMetric(named: $0) }.map { metric in
        (metric.name.capitalizedFirst, { $0.score(metric).map { metric.text($0.mean) } })
      } + [("Loss", { $0.loss.map { NumberText.number($0.mean) } })]).filter { column in
        results.arms.contains { column.1($0) != nil }
      }
    let header =
      (isOne ? ["Arm"] : ["Arm", "Score"]) + seeds.map { "Seed \($0)" }
      + (seeds.count > 1 ? ["Mean", "Std. dev.", "Range"] : []) + more.map(\.name)
    let rows = results.arms.map { arm -> [String] in
      let metric = arm.metric
      let name = isOne ? [arm.name] : [arm.name, metric?.name.capitalizedFirst ?? "–"]
      let each = seeds.map { seed in
        metric.flatMap { metric in
          arm.seeds.first { $0.seed == seed }.flatMap { $0.score(metric) }.map(metric.text)
        } ?? "–"
      }
      let rest = more.map { $0.cell(arm) ?? "–" }
      guard seeds.count > 1 else { return name + each + rest }
      guard let score = arm.score, let metric else { return name + each + ["–", "–", "–"] + rest }
      let range = "\(metric.text(score.range.lowerBound)) to \(metric.text(score.range.upperBound))"
      return name + each + [metric.text(score.mean), score.deviation.map(metric.text) ?? "–", range] + rest
    }
    let table = Block.table(TextTable(header: header, rows: rows, words: isOne ? 1 : 2))
    guard isOne, let metric = metrics.first else { return [table] }
    let direction = metric.direction == .lower ? "; lower is better" : ""
    let chance = metric.key == TestMetric.accuracy.key ? results.arms.first?.seeds.first?.test?.chance : nil
    let guess = chance.map { " A choice by chance is right in \(NumberText.percent($0)) of them." } ?? ""
    return [
      .text("The score is \(metric.name) on \(metric.testUnits)\(direction).\(guess)"), table,
    ]
  }

  /// The scores of each fold; nothing without folds.
  static func folds(_ results: RunResults) -> [Block] {
    let arms = results.arms.compactMap { arm in
      arm.metric.flatMap { metric in arm.folds.map { (arm.name, metric, $0) } }
    }
    guard let count = arms.map(\.2.values.count).max() else { return [] }
    let tests = results.arms.flatMap(\.seeds).map(\.test)
    let isOfRows = tests.allSatisfy { $0?.scoring != nil }
    let table = TextTable(
      header: ["Arm"] + (1...count).map { "Fold \($0)" } + ["Mean", "Std. dev."],
      rows: arms.map { name, metric, folds in
        [name] + folds.values.map(metric.text) + [
          metric.text(folds.mean), folds.deviation.map(metric.text) ?? "–",
        ]
      })
    return [
      .heading("Folds"),
      .text(
        "Each text is predicted once with each seed, by the model that was trained on the other folds. The scores above are \(isOfRows ? "of all folds together" : "means over folds"), these of each, the mean over seeds; their standard deviation is over folds. How much another division would change is not part of the interval below."
      ), .table(table),
    ]
  }

  static func comparisons(_ results: RunResults) -> [Block] {
    let compared = results.comparisons.compactMap { comparison in comparison.result.map { (comparison, $0) } }
    guard !compared.isEmpty else { return [] }
    let rows = compared.map { comparison, result -> [String] in
      let bootstrap = result.bootstrap
      return [
        "\(comparison.second) − \(comparison.first)", result.metric.difference(bootstrap.difference),
        "\(result.metric.signed(bootstrap.interval.lowerBound)) to \(result.metric.difference(bootstrap.interval.upperBound))",
        NumberText.grouped(result.rows),
      ]
    }
    var blocks: [Block] = [
      .heading("Comparison"),
      .table(
        TextTable(
          header: [
            "Difference of \(compared[0].1.metric.name)", "Mean", "95 % interval",
            "Test \(compared[0].1.metric.units)",
          ],
          rows: rows)),
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
      "The interval is the percentile interval of \(NumberText.grouped(resamples)) bootstrap resamples, which draw test rows, the same for both arms, and seeds, in pairs where both arms have the same (Sellam et al., arXiv:2106.16163). It says how sure the difference is for other texts and other seeds of the same kinds."
      + (tests.isEmpty
        ? ""
        : " McNemar’s test asks of one seed’s two models whether they differ; its p-values of several seeds are not independent evidence.")
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

  static func languageModels(_ results: RunResults) -> TextTable {
    // What no model has gets no column.
    let columns: [(name: String, value: (RunResults.LanguageModelScore) -> Double?)] = [
      ("Pseudo-perplexity", { $0.pseudoPerplexity }), ("Perplexity", { $0.perplexity }),
      ("Loss", { $0.loss }),
    ].filter { column in results.languageModels.contains { column.1($0) != nil } }
    return TextTable(
      header: ["Arm", "Stage", "Seeds"] + columns.map(\.name),
      rows: results.languageModels.map { score in
        [score.arm, score.stage, score.seeds.map { String($0) }.joined(separator: ", ")]
          + columns.map { $0.value(score).map(NumberText.number) ?? "–" }
      }, words: 3)
  }

  static func classes(_ results: RunResults) -> TextTable {
    let arms = results.arms.filter { !$0.scores.isEmpty }.map { (name: $0.name, scores: $0.scores) }
    // Of one evaluation: a text is one text, however many seeds there are.
    let first = results.arms.flatMap(\.seeds).compactMap(\.test).first.map {
      TestPredictions.scores(of: [$0])
    }
    let haveClasses = results.arms.contains { $0.confusion != nil }
    return TextTable(
      header: [haveClasses ? "Class" : "Label", "Texts"]
        + arms.flatMap { ["Precision, \($0.name)", "Recall, \($0.name)", "F1, \($0.name)"] },
      rows: results.labels.prefix(mostClasses).map { label in
        [label, NumberText.grouped(first?[label]?.support ?? 0)]
          + arms.flatMap { arm -> [String] in
            guard let scores = arm.scores[label] else { return ["–", "–", "–"] }
            return [scores.precision, scores.recall, scores.f1].map(NumberText.percent)
          }
      })
  }

  /// Errors and correlations, the mean over the seeds of each arm, of several folds of all rows together; `nil` without a
  /// regression.
  static func values(_ results: RunResults) -> TextTable? {
    let arms = results.arms.filter { $0.seeds.contains { $0.results["eval_mse"] != nil } }
    guard !arms.isEmpty else { return nil }
    let scores = ["mse", "mae", "r2", "pearson", "spearman"].map { TestMetric(named: $0) }
    return TextTable(
      header: ["Arm"] + scores.map(\.name.capitalizedFirst),
      rows: arms.map { arm in
        [arm.name] + scores.map { metric in arm.score(metric).map { metric.text($0.mean) } ?? "undefined" }
      })
  }

  static func disagreements(_ results: RunResults) -> [Block] {
    results.comparisons.flatMap { comparison -> [Block] in
      guard let result = comparison.result, !result.disagreements.isEmpty else { return [] }
      let rows = result.disagreements
      let isRightOrWrong = result.isRightOrWrong
      func facts(_ arm: String, _ answer: Comparison.Disagreement.Answer) -> String {
        let label = answer.prediction.predictionText(result.names)
        if case .scored = answer.prediction, !isRightOrWrong {
          let score = "\(result.metric.name) \(result.metric.text(answer.quality))"
          return
            "\(arm): \(NumberText.shortened(label, to: longestText)) (\(score)\(answer.seeds == 1 ? "" : ", the mean of \(answer.seeds) seeds"))"
        }
        if let probability = answer.probability(result.metric) {
          return "\(arm): \(label), the right one has \(NumberText.percent(probability))"
        }
        if case .values = answer.prediction {
          return answer.seeds == 1 ? "\(arm): \(label)" : "\(arm): \(label) with the first seed"
        }
        return answer.seeds == 1
          ? "\(arm): \(label)" : "\(arm): \(label), \(answer.right) of \(answer.seeds) seeds right"
      }
      let gains = rows.count { $0.second.quality > $0.first.quality }
      return [
        .heading("Where \(comparison.second) and \(comparison.first) disagree"),
        .text(
          "On \(NumberText.count(rows.count, "text")) one arm is \(isRightOrWrong ? "right more often" : "nearer") than the other: \(comparison.second) on \(NumberText.grouped(gains)), \(comparison.first) on \(NumberText.grouped(rows.count - gains))."
            + (rows.count > mostRows
              ? " The \(mostRows) most unequal are shown; report.json has all of them." : "")
            + ReportContent.numbering),
        .quotes(
          rows.prefix(mostRows).map { row in
            Quote(
              text: quoted(row.text, row.pair, beside: row.label.labelText(result.names)),
              facts: [
                "\(row.place.title), labelled \(row.label.labelText(result.names))",
                facts(comparison.first, row.first),
                facts(comparison.second, row.second),
              ])
          }),
      ]
    }
  }

  /// How rows are numbered where their texts are shown.
  static let numbering =
    " Rows of the test data are counted from 1, without a header; in report.json and predictions.jsonl from 0."

  /// A text and what stands beside it, unless the label says that.
  static func quoted(_ text: String, _ pair: String?, beside label: String) -> String {
    guard let pair, pair != label else { return NumberText.shortened(text, to: longestText) }
    return [text, pair].map { NumberText.shortened($0, to: longestText / 2) }.joined(separator: " / ")
  }

  /// The labels of a data set, those of a regression as their range.
  private static func labels(of set: RunRecord.DataSet, _ results: RunResults) -> String {
    if results.arms.contains(where: { $0.usualMetric == .r2 }) {
      guard let range = set.labelRange else { return set.labels.isEmpty ? "" : "values" }
      let ends = [range.lowerBound, range.upperBound].map(NumberText.number)
      return ends.map { $0.replacing("-", with: "−") }.joined(separator: " to ")
    }
    let shown = set.labels.prefix(mostLabels).joined(separator: ", ")
    return set.labels.count > mostLabels ? "\(shown), …" : shown
  }

  static func data(_ results: RunResults) -> TextTable {
    let sets = results.record.data
    let written = sets.map { labels(of: $0, results) }
    let haveLabels = written.contains { !$0.isEmpty }
    return TextTable(
      header: ["Data", "Files"] + (haveLabels ? ["Labels"] : []) + ["SHA-256", "Rows"],
      rows: zip(sets, written).map { set, labels in
        [set.name, set.files.joined(separator: ", ")] + (haveLabels ? [labels] : [])
          + [set.sha256, NumberText.grouped(set.rows)]
      }, words: haveLabels ? 4 : 3)
  }

  static func provenance(_ results: RunResults) -> [Block] {
    let record = results.record
    let stages = record.arms.flatMap { arm in
      arm.seeds.flatMap { seed, fold, stages in
        stages.map { stage in
          [
            arm.name, stage.name, stage.head ?? "–", stage.directory ?? "–",
            fold.map { "\(seed), fold \($0)" } ?? String(seed),
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
      .table(data(results)),
      .table(
        TextTable(
          header: ["Machine", ""],
          rows: record.machine.map { [$0.name, $0.value.string ?? $0.value.text()] }
            + [["Graft", record.version]], words: 2)),
      .table(
        TextTable(
          header: ["Arm", "Stage", "Head", "Directory", "Seed", "Time", "From the cache"], rows: stages,
          words: 4)),
      .heading("Configuration"),
      .code(YAMLText.render(record.experiment)),
    ]
  }
}

extension TestPredictions.Row.Answer {
  /// What the data say, by the names of the classes.
  fileprivate func labelText(_ names: [String]) -> String {
    switch self {
    case .classes(let label, _): names[label]
    case .labels(let label, _): Self.text(label, names)
    case .values(let label, _): label.map(TestMetric.r2.text).joined(separator: ", ")
    case .scored(_, let label, _): label
    }
  }

  /// What the model said, likewise.
  fileprivate func predictionText(_ names: [String]) -> String {
    switch self {
    case .classes(_, let prediction): names[prediction]
    case .labels(_, let prediction): Self.text(prediction, names)
    case .values(_, let prediction): prediction.map(TestMetric.r2.text).joined(separator: ", ")
    case .scored(_, _, let prediction): prediction
    }
  }

  private static func text(_ labels: [Bool], _ names: [String]) -> String {
    let given = zip(names, labels).filter(\.1).map(\.0)
    return given.isEmpty ? "none" : given.joined(separator: ", ")
  }
}
