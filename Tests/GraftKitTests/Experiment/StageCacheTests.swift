import Foundation
import GraftCompute
import GraftCore
import GraftTensors
import TestSupport
import Testing

@testable import GraftExperiments
@testable import GraftKit

/// What is done of a plan, and what stays of it in its directory.
@Suite struct StageCacheTests {
  private func run(_ plan: ExperimentPlan, _ output: URL, maximumDisk: Int? = nil) throws -> [String] {
    let registry = try Support.registry()
    var done: [String] = []
    let outcome = try runExperiment(
      plan, output: output, on: SmallExperiment.machine(registry), registry: registry,
      maximumDisk: maximumDisk
    ) { event in
      if case .finished(let stage, _, _) = event { done.append(stage.name) }
    }
    guard case .finished = outcome else {
      Issue.record("not finished")
      return done
    }
    return done
  }

  @Test func onlyWhatChangedIsDoneAgain() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      let first = try SmallExperiment.plan(SmallExperiment.twoArms, in: directory)
      #expect(try run(first, output).count == 13)
      #expect(try run(first, output) == [])
      let record = try JSON(file: output.appending(path: "experiment.json"))
      #expect(record["arms"]?.array?.count == 2)

      let third = try SmallExperiment.plan(
        SmallExperiment.twoArms.replacing("[1, 2]", with: "[1, 3]"), in: directory)
      #expect(try run(third, output) == ["head", "tune", "test", "head", "tune", "test"])

      // Without its last file a stage is not finished, and no other is in doubt.
      let cache = StageCache(output)
      let test = try #require(first.stages.firstIndex { $0.name == "test" })
      try FileManager.default.removeItem(at: cache.url(first.stages[test]).appending(path: "stage.json"))
      #expect(cache.pending(first) == [test])
      #expect(try run(first, output) == ["test"])

