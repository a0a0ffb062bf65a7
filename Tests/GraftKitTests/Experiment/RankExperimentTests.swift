import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing

@testable import GraftExperiments
@testable import GraftKit

/// Experiments on several ranks, which are threads of this process, against one process that accumulates as many batches.
@Suite struct RankExperimentTests {
  /// What a run on one rank came to.
  private struct Ending: Sendable {
    var isFinished = false
    /// The names of stages that began, as the observer was told.
    var begun: [String] = []
    /// The losses of evaluations, by arms and runs.
    var losses: [Double] = []
    var trials: [OptionSearchResults.Trial] = []
    var best: Int?
    var verdict = ""
    /// The arms whose report was said to be replaced.
    var replaced: [String] = []
  }

  private static func yaml(_ text: String, steps: Int) -> String {
    """
    base: \(Support.fixture("masked-lm").path)
    \(text.replacing("STEPS", with: "\(steps)"))
    """
  }

  /// Goes through an experiment on one of several ranks.
  ///
  /// - Parameters:
  ///   - text: In which `STEPS` are the batches of a step on each.
  ///   - stopping: The rank that is asked to stop when rank 0 has saved so many checkpoints.
  @discardableResult
  private static func run(
    _ text: String, in directory: URL, _ output: String, steps: Int = 1,
    _ group: any ProcessGroup = SingleProcess(), stopping control: TrainingControl? = nil,
    after saves: Int = 2,
    own: TrainingControl = TrainingControl()
  ) throws -> Ending {
    let registry = try Support.registry()
    let output = directory.appending(path: output)
    let machine = ExperimentMachine(group: group) {
      try registry.makeBackend("reference", threads: 1, precision: $0)
    }
    let experiment = try Experiment(
      parsing: Array(yaml(text, steps: steps).utf8), relativeTo: directory, registry: registry)
    let plan = try ExperimentPlan(experiment, on: machine, registry: registry, output: output)
    var (ending, saved) = (Ending(), 0)
    let outcome = try runExperiment(
      plan, output: output, on: machine, registry: registry, control: own
    ) { event in
      if case .started(let stage, _, _) = event { ending.begun.append(stage.name) }
      if case .planned(let schedule) = event { ending.replaced += schedule.replaced }
      guard case .training(.saved) = event else { return }
      saved += 1
      if saved == saves { control?.requestStop() }
    }
    guard case .finished(let results) = outcome else { return ending }
    ending.isFinished = true
    ending.losses = results.arms.flatMap(\.runs).flatMap(\.evaluations).compactMap { $0.results["eval_loss"] }
    ending.trials = results.search?.trials ?? []
    ending.best = results.search?.best
    ending.verdict = results.verdict
    return ending
  }

  private static func onTwoRanks(_ text: String, in directory: URL, _ output: String, steps: Int = 1) throws
    -> [Ending]
  {
    try Meeting(2).run { try run(text, in: directory, output, steps: steps, $0) }.map { try $0.get() }
  }

  private static func stages(_ directory: URL, _ output: String) throws -> [String] {
    try directoryContents(directory.appending(path: "\(output)/stages")).sorted()
  }

