import GraftTensors
import TestSupport
import Testing

@testable import QuestionAnswering

/// Scores of answers by SQuAD's scripts: `Fixtures/answering/make.py`.
@Suite("Scores of answers against SQuAD's")
struct AnswerScoreTests {
  private let golden: JSON

  init() throws { golden = try JSON(file: fixtures.appending(path: "answering/scores.json")) }

  @Test("one answer and another")
  func pairs() throws {
    let pairs = try #require(golden["pairs"]?.array)
    #expect(pairs.count == 300)
    for pair in pairs {
      let values = try #require(pair.array)
      let (given, right) = (try #require(values[0].string), try #require(values[1].string))
      #expect(AnswerScores.normalized(given) == values[2].string)
      #expect(AnswerScores.isExact(given, right) == values[3].bool, "\(given) and \(right)")
      let f1 = AnswerScores.f1(given, right) { $0 ? 1 : 0 }
      #expect(abs(f1 - (values[4].double ?? 9)) < 1e-12, "\(given) and \(right)")
    }
  }

  @Test("many answers, with questions that have none and without")
  func cases() throws {
    for golden in try #require(golden["cases"]?.array) {
      let rows = try #require(golden["rows"]?.array).map { try #require($0.array) }
      let right = rows.map { ($0[2].array ?? []).compactMap(\.string) }
      let given = rows.map { (text: $0[0].string ?? "", nullDifference: $0[1].double ?? 0) }
      let expected = try #require(golden["scores"]?.object)
      let found =
        expected["exact_match"] != nil
        ? AnswerScores.version1(given.map(\.text), right)
        : AnswerScores.version2(given, right, threshold: 0.5)
      #expect(Set(found.keys) == Set(expected.keys))
      for (name, sum) in found {
        #expect(abs(sum.total / sum.weight - (expected[name]?.double ?? 9)) < 1e-9, "\(name)")
      }
      // What the script calls the best threshold has the best scores. It is 0 where saying no answer always is as good as any.
      for name in ["exact", "f1"] {
        guard let threshold = expected["best_\(name)_thresh"]?.double,
          let best = expected["best_\(name)"]?.double,
          let always = expected["NoAns_exact"].map({ _ in right.count(where: \.isEmpty) }),
          best * Double(rows.count) > Double(always) + 1e-9
        else { continue }
        let tuned = try #require(AnswerScores.version2(given, right, threshold: threshold)[name])
        #expect(abs(tuned.total / tuned.weight - best) < 1e-9, "\(name)")
      }
    }
  }
}