      // What is broken is not taken for finished either.
      let tune = try #require(first.stages.firstIndex { $0.name == "tune" })
      try Data("{".utf8).write(to: cache.url(first.stages[tune]).appending(path: "stage.json"))
      #expect(cache.pending(first) == [tune])
    }
  }

  @Test("what killed processes left goes with the next") func debris() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      let plan = try SmallExperiment.plan(SmallExperiment.twoArms, in: directory)
      _ = try run(plan, output)
      let whole = try filePaths(below: output)
      let tune = try #require(plan.stages.first { $0.name == "tune" })
      let stage = StageCache(output).url(tune)
      for name in ["clock.json", ".clock.json.partial-1", ".heads.retired-1/head"] {
        try DirectoryWriter.makeDirectory(stage.appending(path: name).deletingLastPathComponent())
        try FileWriter.write(stage.appending(path: name), text: "{}")
      }
      for name in [
        ".experiment.json.partial-1", ".report.json.partial-1", "stages/.x.partial-1", "stages/.y.retired-1",
      ] {
        try FileWriter.write(output.appending(path: name), text: "{}")
      }
      #expect(try run(plan, output) == [])
      #expect(try filePaths(below: output) == whole)
    }
  }

  @Test func finishedStagesKeepNoMoreThanTheirModels() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      let plan = try SmallExperiment.plan(SmallExperiment.twoArms, in: directory)
      _ = try run(plan, output)
      let files = FileManager.default.enumerator(atPath: output.path)?.compactMap { $0 as? String } ?? []
      #expect(
        !files.contains { $0.contains("optimizer") || $0.contains("clock.json") || $0.contains(".partial") })
      #expect(files.filter { $0.hasSuffix("checkpoint-1") }.count == 1)
      #expect(!files.contains { $0.hasSuffix("checkpoint-2") })
    }
  }

  @Test func aCapOnTheDiskRemovesWhatServedItsPurpose() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      // Without checkpoints of its own a run needs room for its model alone.
      let text = SmallExperiment.twoArms.replacing(
        "tune: {train: train, ", with: "tune: {train: train, save-strategy: no, "
      )
      .replacing("[1, 2]", with: "[1, 2, 3]")
      let plan = try SmallExperiment.plan(text, in: directory)
      // All models take 2 MB, and the adaptation 1.2 MB while it runs.
      let cap = 1_700_000
      _ = try run(plan, output, maximumDisk: cap)
      let cache = StageCache(output)
      #expect(try cache.size <= cap)
      #expect(cache.pending(plan).isEmpty)
      // Arms keep the models that they end with.
      for arm in plan.arms {
        for run in arm.runs {
          #expect(cache.hasModel(plan.stages[run.stages[run.stages.count - 2].index], step: nil))
        }
      }
      let heads = plan.stages.filter { $0.name == "head" }
      #expect(heads.contains { !cache.hasModel($0, step: nil) })
      // What needs a model that was removed makes it again.
      let longer = try SmallExperiment.plan(
        text.replacing("no, epochs: 1", with: "no, epochs: 2"), in: directory)
      #expect(try run(longer, output).contains("head"))

      let error = try #require(throws: GraftError.self) {
        try run(longer, directory.appending(path: "small"), maximumDisk: 1000)
      }
      #expect(
        error.description.contains(
          "the run would take more disk space than it may; expected at most 1.0 kB"))
      #expect(!FileManager.default.fileExists(atPath: directory.appending(path: "small").path))
    }
  }

  @Test func whatIsKeptAboveTheCapIsSaid() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      let plan = try SmallExperiment.plan(SmallExperiment.twoArms, in: directory)
      let registry = try Support.registry()
      func excess(_ cap: Int?) throws -> GraftError? {
        let outcome = try runExperiment(
          plan, output: output, on: SmallExperiment.machine(registry), registry: registry, maximumDisk: cap)
        guard case .finished(let results) = outcome else { return nil }
        return results.excess
      }
      #expect(try excess(nil) == nil)
      #expect(
        try excess(10_000)?.description.hasPrefix(
          "\(output.path): what is kept takes more disk space than it may; expected at most 10 kB, found "
        ) == true)
      #expect(try excess(StageCache(output).size) == nil)
    }
  }

  @Test(
    "sparse files of more bytes than can be counted are more than may be kept",
    .enabled(if: FileManager.default.fileExists(atPath: "/dev/shm")))
  func sparseFiles() throws {
    try withTemporaryDirectory { directory in
      let output = URL(filePath: "/dev/shm/graft-sparse-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: output) }
      let plan = try SmallExperiment.plan(SmallExperiment.twoArms, in: directory)
      _ = try run(plan, output)
      let cache = StageCache(output)
      let test = cache.url(try #require(plan.stages.first { $0.name == "test" }))
      for name in ["a", "b"] {
        let file = test.appending(path: name)
        try Data("x".utf8).write(to: file)
        try #require(truncate(file.path, 1 << 62) == 0)
      }
      try FileManager.default.removeItem(at: cache.url(try #require(plan.stages.first { $0.name == "tune" })))
      let error = #expect(throws: GraftError.self) { try run(plan, output, maximumDisk: 10 << 30) }
      #expect(error?.problem == "the run would take more disk space than it may")
    }
  }

  @Test func whatAStoppedRunWroteIsNotCountedTwice() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      let plan = try SmallExperiment.plan(
        "stages: {adapt: {train: train, epochs: 4, save-steps: 1}}\narms: {a: [adapt]}", in: directory)
      let registry = try Support.registry()
      let (cache, cap) = (StageCache(output), plan.stages[0].work.largestBytes)
      let control = TrainingControl()
      var saved = 0
      let stopped = try runExperiment(
        plan, output: output, on: SmallExperiment.machine(registry), registry: registry, maximumDisk: cap,
        control: control
      ) { event in
        guard case .training(.saved) = event else { return }
        saved += 1
        if saved == 2 { control.requestStop() }
      }
      guard case .interrupted = stopped else {
        Issue.record("not interrupted")
        return
      }
      #expect(try cache.held(plan.stages[0]) > 0)
      #expect(try run(plan, output, maximumDisk: cap) == ["adapt"])
    }
  }

  @Test func onlyLinksToModelsAreReplaced() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      let plan = try SmallExperiment.plan(SmallExperiment.twoArms, in: directory)
      _ = try run(plan, output)
      let models = output.appending(path: "models")
      try Data("mine".utf8).write(to: models.appending(path: "notes.txt"))
      // Of an arm that is no more.
      try FileManager.default.createSymbolicLink(
        atPath: models.appending(path: "old-1").path, withDestinationPath: "../stages/swap-0")
      _ = try run(plan, output)
      let names = try FileManager.default.contentsOfDirectory(atPath: models.path).sorted()
      #expect(names == ["adapted-1", "adapted-2", "direct-1", "direct-2", "notes.txt"])
      for name in names.dropLast() {
        let configuration = models.appending(path: "\(name)/config.json")
        #expect(FileManager.default.fileExists(atPath: configuration.path))
      }

      let taken = models.appending(path: "direct-1")
      try FileManager.default.removeItem(at: taken)
      try Data("mine".utf8).write(to: taken)
      let error = try #require(throws: GraftError.self) { try run(plan, output) }
      #expect(
        error.description.hasPrefix(
          "\(taken.path): something stands where the link to an arm's model belongs."))
      #expect(try String(contentsOf: taken, encoding: .utf8) == "mine")
    }
  }

  @Test func onlyALockThatIsHeldIsAnotherRun() throws {
    try withTemporaryDirectory { directory in
      let lock = try RunLock(directory)
      let held = try #require(throws: GraftError.self) { try RunLock(directory) }
      #expect(held.kind == .refused && held.problem.hasPrefix("another run is at work"))
      withExtendedLifetime(lock) {}
      let failure = RunLock.failure(ENOLCK, directory)
      #expect(failure.kind == .system && failure.problem.hasPrefix("cannot be locked ("))
      let nowhere = directory.appending(path: "nowhere")
      #expect(throws: GraftError.self) { try RunLock(nowhere) }
    }
  }

  @Test func aDirectoryOfSomethingElseIsLeftAlone() throws {
    try withTemporaryDirectory { directory in
      let plan = try SmallExperiment.plan(SmallExperiment.twoArms, in: directory)
      let error = try #require(throws: GraftError.self) { try run(plan, directory) }
      #expect(error.description.contains("the output directory exists and is not empty"))
    }
  }

  @Test func whatIsMeasuredCountsPairsAndTheOnlyBatch() throws {
    let rows = [TextRow("abc", pair: "d"), TextRow("e")]
    #expect(ExperimentSchedule.timedBytes(rows, batchSize: 1) == 1)
    #expect(ExperimentSchedule.timedBytes(rows, batchSize: 2) == 5)
    try withTemporaryDirectory { directory in
      let plan = try SmallExperiment.plan(
        "stages: {test: {evaluate: test}}\narms: {a: [test]}", in: directory)
      let registry = try Support.registry()
      var schedule = try ExperimentSchedule(plan, output: directory.appending(path: "out"))
      try schedule.measure(on: SmallExperiment.machine(registry), registry: registry)
      #expect(try #require(schedule.estimate) > 0)
    }
  }

  /// The place of the right choice is no class: it need not be trained on, and each fold need not have it. Its texts, which
  /// stand in columns of the task, take time.
  @Test func placesOfChoicesAreNoClasses() throws {
    func rows(_ answers: [Int]) -> String {
      answers.enumerated().map { row, answer in
        #"{"question": "which one \#(row)", "choices": ["a", "b", "c", "d"], "label": \#(answer)}"#
      }.joined(separator: "\n")
    }
    try withTemporaryDirectory { directory in
      let registry = try Support.registry()
      for (name, answers) in [
        ("train", [0, 0, 1, 1, 0, 1]), ("test", [2, 3]), ("all", [0, 0, 1, 1, 0, 3]),
      ] {
        try Data(rows(answers).utf8).write(to: directory.appending(path: "\(name).jsonl"))
      }
      func plan(_ data: String, _ train: String, _ test: String) throws -> ExperimentPlan {
        let text = """
          base: \(Support.fixture("masked-lm").path)
          data: \(data)
          stages:
            head: {swap: multiple-choice}
            tune: {train: \(train), epochs: 1}
            test: {evaluate: \(test)}
          arms: {a: [head, tune, test]}
          """
        let experiment = try Experiment(
          parsing: Array(text.utf8), relativeTo: directory, registry: registry)
        return try ExperimentPlan(experiment, on: SmallExperiment.machine(registry), registry: registry)
      }
      let two = try plan(
        "{train: {files: train.jsonl}, test: {files: test.jsonl}}", "train", "test")
      #expect(two.stages.count == 3)
      #expect(try plan("{all: {files: all.jsonl, folds: 2}}", "all", "all").stages.count == 5)
      #expect(TextRow("ab", pair: "c").byteCount == 3)
      var schedule = try ExperimentSchedule(two, output: directory.appending(path: "out"))
      try schedule.measure(on: SmallExperiment.machine(registry), registry: registry)
      #expect(try #require(schedule.estimate) > 0)
    }
  }

  @Test func timesAreEstimatedFromWhatWasMeasured() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      let plan = try SmallExperiment.plan(SmallExperiment.twoArms, in: directory)
      let registry = try Support.registry()
      var schedule = try ExperimentSchedule(plan, output: output)
      #expect(schedule.estimate == nil && schedule.pending.count == 13)
      try schedule.measure(on: SmallExperiment.machine(registry), registry: registry)
      #expect(try #require(schedule.estimate) > 0)
      _ = try run(plan, output)
      let longer = try SmallExperiment.plan(
        SmallExperiment.twoArms.replacing(
          "tune: {train: train, epochs: 1", with: "tune: {train: train, epochs: 40"),
        in: directory)
      let after = try ExperimentSchedule(longer, output: output)
      #expect(after.pending.count == 8)
      let tunes = longer.stages.indices.filter { longer.stages[$0].name == "tune" }
      let (long, short) = (
        try #require(after.estimate(tunes[0])),
        try #require(try ExperimentSchedule(plan, output: output).estimate(tunes[0]))
      )
      #expect(abs(long / short - 40) < 0.01)
    }
  }
}
