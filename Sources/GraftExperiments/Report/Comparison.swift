import Foundation
import GraftKit

/// One arm against the first, on the same test rows.
struct Comparison {
  /// The names of the two arms; a positive difference is the second's gain.
  let (first, second): (String, String)
  /// `nil` when the arms cannot be compared.
  let result: Result?
  /// Why they cannot, as the end of a sentence.
  let obstacle: String?

  struct Result {
    let bootstrap: PairedBootstrap
    /// What the arms are compared by.
    let metric: TestMetric
    /// The names of the classes, labels or values.
    let names: [String]
    /// Whether the metric goes by rows that are right or wrong.
    let isRightOrWrong: Bool
    /// How many rows the arms were compared on.
    let rows: Int
    /// How many seeds each arm has.
    let seeds: (first: Int, second: Int)
    /// Of each pair of seeds, where both arms have the same ones and rows are right or wrong.
    let tests: [(seed: UInt64, test: McNemar)]
    /// The rows that one arm answers better than the other, most unequal first.
    let disagreements: [Disagreement]
  }

  /// A row on which the arms differ.
  struct Disagreement {
    let place: TestPredictions.Place
    let text: String
    let pair: String?
    let label: TestPredictions.Row.Answer
    let (first, second): (Answer, Answer)

    /// What the seeds of an arm made of a row.
    struct Answer {
      /// The class that most seeds gave, the smallest of equals; of labels and values those of the first seed.
      let prediction: TestPredictions.Row.Answer
      let right: Int
      let seeds: Int
      /// The mean of ``TestPredictions/Row/quality``.
      let quality: Double

      /// The geometric mean over seeds of the probability of the right class, where arms are compared by the log loss.
      func probability(_ metric: TestMetric) -> Double? { metric.key == "log_loss" ? exp(quality) : nil }

      init(_ answers: [TestPredictions.Row], _ metric: TestMetric) {
        var votes: [Int: Int] = [:]
        for case .classes(_, let prediction) in answers.map(\.answer) { votes[prediction, default: 0] += 1 }
        let most = votes.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
        prediction = most.map { .classes(label: 0, prediction: $0) } ?? answers[0].answer
        quality = answers.reduce(0) { $0 + $1.quality(metric) } / Double(answers.count)
        right = answers.count(where: \.isRight)
        seeds = answers.count
      }
    }
  }

  init(_ first: RunResults.Arm, _ second: RunResults.Arm) {
    (self.first, self.second) = (first.name, second.name)
    let (ours, theirs) = (first.seeds.compactMap(\.test), second.seeds.compactMap(\.test))
    obstacle = Comparison.obstacle([first, second])
    guard obstacle == nil else {
      result = nil
      return
    }
    let (rows, arePaired) = (ours[0].rows.count, first.seeds.map(\.seed) == second.seeds.map(\.seed))
    func hits(_ tests: [TestPredictions]) -> [[Bool]] { tests.map { $0.rows.map(\.isRight) } }
    let tests = ours[0].isRightOrWrong ? zip(hits(ours), hits(theirs)).map { McNemar($0, $1) } : []
    let bootstrap = PairedBootstrap(
      ours.compactMap(\.scoring), theirs.compactMap(\.scoring), rows: rows, paired: arePaired)
    result = Result(
      bootstrap: bootstrap,
      metric: ours[0].metric,
      names: ours[0].names,
      isRightOrWrong: ours[0].isRightOrWrong && ours[0].metric.key != "log_loss",
      rows: rows,
      seeds: (ours.count, theirs.count),
      tests: arePaired ? zip(first.seeds, tests).map { ($0.seed, $1) } : [],
      disagreements: Comparison.disagreements(ours, theirs))
  }

  /// What keeps the arms from being compared.
  private static func obstacle(_ arms: [RunResults.Arm]) -> String? {
    let noPredictions = "there are no predictions of both for the same test rows"
    let tests = arms.flatMap { $0.seeds.compactMap(\.test) }
    guard tests.count == arms.reduce(0, { $0 + $1.seeds.count }), let first = tests.first else {
      let metrics = arms.map(\.metric)
      return tests.isEmpty && metrics[0] != nil && metrics[0] == metrics[1]
        ? notByRows(nil) : noPredictions
    }
    guard tests.allSatisfy({ $0.metric == first.metric }) else {
      return
        "one is scored by \(title(of: arms[0], beside: arms[1])), the other by \(title(of: arms[1], beside: arms[0]))"
    }
    guard tests.allSatisfy({ $0.names == first.names }) else { return "their heads have different labels" }
    guard tests.allSatisfy({ $0.isOnTheSameRows(as: first) }) else { return noPredictions }
    guard tests.allSatisfy({ $0.scoring != nil }) else { return notByRows(first.metric) }
    guard tests.allSatisfy({ $0.score != nil }) else {
      return tests.allSatisfy(\.areNumbers)
        ? "\(first.metric.name) is not defined on \(first.metric.count(first.rows.count))"
        : "some of their predictions are not numbers"
    }
    return nil
  }

  /// What an arm is scored by, so that it differs from what another one is scored by: `accuracy`, `F1 of sentences`,
  /// `cosine_ndcg@10`.
  private static func title(of arm: RunResults.Arm, beside other: RunResults.Arm) -> String {
    guard let metric = arm.metric else { return "nothing" }
    guard let other = other.metric, other.name == metric.name else { return metric.name }
    return other.unit == metric.unit ? metric.key : "\(metric.name) of \(metric.units)"
  }

  private static func notByRows(_ metric: TestMetric?) -> String {
    "their predictions are not scored row by row\(metric.map { " by \($0.name)" } ?? ""); the table has their scores"
  }

  private static func disagreements(_ first: [TestPredictions], _ second: [TestPredictions]) -> [Disagreement]
  {
    let rows = first[0].rows.enumerated().compactMap { index, row -> Disagreement? in
      let answers = [first, second].map { Disagreement.Answer($0.map { $0.rows[index] }, first[0].metric) }
      guard answers[0].quality != answers[1].quality else { return nil }
      return Disagreement(
        place: row.place, text: row.text, pair: row.pair, label: row.answer, first: answers[0],
        second: answers[1]
      )
    }
    return rows.enumerated().sorted { left, right in
      let (one, other) = (left.element.inequality, right.element.inequality)
      return (-one, left.offset) < (-other, right.offset)
    }.map(\.element)
  }
}

extension Comparison.Disagreement {
  fileprivate var inequality: Double { abs(first.quality - second.quality) }
}
