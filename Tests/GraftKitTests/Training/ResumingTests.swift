import Foundation
import GraftCompute
import GraftCore
import GraftData
import GraftTensors
import TestSupport
import Testing

@testable import GraftKit

/// Runs that are stopped, that fail and that are gone on with.
extension TrainingTests {
  enum Task: String, CaseIterable { case classification = "sequence-classification", masking = "masked-lm" }

  /// One run, stopped before its first step and after each: every stop is resumed, and a single one that lost anything
  /// would show at the end.
  @Test(arguments: Task.allCases)
  func aRunStoppedAfterEveryStepEndsAsIfNeverStopped(_ task: Task) throws {
    try withTemporaryDirectory { directory in
      let (undisturbed, output) = (directory.appending(path: "undisturbed"), directory.appending(path: "out"))
      guard case .finished = try run(task, in: undisturbed) else { throw Unexpected() }
      for stop in 0..<7 {
        let control = TrainingControl()
        if stop == 0 { control.requestStop() }
        var steps: [Int] = []
        let outcome = try run(task, in: output, resume: stop > 0, control: control) { event in
          guard case .step(let report) = event else { return }
          steps.append(report.step)
          if report.step == stop { control.requestStop() }
        }
        guard case .interrupted(let checkpoint, let step) = outcome else { throw Unexpected(outcome) }
        #expect(step == stop)
        #expect(steps == (stop == 0 ? [] : [stop]), "a resumed run takes up where it stopped")
        #expect(checkpoint.path == output.appending(path: "checkpoint-\(stop)").path)
      }
      guard case .finished = try run(task, in: output, resume: true) else { throw Unexpected() }
      try expectSameEnd(output, undisturbed)
    }
  }