  private static func expectNear(_ found: [Double?], _ expected: [Double?]) {
    #expect(found.count == expected.count && !expected.isEmpty)
    for (found, expected) in zip(found, expected) {
      #expect((found == nil) == (expected == nil))
      if let found, let expected { #expect(abs(found / expected - 1) < 1e-5, "\(found), \(expected)") }
    }
  }

  private static func write(_ directory: URL) throws {
    try Data(SmallExperiment.rows.utf8).write(to: directory.appending(path: "rows.csv"))
  }

  private static let folds = """
    seeds: [1]
    data: {rows: {files: rows.csv, folds: 2}}
    stages:
      before: {evaluate: rows, pseudo-perplexity: true}
      head: {swap: sequence-classification, labels: [a, b]}
      tune: {train: rows, epochs: 2, batch-size: 2, gradient-accumulation-steps: STEPS, eval-split: 0.25}
      fast: {train: rows, epochs: 2, batch-size: 2, gradient-accumulation-steps: STEPS, learning-rate: 1e-3}
      out: {export: safetensors}
      test: {evaluate: rows}
    arms: {slow: [before, head, tune, test], fast: [head, fast, test, out]}
    """

  @Test func foldsAreThoseOfOneProcess() throws {
    try withTemporaryDirectory { directory in
      try Self.write(directory)
      let alone = try Self.run(Self.folds, in: directory, "alone", steps: 2)
      let ranks = try Self.onTwoRanks(Self.folds, in: directory, "ranks")
      #expect(ranks.allSatisfy(\.isFinished) && ranks[0].begun == alone.begun && ranks[1].begun == [])
      Self.expectNear(ranks[0].losses, alone.losses)
      #expect(ranks[0].losses == ranks[1].losses)
      #expect(ranks.map(\.verdict) == [alone.verdict, alone.verdict])
      // What identifies a stage is how many batches a step has in all.
      #expect(try Self.stages(directory, "ranks") == Self.stages(directory, "alone"))
      let again = try Self.onTwoRanks(Self.folds, in: directory, "ranks")
      #expect(again.allSatisfy { $0.begun == [] && $0.losses == ranks[0].losses })
      #expect(try Self.run(Self.folds, in: directory, "ranks").begun == [])
      let record = try JSON(file: directory.appending(path: "ranks/experiment.json"))
      #expect(record["machine"]?["ranks"] == 2)
      #expect(try JSON(file: directory.appending(path: "alone/experiment.json"))["machine"]?["ranks"] == nil)
    }
  }

  /// Rank 0 decides by files which points go on; a point diverges on both.
  @Test func aSearchIsThatOfOneProcess() throws {
    let text = """
      seeds: [1]
      data: {train: {files: rows.csv}, dev: {files: rows.csv, take: 8}, test: {files: rows.csv, take: 12}}
      stages:
        head: {swap: sequence-classification, labels: [a, b]}
        tune: {train: train, epochs: 1, batch-size: 4, gradient-accumulation-steps: STEPS}
        dev: {evaluate: dev}
        test: {evaluate: test}
      arms: {direct: [head, tune, test], tuned: [head, tune, dev, test]}
      search:
        arm: tuned
        score: dev
        metric: loss
        method: halving
        factor: 2
        options: {tune: {learning-rate: [1e30, 1e-2, 1e-3], max-grad-norm: [0]}}
        rungs: {tune: {epochs: [1, 2]}}
      """
    try withTemporaryDirectory { directory in
      try Self.write(directory)
      let alone = try Self.run(text, in: directory, "alone", steps: 2)
      let ranks = try Self.onTwoRanks(text, in: directory, "ranks")
      #expect(ranks[0].begun == alone.begun && ranks.map(\.best) == [alone.best, alone.best])
      #expect(ranks[0].trials == ranks[1].trials && ranks[0].trials.map(\.point) == alone.trials.map(\.point))
      Self.expectNear(
        ranks[0].trials.flatMap(\.scores), alone.trials.flatMap(\.scores))
      #expect(alone.trials[0].scores == [nil])
      #expect(
        try Self.onTwoRanks(text, in: directory, "ranks").allSatisfy { $0.begun == [] && $0.replaced == [] })
    }
  }

  private static let long = """
    seeds: [1]
    data: {rows: {files: rows.csv}}
    stages:
      adapt: {train: rows, epochs: 3, batch-size: 2, save-steps: 2, gradient-accumulation-steps: STEPS}
      score: {evaluate: rows}
    arms: {one: [adapt, score]}
    """

