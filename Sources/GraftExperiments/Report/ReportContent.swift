import GraftCompute
import GraftCore
import GraftKit
import OrderedCollections

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

  /// Of a regression, how many values have plots.
  private static let mostOutputs = 6

  /// A report that is not about a run.
  init(title: String, subtitle: String, verdict: String, blocks: [Block]) {
    (self.title, self.subtitle, self.verdict, self.blocks) = (title, subtitle, verdict, blocks)
    (verdicts, plots) = ([], [])
  }

  package init(_ results: RunResults) {
    let record = results.record
    title = record.name
    let tested = [results] + results.heads
    let arms = results.heads.isEmpty ? results.arms.count : record.arms.count
    let seeds = tested.flatMap(\.arms).map(\.seeds.count).max() ?? 0
    subtitle =
      "\(NumberText.count(arms, "arm")), \(NumberText.count(seeds, "seed")); started \(record.started), took \(NumberText.duration(record.seconds)); Graft \(record.version)"
    verdicts = results.allVerdicts
    verdict = results.verdictText

    var plots: [NamedPlot] = []
    let heads = results.heads.isEmpty ? [results] : results.heads
    let sections = heads.map { Section($0, of: results, adding: &plots) }
    let parallel = Self.add("search", record.search.flatMap(ParallelPlot.draw), to: &plots)
    let curves = results.curves.flatMap {
      Self.add($0.id, LinePlot.draw($0, series: Self.series(results)), to: &plots)
    }
    var common: [Block] = []
    if !record.notes.isEmpty {
      common += [.heading("What to know of the data")] + record.notes.map { .text("\($0.capitalizedFirst).") }
    }
    if let search = record.search { common += ReportContent.search(search, parallel) }
    if !curves.isEmpty { common += [.heading("Training"), .plots(curves)] }
    if !results.languageModels.isEmpty {
      let havePerplexity = results.languageModels.contains { $0.pseudoPerplexity != nil }
      common += [
        .heading("Language model"), .table(ReportContent.languageModels(results)),
        .text(
          (havePerplexity
            ? "Pseudo-perplexity masks every token in turn (Salazar et al., arXiv:1910.14659). " : "")
            + "The perplexity is the exponential of the loss, and both are of one fixed choice of masks. Lower is better."
        ),
      ]
    }
    // With several heads, what is about one stands together.
    let blocks =
      results.heads.isEmpty
      ? sections[0].scores + common + sections[0].details
      : sections.flatMap { $0.scores + $0.details } + common
    self.plots = plots
    self.blocks = blocks + ReportContent.provenance(results)
  }

  /// What is about the tests of one head.
  private struct Section {
    /// Tables and plots of scores, and how arms compare.
    let scores: [Block]
    /// What the scores are made of.
    let details: [Block]

    /// - Parameters:
    ///   - results: The head's.
    ///   - all: Those of the whole run, whose arms have colours.
    init(_ results: RunResults, of all: RunResults, adding plots: inout [NamedPlot]) {
      let series = ReportContent.series(all)
      let slug = results.head.map { "-\(CurveGroup.slug($0))" } ?? ""
      func add(_ name: String, _ plot: Plot?) -> [NamedPlot] {
        ReportContent.add(name + slug, plot, to: &plots)
      }
      let strips =
        add(
          results.arms.compactMap(\.metric).first?.key == TestMetric.accuracy.key ? "accuracies" : "scores",
          StripPlot.scores(results.arms, series: series))
        + add("differences", StripPlot.differences(results.comparisons, series: series))
      let retrieval = TaskReport.retrieval(results)
      let found = retrieval.flatMap { add($0.id, LinePlot.draw($0, series: series)) }
      let matrices = results.arms.enumerated().flatMap { index, arm in
        arm.confusion.map { matrix in
          add(
            "confusion-\(index + 1)-\(CurveGroup.slug(arm.name))",
            ConfusionPlot.draw(matrix, labels: results.labels, arm: arm.name))
        } ?? []
      }
      let scatters = results.arms.enumerated().flatMap { index, arm in
        (arm.seeds.first?.test).map { test in
          test.names.indices.prefix(ReportContent.mostOutputs).flatMap { output in
            ScatterPlot.Kind.allCases.flatMap { kind in
              add(
                "\(kind.rawValue)-\(index + 1)-\(output + 1)-\(CurveGroup.slug(arm.name))",
                ScatterPlot.draw(test, output: output, kind, arm: arm.name, series: series(arm.name)))
            }
          }
        } ?? []
      }

      var blocks: [Block] = []
      if !strips.isEmpty { blocks.append(.plots(strips)) }
      blocks += [.heading("Arms and seeds")] + ReportContent.arms(results)
      blocks += ReportContent.folds(results)
      blocks += ReportContent.comparisons(results)
      scores = blocks.map { $0.about(results.head) }

      blocks = []
      if results.arms.contains(where: { !$0.scores.isEmpty }) {
        let haveClasses = results.arms.contains { $0.confusion != nil }
        blocks += [.heading(haveClasses ? "Classes" : "Labels"), .table(ReportContent.classes(results))]
        var text = "Precision, recall and F1 are of the counts of all seeds together."
        if !matrices.isEmpty {
          text +=
            " The matrices show these counts: rows are the actual classes, columns what they were taken for."
        }
        blocks.append(.text(text))
        if !matrices.isEmpty { blocks.append(.plots(matrices)) }
      }
      if let kinds = TaskReport.kinds(results) {
        blocks += [
          .heading("Entities"), .table(kinds),
          .text(
            "Precision, recall and F1 are means over seeds. An entity is right when its type and all its words are."
          ),
        ]
      }
      if let answers = TaskReport.answers(results) {
        blocks += [
          .heading("Questions without an answer"), .table(answers.table), .text(answers.text),
        ]
      }
      if let table = TaskReport.retrievalTable(retrieval) {
        blocks += [
          .heading("Retrieval"), .table(table),
          .text("What is found among the first k texts, the means over queries and seeds."), .plots(found),
        ]
      }
      if let values = ReportContent.values(results) {
        blocks += [.heading("Values"), .table(values)]
      }
      if !scatters.isEmpty {
        blocks += [
          .text(
            "A point is a test text, as the first seed predicted it. On the line the prediction is right; a residual is the prediction minus the actual value."
          ), .plots(scatters),
        ]
      }
      blocks += TaskReport.errors(results)
      blocks += ReportContent.disagreements(results)
      details = blocks.map { $0.about(results.head) }
    }
  }

  /// Which colour an arm has.
  private static func series(_ results: RunResults) -> (_ arm: String) -> Int {
    { arm in
      (results.record.arms.firstIndex { $0.name == arm } ?? 0) % PlotStyle.seriesCount
    }
  }

  /// Adds a plot, where there is one.
  private static func add(_ name: String, _ plot: Plot?, to plots: inout [NamedPlot]) -> [NamedPlot] {
    guard let plot else { return [] }
    plots.append(NamedPlot(name: name, plot: plot))
    return [plots[plots.count - 1]]
  }
}

extension ReportContent.Block {
  /// The same, with the name of one of several heads in a heading.
  fileprivate func about(_ head: String?) -> Self {
    if case .heading(let text) = self, let head { .heading("\(text) (\(head))") } else { self }
  }
}
