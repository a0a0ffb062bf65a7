import GraftCore
import GraftKit
import GraftTensors
import OrderedCollections

/// What a report says of tasks whose rows are more than right or wrong: entities and answers, texts that are found or
/// sorted.
enum TaskReport {
  /// More rows than this are in `report.json` alone.
  private static let mostRows = 25
  private static let longestText = 320
  private static let mostKinds = 50

  /// How well each kind of thing is found, such as types of entities: the means over the seeds of each arm. `nil` without
  /// kinds.
  static func kinds(_ results: RunResults) -> TextTable? {
    let arms = results.arms.filter { arm in arm.seeds.contains { !$0.kinds.isEmpty } }
    guard !arms.isEmpty else { return nil }
    var names: [String] = []
    for kind in arms.flatMap(\.seeds).flatMap(\.kinds) where !names.contains(kind.name) {
      names.append(kind.name)
    }
    return TextTable(
      header: ["Type", "In the data"]
        + arms.flatMap { ["Precision, \($0.name)", "Recall, \($0.name)", "F1, \($0.name)"] },
      rows: names.sorted().prefix(mostKinds).map { name in
        let all = arms.map { arm in
          arm.seeds.compactMap { seed in seed.kinds.first { $0.name == name }?.scores }
        }
        func mean(_ scores: [ConfusionMatrix.Scores], _ path: KeyPath<ConfusionMatrix.Scores, Double>)
          -> String
        {
          // A type that a seed did not meet and did not find has no scores there.
          scores.isEmpty
            ? "–" : NumberText.percent(scores.reduce(0) { $0 + $1[keyPath: path] } / Double(scores.count))
        }
        return [name, NumberText.grouped(all.joined().map(\.support).max() ?? 0)]
          + all.flatMap { [mean($0, \.precision), mean($0, \.recall), mean($0, \.f1)] }
      })
  }

  /// How well questions with and without an answer are answered, beside saying "no answer" always: the means over the seeds
  /// of each arm. `nil` where every question has an answer, or none has.
  static func answers(_ results: RunResults) -> (table: TextTable, text: String)? {
    typealias Share = (with: Double, without: Double)
    var counts: (with: Int, without: Int)?
    let arms = results.arms.compactMap { arm -> (name: String, metric: TestMetric, share: Share)? in
      let tests = arm.seeds.compactMap(\.test)
      guard let metric = tests.first?.usual, metric.rule == .mean else { return nil }
      let each = tests.compactMap { test -> Share? in
        let scores = test.rows.compactMap { row -> (isAnswered: Bool, score: Double)? in
          guard case .scored(let terms, let label, _) = row.answer, let score = terms.first else {
            return nil
          }
          return (label != RowScores.Row.noAnswer, score)
        }
        let (with, without) = (scores.filter(\.isAnswered), scores.filter { !$0.isAnswered })
        guard !with.isEmpty, !without.isEmpty else { return nil }
        counts = (with.count, without.count)
        func mean(_ scores: [(isAnswered: Bool, score: Double)]) -> Double {
          scores.reduce(0) { $0 + $1.score } / Double(scores.count)
        }
        return (mean(with), mean(without))
      }
      guard !each.isEmpty, each.count == tests.count else { return nil }
      let count = Double(each.count)
      return (
        arm.name, metric,
        (each.reduce(0) { $0 + $1.with } / count, each.reduce(0) { $0 + $1.without } / count)
      )
    }
    guard let metric = arms.first?.metric, let counts else { return nil }
    let total = counts.with + counts.without
    func row(_ name: String, _ share: Share) -> [String] {
      let mean = (Double(counts.with) * share.with + Double(counts.without) * share.without) / Double(total)
      return [name] + [mean, share.with, share.without].map(metric.text)
    }
    return (
      TextTable(
        header: ["Arm", "All", "With an answer", "Without an answer"],
        rows: arms.map { row($0.name, $0.share) } + [row("“no answer” always", (0, 1))]),
      "\(metric.name.capitalizedFirst) of the \(NumberText.grouped(counts.with)) \(metric.units) that have an answer and the \(NumberText.grouped(counts.without)) that have none, the means over seeds. Whoever says “no answer” to all of them has the last row."
    )
  }

  /// Recall and nDCG among the first texts that were found, for every arm and seed; none without retrieval.
  static func retrieval(_ results: RunResults) -> [CurveGroup] {
    let quantities: [(id: String, title: String, path: KeyPath<RunResults.RetrievalPoint, Double>)] = [
      ("recall-at-k", "Recall among the first k texts", \.recall),
      ("ndcg-at-k", "nDCG of the first k texts", \.ndcg),
    ]
    return quantities.compactMap { id, title, path in
      let curves = results.arms.flatMap { arm in
        arm.seeds.filter { !$0.retrieval.isEmpty }.map { seed in
          CurveGroup.Curve(
            arms: [arm.name], seed: seed.seed,
            points: seed.retrieval.map { (x: Double($0.cutoff), y: $0[keyPath: path]) })
        }
      }
      return curves.isEmpty
        ? nil : CurveGroup(id: id, title: title, isShare: false, axis: "k", curves: curves)
    }
  }

