import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing

@testable import GraftExperiments
@testable import GraftKit

/// Searches that run.
extension SearchTests {
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
    let machine = SmallExperiment.machine(registry)
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
      let machine = SmallExperiment.machine(registry)
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

  /// Training of one step diverges without knowing.
  @Test func pointsWhoseEvaluationIsNoNumberLose() throws {
    try withTemporaryDirectory { directory in
      let experiment = try read(
        Self.head
          + "seeds: [1]\noptions: {tune: {learning-rate: [1e30, 1e-3], max-steps: [1], max-grad-norm: [0]}}",
        in: directory)
      let output = directory.appending(path: "out")
      let (begun, done, results) = try follow(experiment, output)
      #expect(begun.count { $0 == "dev" } == done.count { $0 == "dev" } + 1)
      #expect(results.search?.trials[0].scores == [nil] && results.search?.best == 2)
      #expect(try follow(experiment, output).begun == [])
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
      let machine = SmallExperiment.machine(registry)
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
      try DirectoryWriter.makeDirectory(small)
      withExtendedLifetime(try RunLock(small)) {}
      try DirectoryWriter.makeDirectory(stray)
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
        _ = try ExperimentPlan(known, on: SmallExperiment.machine(registry), registry: registry)
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
        return try ExperimentPlan(experiment, on: SmallExperiment.machine(registry), registry: registry)
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
        plan("log_loss"), output: directory.appending(path: "out"), on: SmallExperiment.machine(registry),
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
