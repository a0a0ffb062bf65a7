import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing

@testable import GraftExperiments
@testable import GraftKit

/// The section `search` of an experiment.
@Suite struct SearchTests {
  private static let rows =
    "text,label\n" + (0..<16).map { "a small text \($0),\(["a", "b"][$0 % 2])\n" }.joined()

  /// An experiment of two arms, one of which is searched.
  private static func yaml(_ search: String, seeds: String = "[1, 2]") -> String {
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

  private func read(_ search: String, seeds: String = "[1, 2]", in directory: URL) throws -> Experiment {
    try Data(Self.rows.utf8).write(to: directory.appending(path: "rows.csv"))
    return try Experiment(
      parsing: Array(Self.yaml(search, seeds: seeds).utf8), relativeTo: directory,
      registry: Support.registry())
  }

  private func read(_ search: String) throws -> Experiment {
    try withTemporaryDirectory { try read(search, in: $0) }
  }

  private static let head = "arm: tuned\nscore: dev\n"

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

  private static let rates = "options: {tune: {learning-rate: [1e-4, 1e-3]}}\n"

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

  // MARK: Running

  private func run(
    _ experiment: Experiment, _ output: URL
  ) throws -> (stages: [String], results: ExperimentResults) {
    let (_, stages, results) = try follow(experiment, output)
    return (stages, results)
  }

  /// Runs an experiment.
  ///
  /// - Returns: The stages that began, those that were finished, and the results.
  private func follow(
    _ experiment: Experiment, _ output: URL, maximumDisk: Int? = nil
  ) throws -> (begun: [String], done: [String], results: ExperimentResults) {
    let registry = try Support.registry()
    let machine = ExperimentPlanTests.machine(registry)
    let plan = try ExperimentPlan(experiment, on: machine, registry: registry)
    var (begun, done): ([String], [String]) = ([], [])
    let outcome = try runExperiment(
      plan, output: output, on: machine, registry: registry, maximumDisk: maximumDisk
    ) { event in
      if case .started(let stage, _, _) = event { begun.append(stage.name) }
      if case .finished(let stage, _, _) = event { done.append(stage.name) }
    }
    guard case .finished(let results) = outcome else {
      throw GraftError(.refused, "not finished")
    }
    return (begun, done, results)
  }

  @Test func theBestPointIsTheArm() throws {
    try withTemporaryDirectory { directory in
      let experiment = try read(
        Self.head + "metric: loss\noptions: {tune: {learning-rate: [1e-5, 1e-2, 1e-3]}}", in: directory)
      let output = directory.appending(path: "out")
      let (stages, results) = try run(experiment, output)
      let search = try #require(results.search)
      // Three points with two seeds: the heads are shared by points, and by the arms. The arm that is searched has but
      // its test left to do.
      #expect(stages.count { $0 == "head" } == 2 && stages.count { $0 == "tune" } == 8)
      #expect(stages.count { $0 == "dev" } == 6 && stages.count { $0 == "test" } == 4)
      #expect(search.trials.map(\.values) == [["1e-5"], ["1e-2"], ["1e-3"]] && search.seeds == [1, 2])
      #expect(search.trials.allSatisfy { $0.scores.count == 2 } && !search.isHigherBetter)
      let scores = search.trials.compactMap(\.score)
      #expect(Set(scores).count == 3 && search.bestTrial?.score == scores.min())
      #expect(!search.decidedByTest)

      // The arm is what the same options give without a search.
      let best = try #require(search.bestTrial).values[0]
      let plain = Self.yaml("").replacing("search:\n", with: "")
        .replacing("epochs: 1, batch-size: 4}", with: "epochs: 1, batch-size: 4, learning-rate: \(best)}")
      let (_, alone) = try run(
        Experiment(parsing: Array(plain.utf8), relativeTo: directory, registry: Support.registry()),
        directory.appending(path: "alone"))
      func evaluations(_ results: ExperimentResults, _ arm: String) -> [[Double?]] {
        results.arms.first { $0.name == arm }?.runs.map { $0.evaluations.map { $0.results["eval_loss"] } }
          ?? []
      }
      #expect(evaluations(results, "tuned") == evaluations(alone, "tuned"))
      #expect(evaluations(results, "tuned").map { $0[0] } == search.bestTrial?.scores)
      // The other arm has the file's options.
      #expect(evaluations(results, "direct") != evaluations(alone, "direct"))

      // Models of other points are gone, and nothing is done again for that.
      let cache = StageCache(output)
      let models = try directoryContents(cache.directory).filter { name in
        FileManager.default.fileExists(
          atPath: cache.directory.appending(path: "\(name)/model.safetensors").path)
      }
      #expect(models.count == 2 + 2 + 2)
      #expect(try run(experiment, output).stages == [])

      let report = try JSON(file: output.appending(path: "report.json"))
      #expect(report["search"]?["best"]?.int == search.best)
      let page = try String(contentsOf: output.appending(path: "report.html"), encoding: .utf8)
      #expect(page.contains("<h2>Search</h2>") && page.contains(">Points of the search</text>"))
      try writeReport(output)
      let read = try #require(RunResults(output).record.search)
      #expect(read.trials == search.trials && read.options == search.options)
    }
  }

  @Test func littleRoomAndADryRunChangeNothing() throws {
    try withTemporaryDirectory { directory in
      let text = Self.yaml(Self.head + "options: {tune: {learning-rate: [1e-4, 1e-3, 5e-3]}}")
        .replacing("batch-size: 4}", with: "batch-size: 4, save-strategy: no}")
      try Data(Self.rows.utf8).write(to: directory.appending(path: "rows.csv"))
      let experiment = try Experiment(
        parsing: Array(text.utf8), relativeTo: directory, registry: Support.registry())
      let (output, small) = (directory.appending(path: "out"), directory.appending(path: "small"))
      let registry = try Support.registry()
      let machine = ExperimentPlanTests.machine(registry)
      let plan = try ExperimentPlan(experiment, on: machine, registry: registry)
      #expect(plan.hasTrials)
      #expect(try plan.settled(in: output, on: machine, registry: registry).hasTrials)
      let whole = try run(experiment, output).results
      let settled = try plan.settled(in: output, on: machine, registry: registry)
      #expect(!settled.hasTrials && settled.arms.map(\.name) == ["direct", "tuned"])
      #expect(try ExperimentSchedule(settled, output: output).pending.isEmpty)

      // Room for the models of the arms alone.
      let cap = try StageCache(output).size + 20_000
      let outcome = try runExperiment(
        plan, output: small, on: machine, registry: registry, maximumDisk: cap)
      guard case .finished(let results) = outcome else {
        Issue.record("not finished")
        return
      }
      #expect(results.search?.trials == whole.search?.trials && results.verdict == whole.verdict)
      #expect(try StageCache(small).size <= cap)
      #expect(try run(experiment, small).stages == [])
    }
  }

  @Test func pointsThatDivergeLose() throws {
    try withTemporaryDirectory { directory in
      let experiment = try read(
        Self.head + "seeds: [1]\noptions: {tune: {learning-rate: [1e30, 1e-3], max-grad-norm: [0]}}",
        in: directory)
      let output = directory.appending(path: "out")
      let search = try #require(try run(experiment, output).results.search)
      #expect(search.trials[0].scores == [nil] && search.best == 2 && search.seeds == [1])
      #expect(search.metric == "accuracy" && search.isHigherBetter)
      let markdown = try String(contentsOf: output.appending(path: "report.md"), encoding: .utf8)
      #expect(markdown.contains("| 1 | 1e30 | 0 | diverged | – |"))

      let none = try read(
        Self.head + "seeds: [1]\noptions: {tune: {learning-rate: [1e30], max-grad-norm: [0]}}", in: directory)
      let error = try #require(throws: GraftError.self) {
        try run(none, directory.appending(path: "none"))
      }
      #expect(
        error.description.hasPrefix("no point of the search has a score: training diverged at every point."))
    }
  }

  @Test func whatDivergedIsNotTrainedAgain() throws {
    try withTemporaryDirectory { directory in
      func points(_ rates: String) throws -> Experiment {
        try read(
          Self.head + "seeds: [1]\noptions: {tune: {learning-rate: [\(rates)], max-grad-norm: [0]}}",
          in: directory)
      }
      let output = directory.appending(path: "out")
      let (begun, done, first) = try follow(points("1e-3, 1e30"), output)
      #expect(begun.count { $0 == "tune" } == done.count { $0 == "tune" } + 1)
      let registry = try Support.registry()
      let machine = ExperimentPlanTests.machine(registry)
      func pending(_ experiment: Experiment) throws -> [String] {
        let plan = try ExperimentPlan(experiment, on: machine, registry: registry)
          .settled(in: output, on: machine, registry: registry)
        return try ExperimentSchedule(plan, output: output).pending.map { plan.stages[$0].name }
      }
      #expect(try pending(points("1e-3, 1e30")) == [])
      let again = try follow(points("1e-3, 1e30"), output)
      #expect(again.begun == [] && again.results.search?.trials == first.search?.trials)
      // Of another search in the same directory only the new point is to be done.
      #expect(try pending(points("1e-3, 1e30, 1e-4")).sorted() == ["dev", "tune"])
      let wider = try follow(points("1e-3, 1e30, 1e-4"), output)
      #expect(wider.begun.first == "tune" && wider.results.search?.trials[1].scores == [nil])

      // An arm of the file with the same options is not passed over.
      let text = Self.yaml(Self.head + "options: {tune: {learning-rate: [1e-3]}}", seeds: "[1]")
        .replacing("batch-size: 4}", with: "batch-size: 4, learning-rate: 1e30, max-grad-norm: 0}")
      let plain = try Experiment(parsing: Array(text.utf8), relativeTo: directory, registry: registry)
      let error = try #require(throws: GraftError.self) { try run(plain, output) }
      #expect(error.description.contains("training diverged"), "\(error)")
    }
  }

  @Test func earlierRoundsGiveWayWhereRoomIsShort() throws {
    try withTemporaryDirectory { directory in
      let text = Self.yaml(
        Self.head + "method: halving\nfactor: 2\nmetric: loss\n"
          + "options: {tune: {learning-rate: [1e-5, 1e-2, 1e-3, 1e-4]}}\nrungs: {tune: {epochs: [1, 2]}}",
        seeds: "[1]"
      ).replacing("batch-size: 4}", with: "batch-size: 4, save-strategy: no}")
      try Data(Self.rows.utf8).write(to: directory.appending(path: "rows.csv"))
      let experiment = try Experiment(
        parsing: Array(text.utf8), relativeTo: directory, registry: Support.registry())
      let (output, small) = (directory.appending(path: "out"), directory.appending(path: "small"))
      let whole = try follow(experiment, output).results
      // Room for what is kept in the end: fewer models than the first round makes.
      let cap = try StageCache(output).size + 20_000
      let stray = small.appending(path: "stages/train-0123456789abcdef")
      // Of something else that was done in the directory.
      try DirectoryWriter.makeDirectory(stray)
      withExtendedLifetime(try RunLock(small)) {}
      try Data(count: cap).write(to: stray.appending(path: "model.safetensors"))
      let (_, _, results) = try follow(experiment, small, maximumDisk: cap)
      #expect(results.search?.trials == whole.search?.trials && results.verdict == whole.verdict)
      #expect(try StageCache(small).size <= cap && results.excess == nil)
      #expect(!FileManager.default.fileExists(atPath: stray.path))
      #expect(try follow(experiment, small, maximumDisk: cap).begun == [])
    }
  }

  @Test func halvingGoesOnWithTheBest() throws {
    try withTemporaryDirectory { directory in
      let experiment = try read(
        Self.head + "method: halving\nfactor: 2\nseeds: [1]\nmetric: loss\n"
          + "options: {tune: {learning-rate: [1e-5, 1e-2, 1e-3, 1e-4]}}\nrungs: {tune: {epochs: [1, 2]}}\n"
          + "refit: {tune: {train: test}}",
        seeds: "[1, 3]", in: directory)
      let (stages, results) = try run(experiment, directory.appending(path: "out"))
      let search = try #require(results.search)
      let first = search.trials.filter { $0.round == 0 }
      let second = search.trials.filter { $0.round == 1 }
      #expect(first.map(\.point) == [1, 2, 3, 4])
      let best = first.sorted { ($0.score ?? 9) < ($1.score ?? 9) }.prefix(2).map(\.point).sorted()
      #expect(second.map(\.point) == best)
      #expect(search.best == second.min { ($0.score ?? 9) < ($1.score ?? 9) }?.point)
      // Four, then two points with one seed; then both arms with both seeds, one on other data.
      #expect(stages.count { $0 == "tune" } == 4 + 2 + 4)
      #expect(search.ranking.map(\.round) == [1, 1, 0, 0, 0, 0])
    }
  }

  @Test func aScoreThatIsNotThereIsNamed() throws {
    try withTemporaryDirectory { directory in
      let experiment = try read(Self.head + "metric: acuracy\n" + Self.rates, in: directory)
      let output = directory.appending(path: "out")
      let error = try #require(throws: GraftError.self) { try run(experiment, output) }
      #expect(
        error.description.hasSuffix(
          ": the stage 'dev', whose score decides the search, has no score 'acuracy'; the nearest is 'accuracy'."
        ), "\(error)")
      // Before anything is trained.
      #expect(!FileManager.default.fileExists(atPath: output.path))
      let search = try #require(experiment.search)
      #expect(throws: GraftError.self) {
        try SearchMetric(search, results: ["eval_accuracy": 1, "eval_loss": 0], by: nil)
      }
      // What only some evaluations have is known as well.
      for metric in ["f1_macro", "eval_matthews_correlation", "loss"] {
        let known = try read(Self.head + "metric: \(metric)\n" + Self.rates, in: directory)
        let registry = try Support.registry()
        _ = try ExperimentPlan(known, on: ExperimentPlanTests.machine(registry), registry: registry)
      }
    }
  }

  @Test("what arms are compared by is known before anything runs, and decides a search that does not say it")
  func theMetricOfTheArms() throws {
    try withTemporaryDirectory { directory in
      func plan(_ metric: String, search: String = "") throws -> ExperimentPlan {
        let text = "metric: \(metric)\n" + Self.yaml(Self.head + search + Self.rates, seeds: "[1]")
        try Data(Self.rows.utf8).write(to: directory.appending(path: "rows.csv"))
        let experiment = try Experiment(
          parsing: Array(text.utf8), relativeTo: directory, registry: Support.registry())
        let registry = try Support.registry()
        return try ExperimentPlan(experiment, on: ExperimentPlanTests.machine(registry), registry: registry)
      }
      let error = try #require(throws: GraftError.self) { try plan("f1_micro") }
      #expect(error.description.contains("has no score 'f1_micro'; the nearest is 'f1_macro'"), "\(error)")
      #expect(error.description.contains("1:9: the stage '"), "\(error)")
      let other = try #require(throws: GraftError.self) { try plan("spearman") }
      #expect(other.description.contains("; known: accuracy, balanced_accuracy, "), "\(other)")
      #expect(try plan("eval_log_loss").metricNote == nil)
      #expect(
        try plan("loss").metricNote
          == "'loss' does not follow from single rows: the arms are shown by it, without an interval and a verdict; 'log_loss' does"
      )
      let registry = try Support.registry()
      let outcome = try runExperiment(
        plan("log_loss"), output: directory.appending(path: "out"), on: ExperimentPlanTests.machine(registry),
        registry: registry)
      guard case .finished(let results) = outcome else {
        Issue.record("interrupted")
        return
      }
      #expect(results.search?.metric == "log_loss" && results.search?.isHigherBetter == false)
      #expect(results.metric == "log_loss")
      let report = try JSON(file: directory.appending(path: "out/report.json"))
      let arms = try #require(report["arms"]?.array)
      #expect(arms.allSatisfy { $0["metric"]?.string == "log_loss" })
      // The number of the evaluation.
      for arm in arms {
        let score = try #require(arm["score"]?["mean"]?.double)
        let evaluated = try #require(arm["seeds"]?.array?.first?["results"]?["eval_log_loss"]?.double)
        #expect(abs(score - evaluated) < 1e-6)
      }
    }
  }

  @Test func trainingRunsThatEvaluateDecideToo() throws {
    try withTemporaryDirectory { directory in
      let text = Self.yaml("arm: tuned\nscore: tune\noptions: {tune: {epochs: [1, 2]}}", seeds: "[1]")
        .replacing("epochs: 1, batch-size: 4}", with: "eval-split: 0.25, batch-size: 4}")
      try Data(Self.rows.utf8).write(to: directory.appending(path: "rows.csv"))
      let experiment = try Experiment(
        parsing: Array(text.utf8), relativeTo: directory, registry: Support.registry())
      let (stages, results) = try run(experiment, directory.appending(path: "out"))
      #expect(stages.count { $0 == "dev" } == 1)
      #expect(results.search?.trials.allSatisfy { $0.score != nil } == true)
    }
  }
}