  /// The request comes to rank 1 alone. On how many ranks the run goes on changes nothing.
  @Test func aRunThatWasStoppedGoesOnOnAnyNumberOfRanks() throws {
    try withTemporaryDirectory { directory in
      try Self.write(directory)
      let whole = try Self.onTwoRanks(Self.long, in: directory, "whole")[0].losses
      for (output, begun, next) in [("a", 2, 2), ("b", 2, 1), ("c", 1, 2)] {
        let second = TrainingControl()
        let isAlone = begun == 1
        let stopped =
          try isAlone
          ? [Self.run(Self.long, in: directory, output, steps: 2, stopping: second, own: second)]
          : Meeting(2).run { group in
            try Self.run(
              Self.long, in: directory, output, group, stopping: second,
              own: group.rank == 1 ? second : TrainingControl())
          }.map { try $0.get() }
        #expect(stopped.allSatisfy { !$0.isFinished })
        let ended =
          next == 1
          ? try [Self.run(Self.long, in: directory, output)]
          : try Self.onTwoRanks(Self.long, in: directory, output, steps: isAlone ? 2 : 1)
        #expect(ended[0].begun == ["adapt", "score"])
        Self.expectNear(ended[0].losses, whole)
        if next == 2, begun == 2 { #expect(ended[0].losses == whole) }
      }
      #expect(try Self.stages(directory, "b") == Self.stages(directory, "whole"))
    }
  }

  /// What one process began has the steps of one process.
  @Test func moreRanksThanBatchesAreRefused() throws {
    try withTemporaryDirectory { directory in
      try Self.write(directory)
      try Self.run(Self.long, in: directory, "alone")
      let output = directory.appending(path: "alone")
      // All is done: there is nothing to share.
      #expect(try Self.onTwoRanks(Self.long, in: directory, "alone").allSatisfy { $0.begun == [] })
      let longer = Self.long.replacing("epochs: 3", with: "epochs: 4")
      func refusal(_ text: String, _ output: String) throws -> String {
        let results = Meeting(2).run { try Self.run(text, in: directory, output, $0) }
        return try #require(throws: GraftError.self) { try results[0].get() }.description
      }
      #expect(
        try refusal(longer, "alone")
          == "\(output.path): stage 'adapt': there are more ranks than batches in a step; expected at most 1 rank, "
          + "found 2. Start as many as this directory's run was begun on, 1, or choose another directory.")
      #expect(
        try refusal(Self.long.replacing("batch-size: 2", with: "batch-size: 16"), "new").hasPrefix(
          "stage 'adapt': there are more ranks than batches in the data; expected at most 1 rank, found 2."))
      #expect(!FileManager.default.fileExists(atPath: directory.appending(path: "new").path))
    }
  }

  /// What rank 0 fails at ends all.
  @Test func aFailureOnRank0EndsAll() throws {
    try withTemporaryDirectory { directory in
      try Self.write(directory)
      let output = directory.appending(path: "out")
      try DirectoryWriter.makeDirectory(output)
      withExtendedLifetime(try RunLock(output)) {}
      try DirectoryWriter.makeDirectory(output.appending(path: "models"))
      try Data().write(to: output.appending(path: "models/one-1"))
      let results = Meeting(2).run { try Self.run(Self.long, in: directory, "out", $0) }
      let errors = try results.map { result in try #require(throws: GraftError.self) { try result.get() } }
      #expect(errors[0].problem == "something stands where the link to an arm's model belongs")
      #expect(errors[1].description == "rank 0 on thread: it ended with an error, which says why.")

      // Another run holds the lock.
      let lock = try RunLock(output)
      let locked = Meeting(2).run { try Self.run(Self.long, in: directory, "out", $0) }
      #expect(throws: GraftError.self) { try locked[1].get() }
      let error = try #require(throws: GraftError.self) { try locked[0].get() }
      #expect(error.problem == "another run is at work in this directory")
      withExtendedLifetime(lock) {}
    }
  }

  @Test func ranksWithOtherPlansOrDirectoriesAreRefused() throws {
    try withTemporaryDirectory { directory in
      try Self.write(directory)
      let other = Self.long.replacing("seeds: [1]", with: "seeds: [2]")
      let results = Meeting(2).run {
        try Self.run($0.leads ? Self.long : other, in: directory, "out", $0)
      }
      for result in results {
        let error = try #require(throws: GraftError.self) { try result.get() }
        #expect(error.problem == "rank 1 on thread has another 'experiment' than rank 0 on thread")
      }
      #expect(!FileManager.default.fileExists(atPath: directory.appending(path: "out").path))

      let caches = try ["one", "two"].map { name in
        let cache = StageCache(directory.appending(path: name))
        try DirectoryWriter.makeDirectory(cache.directory)
        return cache
      }
      let seen = Meeting(2).run { try caches[$0.rank].requireShared($0) }
      for (result, name) in zip(seen, ["one", "two"]) {
        let error = try #require(throws: GraftError.self) { try result.get() }
        #expect(
          error.description
            == "\(directory.appending(path: name).path): rank 1 on thread: the output directory of rank 0 is not there. "
            + "Choose a directory on a file system that all ranks see.")
      }
      for result in Meeting(2).run({ try caches[0].requireShared($0) }) { try result.get() }
      #expect(try caches.allSatisfy { try directoryContents($0.directory).isEmpty })
    }
  }

  @Test func aDamagedRecordOfRanksIsRefused() throws {
    try withTemporaryDirectory { directory in
      let (cache, file) = (StageCache(directory), directory.appending(path: "ranks.json"))
      #expect(try cache.firstRanks(now: 3) == 3)
      // Nothing was begun: what is planned now counts.
      try cache.begin(on: 4, now: 4)
      #expect(try cache.firstRanks(now: 2) == 2)
      try cache.begin(on: 2, now: 2)
      #expect(try JSON(file: file)["ranks"] == 2)
      try cache.begin(on: 1, now: 1)
      #expect(!FileManager.default.fileExists(atPath: file.path))
      try DirectoryWriter.makeDirectory(cache.directory.appending(path: "adapt-1"))
      #expect(try cache.firstRanks(now: 3) == 1)
      for text in ["{\"ranks\": 0}", "{\"ranks\": \"two\"}", "{}", "{\"ranks\": 1e18}", "2"] {
        try Data(text.utf8).write(to: file)
        let error = try #require(throws: GraftError.self) { try cache.firstRanks(now: 2) }
        #expect(error.kind == .malformed && error.file == file.path)
      }
      try Data("{\"ranks\": 4}".utf8).write(to: file)
      #expect(try cache.firstRanks(now: 1) == 4)
      let error = try #require(throws: GraftError.self) { try cache.begin(on: 2, now: 2) }
      #expect(
        error.description
          == "\(directory.path): the plan has steps of other ranks than the run in the directory; expected a run that was "
          + "begun on 2, found one on 4. Make the plan for this directory, with 'output:' of ExperimentPlan, or "
          + "choose another.")
    }
  }
}