  /// A larger patience takes up what early stopping ended, as if it had held from the start.
  @Test func aRunThatStoppedEarlyGoesOnWithMorePatience() throws {
    try withTemporaryDirectory { directory in
      let (output, patient) = (directory.appending(path: "out"), directory.appending(path: "patient"))
      func go(_ url: URL, patience: Int, steps: Int = 7, resume: Bool = true) throws -> TrainingOutcome {
        try run(
          .classification, in: url,
          change: {
            ($0.earlyStoppingPatience, $0.earlyStoppingThreshold, $0.maxSteps) = (patience, 9, steps)
          }, resume: resume)
      }
      guard case .finished = try go(output, patience: 1, resume: false) else { throw Unexpected() }
      #expect(try TrainingDirectory(url: output).checkpoints.last == 6)
      guard case .alreadyFinished = try go(output, patience: 1) else { throw Unexpected() }
      #expect(
        errorMessage { _ = try go(output, patience: 1, steps: 9) }
          == "\(output.path): option 'early-stopping-patience': the run stopped after step 6: 1 evaluation in a row brought "
          + "no progress; expected more than 1, found 1. Raise it to go on, or leave it out.")
      guard case .finished = try go(output, patience: 5) else { throw Unexpected() }
      guard case .finished = try go(patient, patience: 5, resume: false) else { throw Unexpected() }
      try expectSameEnd(output, patient)
    }
  }

  /// As `Trainer` does: a checkpoint of the best step is named where there is one, and is written for it only where the run
  /// ends with it.
  @Test(arguments: [(false, 100, [6], Int?.none), (false, 3, [3, 6], 3), (true, 100, [3, 6], 3)])
  func theBestEvaluationIsKnown(_ loads: Bool, _ every: Int, _ kept: [Int], _ named: Int?) throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      let outcome = try run(
        .classification, in: output,
        change: {
          // The first loss is the greatest.
          ($0.metricForBestModel, $0.greaterIsBetter) = ("loss", true)
          ($0.earlyStoppingPatience, $0.loadsBestModelAtEnd) = (1, loads)
          ($0.saveSteps, $0.saveTotalLimit) = (every, 1)
        })
      guard case .finished = outcome else { throw Unexpected(outcome) }
      let state = try JSON(file: output.appending(path: "trainer_state.json"))
      let losses = (state["log_history"]?.array ?? []).compactMap { $0["eval_loss"]?.double }
      #expect(losses.count == 2 && losses[0] > losses[1])
      #expect(state["global_step"]?.int == 6 && state["best_global_step"]?.int == 3)
      #expect(state["best_metric"]?.double == losses[0])
      #expect(try TrainingDirectory(url: output).checkpoints == kept)
      let best = named.map { output.appending(path: "checkpoint-\($0)").path }
      #expect(state["best_model_checkpoint"]?.string == best)
    }
  }

  /// A run that is stopped while it evaluates, and crashes later, logs that evaluation once.
  @Test func anEvaluationThatIsMadeUpForIsNotMadeAgain() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      let control = TrainingControl()
      let outcome = try run(
        .classification, in: output, change: { $0.saveSteps = 100 }, control: control
      ) { event in
        if case .evaluating = event { control.requestStop() }
      }
      guard case .interrupted(_, step: 3) = outcome else { throw Unexpected(outcome) }
      var evaluated: [Double] = []
      func goOn(_ store: (any ModelStore)? = nil) throws -> TrainingOutcome {
        evaluated = []
        return try run(
          .classification, in: output, store: store, change: { $0.saveSteps = 100 }, resume: true
        ) { event in
          if case .evaluated(let entry) = event { evaluated.append(entry["step"] ?? 0) }
        }
      }
      #expect(throws: FailingStore.Full.self) {
        try goOn(FailingStore(store(.classification), failing: 1))
      }
      #expect(evaluated == [3, 6])
      guard case .finished = try goOn() else { throw Unexpected() }
      #expect(evaluated == [6, 7])
    }
  }

  /// A run whose disk fills up at each of its writes in turn: checkpoints 2, 4, 6 and 7, then the final model.
  @Test func aRunThatCannotWriteResumesFromItsLastWholeCheckpoint() throws {
    try withTemporaryDirectory { directory in
      let (undisturbed, output) = (directory.appending(path: "undisturbed"), directory.appending(path: "out"))
      guard case .finished = try run(.classification, in: undisturbed) else { throw Unexpected() }
      for (attempt, kept) in [nil, 2, 4, 6, 7].enumerated() {
        // Each attempt gets one write further than the one before.
        let store = FailingStore(try store(.classification), failing: attempt == 0 ? 1 : 2)
        #expect(throws: FailingStore.Full.self) {
          try run(.classification, in: output, store: store, resume: attempt > 0)
        }
        #expect(try TrainingDirectory(url: output).checkpoints.last == kept)
        // What SIGKILL would have left of a run.
        guard kept != nil else { continue }
        try FileManager.default.createDirectory(
          at: output.appending(path: ".checkpoint-4.partial-1"), withIntermediateDirectories: true)
      }
      guard case .finished = try run(.classification, in: output, resume: true) else { throw Unexpected() }
      try expectSameEnd(output, undisturbed)
      #expect(try !contents(output).contains { $0.hasPrefix(".") })
    }
  }

  /// One that was killed between a new checkpoint and the removal of an old one saves no other where it was the last.
  @Test("a checkpoint that a killed process did not remove is removed by the next") func excess() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      func go(resume: Bool) throws {
        let outcome = try run(
          .classification, in: output, change: { $0.saveTotalLimit = 1 }, resume: resume)
        guard case .finished = outcome else { throw Unexpected(outcome) }
        #expect(try TrainingDirectory(url: output).checkpoints == [7])
      }
      try go(resume: false)
      try FileManager.default.createDirectory(
        at: output.appending(path: "checkpoint-6"), withIntermediateDirectories: false)
      try FileManager.default.removeItem(at: output.appending(path: "all_results.json"))
      try go(resume: true)
    }
  }

  @Test func aFinishedRunSaysSo() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      // There is nothing to resume: the run begins.
      guard case .finished(let first) = try run(.classification, in: output, resume: true) else {
        throw Unexpected()
      }
      guard case .alreadyFinished(let second) = try run(.classification, in: output, resume: true) else {
        throw Unexpected()
      }
      #expect(first == second)
    }
  }

  @Test func metricsWritersThatAreNewAreSaid() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      let control = TrainingControl()
      control.requestStop()
      func notes(_ writers: [String]) throws -> [TrainingNote] {
        var notes: [TrainingNote] = []
        _ = try run(
          .classification, in: output, change: { $0.reportTo = writers },
          resume: FileManager.default.fileExists(atPath: output.path), control: control
        ) { if case .noted(let note) = $0 { notes.append(note) } }
        return notes
      }
      let added = [
        try notes(["tensorboard"]), try notes(["tensorboard"]), try notes(["csv-log", "tensorboard"]),
        try notes(["csv-log", "tensorboard"]), try notes([]),
      ]
      #expect(added == [[], [], [.addedWriters(["csv-log"])], [], []])
    }
  }

  @Test func onlyTheSameRunIsResumed() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      let control = TrainingControl()
      control.requestStop()
      _ = try run(.classification, in: output, control: control)
      let arguments = output.appending(path: "training_args.json").path

      func message(_ change: (inout TrainingOptions) -> Void = { _ in }, rows: Int = 13, resume: Bool = true)
        -> String?
      {
        errorMessage {
          _ = try run(
            .classification, in: output, rows: rows, change: change, resume: resume, control: control)
        }
      }
      #expect(
        message({ $0.learningRate = 0.25 })
          == "\(arguments): option 'learning-rate': differs from the run that is resumed; expected 0.002, found 0.25. Pass the "
          + "same value, or start a new run in another directory.")
      #expect(
        message({ $0.maxSteps = 5 })?.contains(
          "option 'max-steps': differs from the run that is resumed; expected 7, found 5")
          == true)
      #expect(
        message(rows: 12)?.contains(
          "option 'data': other rows or labels than those of the run that is resumed")
          == true)
      #expect(message({ $0.saveTotalLimit = 3 }) == nil)
      #expect(
        message(resume: false)
          == "\(output.path): there is a training run in the output directory. Pass 'resume: true' to go on with it, or choose "
          + "another directory.")
    }
  }

  @Test func labelsCheckpointAndBackendBelongToTheRun() throws {
    try withTemporaryDirectory { directory in
      let source = try registry.open(Support.fixture("sequence-classification")).checkpoint
      let control = TrainingControl()
      control.requestStop()
      let rows = (1...3).map { TextRow("a b", label: .text("\($0)")) }
      func message(
        _ change: (inout Checkpoint) -> Void = { _ in }, labelBase: Int? = nil, resume: Bool = true,
        backend: (any ComputeBackend)? = nil
      ) -> String? {
        var checkpoint = source
        change(&checkpoint)
        return errorMessage {
          _ = try train(
            checkpoint, on: TrainingData(rows, named: ["rows"], labelBase: labelBase),
            output: directory.appending(path: "out"), backend: backend ?? self.backend, registry: registry,
            resume: resume, control: control)
        }
      }
      #expect(message(resume: false) == nil)
      #expect(message() == nil)
      #expect(message(labelBase: 0) == nil)
      #expect(
        message(labelBase: 1)?.contains("option 'data': other rows or labels than those of the run") == true)
      let another = "another checkpoint than that of the run that is resumed. Pass the same checkpoint"
      #expect(message({ $0.configuration.setLabels(["w", "x", "y", "z"]) })?.contains(another) == true)
      #expect(message({ $0.tokenizer = nil }) != nil)
      let cased = try registry.open(Support.fixture("cased")).checkpoint.tokenizer
      #expect(message({ $0.tokenizer = cased })?.contains(another) == true)
      #expect(message({ $0.extra["stray"] = LazyTensor([Float(1)], shape: [1]) })?.contains(another) == true)
      let reference = try ReferenceBackend(threads: 1)
      let name = type(of: backend).name
      if name != "reference" {
        #expect(
          message(backend: reference)?.contains(
            "option 'backend': differs from the run that is resumed; expected \(name), found reference")
            == true)
      }
    }
  }

  /// A run that came to nothing is not in the way of the next.
  @Test(arguments: [false, true]) func aRunThatFailsEarlyLeavesNothing(_ exists: Bool) throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      let files = FileManager.default
      if exists { try files.createDirectory(at: output, withIntermediateDirectories: true) }
      for resume in [false, true, false] {
        #expect(throws: GraftError.self) {
          try run(
            .classification, in: output,
            change: {
              $0.learningRate = 1e38
              $0.warmupSteps = 0
              $0.saveSteps = 100
            }, resume: resume)
        }
        #expect(files.fileExists(atPath: output.path) == exists)
        #expect(try files.contentsOfDirectory(atPath: directory.path) == (exists ? ["out"] : []))
        #expect(((try? files.contentsOfDirectory(atPath: output.path)) ?? []).isEmpty)
      }
      guard case .finished = try run(.classification, in: output) else { throw Unexpected() }
    }
  }

  /// Somebody else's run is left alone.
  @Test func aRunThatIsNotResumedStays() throws {
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: "training_args.json")
      try FileWriter.write(file, text: "{}")
      for resume in [false, true] {
        #expect(throws: GraftError.self) { try run(.classification, in: directory, resume: resume) }
        #expect(try String(contentsOf: file, encoding: .utf8) == "{}")
      }
    }
  }

  @Test func aDirectoryWithOtherFilesIsRefused() throws {
    try withTemporaryDirectory { directory in
      try FileWriter.write(directory.appending(path: "config.json"), text: "{}")
      for resume in [false, true] {
        let error = #expect(throws: GraftError.self) {
          try run(.classification, in: directory, resume: resume)
        }
        #expect(error?.kind == .refused)
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["config.json"])
    }
  }
}
