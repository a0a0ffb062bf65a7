import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing

@testable import GraftExperiments
@testable import GraftKit

/// The section `search` of an experiment.
@Suite struct SearchTests {
  static let rows =
    "text,label\n" + (0..<16).map { "a small text \($0),\(["a", "b"][$0 % 2])\n" }.joined()

  /// An experiment of two arms, one of which is searched.
  static func yaml(_ search: String, seeds: String = "[1, 2]") -> String {
    """
    base: \(Support.fixture("masked-lm").path)
    seeds: \(seeds)
    data:
      train: {files: rows.csv}
      dev: {files: rows.csv, take: 8}
      test: {files: rows.csv, take: 12}
    stages:
      head: {swap: sequence-classification, labels: [a, b]}
      tune: {train: train, epochs: 1, batch-size: 4}
      dev: {evaluate: dev}
      test: {evaluate: test}
    arms:
      direct: [head, tune, test]
      tuned: [head, tune, dev, test]
    search:
    \(search.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n"))
    """
  }

  func read(_ search: String, seeds: String = "[1, 2]", in directory: URL) throws -> Experiment {
    try Data(Self.rows.utf8).write(to: directory.appending(path: "rows.csv"))
    return try Experiment(
      parsing: Array(Self.yaml(search, seeds: seeds).utf8), relativeTo: directory,
      registry: Support.registry())
  }

  private func read(_ search: String) throws -> Experiment {
    try withTemporaryDirectory { try read(search, in: $0) }
  }

  static let head = "arm: tuned\nscore: dev\n"

  // MARK: Points