  /// The same as a table, the means over the seeds of each arm.
  static func retrievalTable(_ groups: [CurveGroup]) -> TextTable? {
    guard let recall = groups.first, let gain = groups.last else { return nil }
    let (one, two) = (recall.means, gain.means)
    return TextTable(
      header: ["k"] + zip(one, two).flatMap { ["Recall, \($0.0.arms[0])", "nDCG, \($0.1.arms[0])"] },
      rows: (one.first?.points ?? []).indices.map { place in
        [NumberText.grouped(Int(one[0].points[place].x))]
          + zip(one, two).flatMap { recall, gain in
            [recall, gain].map { curve in
              curve.points.indices.contains(place) ? NumberText.number(curve.points[place].y) : "–"
            }
          }
      })
  }

  /// A row that an arm did not answer well.
  struct Mistake {
    let place: TestPredictions.Place
    let text: String
    let pair: String?
    let label: String
    /// What the first seed said.
    let prediction: String
    /// The mean over seeds of what the row scores, 0 to 1.
    let quality: Double
    /// How many seeds have it right.
    let right: Int
  }

  /// The rows of an arm that are not answered as the data say, the worst first; none of a task that does not score its
  /// rows.
  static func mistakes(_ arm: RunResults.Arm) -> [Mistake] {
    let tests = arm.seeds.compactMap(\.test)
    guard let first = tests.first, let rule = first.usual.rule, rule != .spearman,
      tests.allSatisfy({ $0.isOnTheSameRows(as: first) })
    else { return [] }
    let rows = first.rows.enumerated().compactMap { index, row -> Mistake? in
      guard case .scored(_, let label, let prediction) = row.answer else { return nil }
      let sum = tests.reduce(0) { $0 + $1.rows[index].quality(first.usual) }
      let quality = sum / Double(tests.count)
      let right = tests.count { $0.rows[index].isRight }
      return quality < 1
        ? Mistake(
          place: row.place, text: row.text, pair: row.pair, label: label, prediction: prediction,
          quality: quality, right: right)
        : nil
    }
    return rows.enumerated().sorted { ($0.element.quality, $0.offset) < ($1.element.quality, $1.offset) }
      .map(\.element)
  }

  /// The worst rows of each arm.
  static func errors(_ results: RunResults) -> [ReportContent.Block] {
    results.arms.flatMap { arm -> [ReportContent.Block] in
      let mistakes = mistakes(arm)
      guard !mistakes.isEmpty, let test = arm.seeds.first?.test else { return [] }
      let metric = test.usual
      let verb = mistakes.count == 1
      let what =
        test.isRightOrWrong
        ? "\(verb ? "is" : "are") not answered right"
        : "\(verb ? "does" : "do") not reach the full \(metric.name)"
      let seeds = arm.seeds.count
      func score(_ row: Mistake) -> String {
        if test.isRightOrWrong { return seeds > 1 ? " (\(row.right) of \(seeds) seeds right)" : "" }
        return " (\(metric.name) \(metric.text(row.quality)))"
      }
      let ofSeeds =
        seeds == 1
        ? ""
        : " The answers are the first seed’s\(test.isRightOrWrong ? "" : ", the \(metric.name) is the mean of \(seeds) seeds")."
      return [
        .heading("Errors of \(arm.name)"),
        .text(
          "\(NumberText.grouped(mistakes.count)) of \(NumberText.count(test.rows.count, metric.unit, plural: metric.units)) \(what)\(test.isRightOrWrong && arm.seeds.count > 1 ? " with every seed" : "")."
            + (mistakes.count > mostRows
              ? " The \(mostRows) worst are shown; report.json has all of them." : "")
            + ofSeeds + ReportContent.numbering),
        .quotes(
          mistakes.prefix(mostRows).map { row in
            ReportContent.Quote(
              text: ReportContent.quoted(row.text, row.pair, beside: row.label),
              facts: [
                "\(row.place.title), in the data: \(NumberText.shortened(row.label, to: longestText))",
                "\(arm.name): \(NumberText.shortened(row.prediction, to: longestText))\(score(row))",
              ])
          }),
      ]
    }
  }

  /// For `report.json`.
  static func json(_ arm: RunResults.Arm) -> JSON {
    .array(
      mistakes(arm).map { row in
        var members: OrderedDictionary<String, JSON> = [
          "row": JSON(row.place.row), "text": .string(row.text), "label": .string(row.label),
          "prediction": .string(row.prediction), "score": JSON(row.quality),
        ]
        members["file"] = row.place.file.map { .string($0) }
        members["pair"] = row.pair.map { .string($0) }
        return .object(members)
      })
  }
}
