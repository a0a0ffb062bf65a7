/// One arm against the first, on the same test rows.
struct Comparison {
  /// The names of the two arms; a positive difference is the second's gain.
  let (first, second): (String, String)
  /// `nil` when the arms have no test rows in common.
  let result: Result?

  struct Result {
    let bootstrap: PairedBootstrap
    /// How many rows the arms were compared on.
    let rows: Int
    /// How many seeds each arm has.
    let seeds: (first: Int, second: Int)
    /// Of each pair of seeds, where both arms have the same ones.
    let tests: [(seed: UInt64, test: McNemar)]
    /// The rows that one arm has right more often than the other, most unequal first.
    let disagreements: [Disagreement]
  }

  /// A row on which the arms differ.
  struct Disagreement {
    let row: Int
    let text: String
    let label: Int
    let (first, second): (Answer, Answer)

    /// What the seeds of an arm made of a row.
    struct Answer {
      /// The class that most seeds gave, the smallest of equals.
      let prediction: Int
      let right: Int
      let seeds: Int

      init(_ answers: [TestPredictions.Row]) {
        var votes: [Int: Int] = [:]
        for answer in answers { votes[answer.prediction, default: 0] += 1 }
        prediction = votes.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? 0
        right = answers.count(where: \.isRight)
        seeds = answers.count
      }

      var share: Double { Double(right) / Double(seeds) }
    }
  }

  init(_ first: RunResults.Arm, _ second: RunResults.Arm) {
    (self.first, self.second) = (first.name, second.name)
    let (ours, theirs) = (first.seeds.compactMap(\.test), second.seeds.compactMap(\.test))
    guard ours.count == first.seeds.count, theirs.count == second.seeds.count,
      (ours + theirs).allSatisfy({ $0.isOnTheSameRows(as: ours[0]) })
    else {
      result = nil
      return
    }
    func hits(_ tests: [TestPredictions]) -> [[Bool]] { tests.map { $0.rows.map(\.isRight) } }
    let (firstHits, secondHits) = (hits(ours), hits(theirs))
    let arePaired = first.seeds.map(\.seed) == second.seeds.map(\.seed)
    let tests = zip(firstHits, secondHits).map { McNemar($0, $1) }
    result = Result(
      bootstrap: PairedBootstrap(firstHits, secondHits, paired: arePaired),
      rows: ours[0].rows.count,
      seeds: (ours.count, theirs.count),
      tests: arePaired ? zip(first.seeds, tests).map { ($0.seed, $1) } : [],
      disagreements: Comparison.disagreements(ours, theirs))
  }

  private static func disagreements(_ first: [TestPredictions], _ second: [TestPredictions]) -> [Disagreement]
  {
    let rows = first[0].rows.enumerated().compactMap { index, row -> Disagreement? in
      let answers = [first, second].map { Disagreement.Answer($0.map { $0.rows[index] }) }
      guard answers[0].share != answers[1].share else { return nil }
      return Disagreement(
        row: row.row, text: row.text, label: row.label, first: answers[0], second: answers[1])
    }
    return rows.enumerated().sorted { left, right in
      let (one, other) = (left.element.inequality, right.element.inequality)
      return (-one, left.offset) < (-other, right.offset)
    }.map(\.element)
  }
}

extension Comparison.Disagreement {
  fileprivate var inequality: Double { abs(first.share - second.share) }
}