  @Test func aGridHasAllCombinations() throws {
    let experiment = try read(
      Self.head
        + "options: {tune: {learning-rate: [1e-4, 1e-3], epochs: [1, 2, 3]}, head: {labels: [[a, b], [b, a]]}}"
    )
    let search = try #require(experiment.search)
    #expect(search.dimensions.map(\.name) == ["tune.learning-rate", "tune.epochs", "head.labels"])
    // itertools.product
    #expect(
      search.points.map(\.values) == [
        ["1e-4", "1", "[a, b]"], ["1e-4", "1", "[b, a]"], ["1e-4", "2", "[a, b]"], ["1e-4", "2", "[b, a]"],
        ["1e-4", "3", "[a, b]"], ["1e-4", "3", "[b, a]"], ["1e-3", "1", "[a, b]"], ["1e-3", "1", "[b, a]"],
        ["1e-3", "2", "[a, b]"], ["1e-3", "2", "[b, a]"], ["1e-3", "3", "[a, b]"], ["1e-3", "3", "[b, a]"],
      ])
    #expect(search.points.map(\.number) == Array(1...12))
    guard case .train(let training)? = search.points[11].rounds[0]["tune"]?.task,
      case .swap(let swap)? = search.points[11].rounds[0]["head"]?.task
    else {
      Issue.record("other stages than were changed")
      return
    }
    #expect(
      training.options.learningRate == 1e-3 && training.options.epochs == 3
        && training.heads[0].data == "train")
    #expect(training.options.batchSize == 4 && swap.labels == ["b", "a"])
  }

  @Test func drawnPointsFollowTheirRanges() throws {
    let text =
      Self.head + "method: random\npoints: 1000\nseed: 7\noptions: {tune: {"
      + "learning-rate: {from: 1e-6, to: 1e-2, scale: log}, weight-decay: {from: 0, to: 0.5}, "
      + "batch-size: {from: 1, to: 8}, lr-scheduler: [linear, cosine]}}"
    let search = try #require(try read(text).search)
    #expect(search.points.count == 1000 && Set(search.points.map(\.values)).count == 1000)
    func column(_ index: Int) throws -> [Double] {
      try search.points.map { try #require(Double($0.values[index])) }.sorted()
    }
    // Quantiles are within four standard errors of those of the distributions: 0.5 / √1000 at the middle.
    let (rates, decays) = (try column(0), try column(1))
    #expect(rates.allSatisfy { 1e-6...1e-2 ~= $0 } && decays.allSatisfy { 0...0.5 ~= $0 })
    for share in [0.25, 0.5, 0.75] {
      #expect(abs(log10(rates[Int(share * 1000)]) - (-6 + 4 * share)) < 4 * 4 * 0.5 / 1000.0.squareRoot())
      #expect(abs(decays[Int(share * 1000)] - 0.5 * share) < 4 * 0.5 * 0.5 / 1000.0.squareRoot())
    }
    let sizes = Dictionary(grouping: try column(2)) { $0 }.mapValues(\.count)
    #expect(Set(sizes.keys) == Set((1...8).map(Double.init)))
    #expect(sizes.values.allSatisfy { abs($0 - 125) < 50 })
    #expect(abs(search.points.count { $0.values[3] == "cosine" } - 500) < 70)
    #expect(try #require(try read(text).search).points.map(\.values) == search.points.map(\.values))
    let other = try read(text.replacing("seed: 7", with: "seed: 8")).search
    #expect(other?.points.map(\.values) != search.points.map(\.values))
  }

  @Test func moreDrawsThanValuesAreAllValues() throws {
    let search = try read(
      Self.head + "method: random\npoints: 50\noptions: {tune: {epochs: [1, 2], batch-size: [2, 4]}}"
    ).search
    #expect(search?.points.map(\.values) == [["1", "2"], ["1", "4"], ["2", "2"], ["2", "4"]])
  }

  @Test func halvingKeepsAsManyAsScikitLearn() throws {
    // n_candidates_ of HalvingGridSearchCV for as many candidates, factor and rounds.
    for (points, factor, counts) in [(9, 3, [9, 3, 1]), (10, 3, [10, 4, 2]), (7, 2, [7, 4, 2])] {
      let rates = (1...points).map { "\($0)e-5" }.joined(separator: ", ")
      let search = try #require(
        try read(
          Self.head + "method: halving\nfactor: \(factor)\noptions: {tune: {learning-rate: [\(rates)]}}\n"
            + "rungs: {tune: {epochs: [1, 2, 4]}}"
        ).search)
      #expect((0..<3).map(search.count) == counts)
      guard case .train(let training)? = search.points[1].rounds[2]["tune"]?.task else { return }
      #expect(training.options.epochs == 4 && training.options.learningRate == 2e-5)
    }
  }

  // MARK: Mistakes

  struct Mistake: Sendable, CustomTestStringConvertible {
    let search: String
    let message: String
    var testDescription: String { message }

    init(_ search: String, _ message: String) { (self.search, self.message) = (search, message) }
  }

  static let rates = "options: {tune: {learning-rate: [1e-4, 1e-3]}}\n"

  static let mistakes = [
    Mistake(
      head + "options: {tune: {learning-rat: [1]}}",
      "18:20: a stage of kind 'train' has no key 'learning-rat'; the nearest is 'learning-rate'."),
    Mistake(
      head + "options: {tune: {learning-rate: [1e-4, -1]}}",
      "18:42: 'learning-rate': wrong value; expected 0 or more, found -1.0."),
    Mistake(head + "options: {tune: {epochs: [one]}}", "'epochs' has to be a number; found 'one'."),
    Mistake(head + "options: {tune: {epochs: []}}", "18:28: the list of values is empty."),
    Mistake(head + "options: {tune: {epochs: [1, 1]}}", "18:28: a value is given twice."),
    Mistake(
      head + "options: {tnue: {epochs: [1]}}", "18:13: there is no stage 'tnue'; the nearest is 'tune'."),
    Mistake(head + "options: {}", "a search needs an option to search."),
    Mistake(
      head + "options: {test: {batch-size: [1, 2]}}",
      "the stage 'test' comes after 'dev', whose score decides."),
    Mistake(head, "'search' needs the key 'options'."),
    Mistake("score: dev\n" + rates, "'search' needs the key 'arm', for there are several arms."),
    Mistake("arm: tund\nscore: dev\n" + rates, "there is no arm 'tund'; the nearest is 'tuned'."),
    Mistake(
      "arm: tuned\n" + rates, "'search' needs the key 'score'; stages of 'tuned' with scores are dev, test."),
    Mistake("arm: tuned\nscore: tune\n" + rates, "the stage 'tune' has no score"),
    Mistake("arm: direct\nscore: dev\n" + rates, "the arm 'direct' has no stage 'dev'"),
    Mistake(head + rates + "points: 4", "'points' is for the methods random and halving."),
    Mistake(head + rates + "rungs: {tune: {epochs: [1, 2]}}", "'rungs' is for the method halving."),
    Mistake(head + rates + "method: grib", "'method' has to be grid, random, halving; found 'grib'."),
    Mistake(head + rates + "method: random", "'search' needs the key 'points', for how many are drawn."),
    Mistake(
      head + "options: {tune: {epochs: {from: 1, to: 3}}}",
      "a grid needs a list of values here; a range is for the method random."),
    Mistake(
      head + "method: random\npoints: 2\noptions: {tune: {epochs: {from: 3, to: 1}}}",
      "a range goes from a number to a larger one."),
    Mistake(
      head + "method: random\npoints: 2\noptions: {tune: {epochs: {from: 0, to: 1, scale: log}}}",
      "a range with 'scale: log' has to be above 0."),
    Mistake(
      head + "method: random\npoints: 1000000\noptions: {tune: {learning-rate: {from: 0.1, to: 1}}}",
      "a search may have 1 to 1,000 points; found 1,000,000."),
    Mistake(
      head
        + "options: {tune: {epochs: \(Array(1...100)), batch-size: \(Array(1...100)), max-steps: \(Array(1...100))}}",
      "a search may have 1 to 1,000 points; found 1,000,000."),
    Mistake(head + rates + "method: halving", "'search' needs the key 'rungs'."),
    Mistake(
      head + rates + "method: halving\nrungs: {tune: {epochs: [1]}}",
      "'rungs' needs a list of at least two values, such as [1, 3, 9]."),
    Mistake(
      head + rates + "method: halving\nrungs: {tune: {epochs: [3, 1]}}",
      "the values of 'rungs' have to be numbers, each above the one before."),
    Mistake(
      head + rates + "method: halving\nrungs: {tune: {learning-rate: [1, 3]}}",
      "'tune.learning-rate' stands under 'options' as well."),
    Mistake(
      head + rates + "method: halving\nfactor: 1\nrungs: {tune: {epochs: [1, 3]}}",
      "'factor' has to be at least 2."),
    Mistake(head + rates + "refit: {tune: {trian: test}}", "a stage of kind 'train' has no key 'trian'"),
    Mistake(head + rates + "seeds: [1, 1]", "a seed is given twice."),
    Mistake(head + rates + "best: last", "'search' has no key 'best'"),
  ]

  @Test(arguments: mistakes) func mistakesAreSaidBeforeAnythingRuns(_ mistake: Mistake) throws {
    let error = try #require(throws: GraftError.self) { try read(mistake.search) }
    #expect(error.description.contains(mistake.message), "\(error)")
    #expect(!error.description.contains("mistakes:"), "\(error)")
  }

  /// What is wrong with the search is said with all else that is wrong.
  @Test func mistakesOfAFileAreSaidAtOnce() throws {
    try withTemporaryDirectory { directory in
      try Data(Self.rows.utf8).write(to: directory.appending(path: "rows.csv"))
      let text = Self.yaml("arm: tuned\noptions: {tune: {epoch: [1, 2], learning-rate: [-1, 1e-3]}}")
        .replacing("test: {evaluate: test}", with: "test: {evaluate: tset}")
      let error = try #require(throws: GraftError.self) {
        try Experiment(
          parsing: Array(text.utf8), relativeTo: directory, registry: Support.registry())
      }
      for message in [
        "there is no data set 'tset'", "has no key 'epoch'; the nearest is 'epochs'",
        "expected 0 or more, found -1.0",
      ] { #expect(error.description.contains(message), "\(error)") }
      // A score that is missing hides nothing.
      let other = Self.yaml("arm: tuned\noptions: {tune: {epoch: [1, 2]}}")
      let second = try #require(throws: GraftError.self) {
        try Experiment(
          parsing: Array(other.utf8), relativeTo: directory, registry: Support.registry())
      }
      for message in ["'search' needs the key 'score'", "has no key 'epoch'"] {
        #expect(second.description.contains(message), "\(second)")
      }
    }
  }
}
