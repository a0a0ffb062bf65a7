import Foundation
import GraftCore
import GraftData
import GraftTensors
import TestSupport
import Testing

@testable import GraftKit

/// Training directories that earlier versions wrote are resumed.
@Suite struct EarlierVersionsTests {
  /// `Fixtures/training-0.1/make.sh`: a run of version 0.1 that stopped after two of four steps.
  private let recorded = fixtures.appending(path: "training-0.1")
  private let registry: Registry

  init() throws { registry = try Support.registry() }

  /// Copies the directory of a stopped run, and resumes it.
  ///
  /// - Parameters:
  ///   - run: What `make.sh` wrote: `stopped` and `rows.csv`, of texts and labels or of texts alone.
  ///   - base: The checkpoint that the run began with.
  ///   - directory: Where `out` is made.
  ///   - optimizer: What the run is said to have used, as version 0.1 recorded it.
  private func resume(
    _ run: URL, of base: URL, in directory: URL, optimizer: String = "adamw", freezesBackbone: Bool = false
  ) throws -> TrainingOutcome {
    let output = directory.appending(path: "out")
    try FileManager.default.copyItem(at: run.appending(path: "stopped"), to: output)
    let arguments = output.appending(path: "training_args.json")
    let text = try String(contentsOf: arguments, encoding: .utf8)
    #expect(text.contains(#""trainer": "adamw""#))
    try FileWriter.write(
      arguments, text: text.replacing(#""trainer": "adamw""#, with: #""trainer": "\#(optimizer)""#))
    var options = TrainingOptions()
    options.maxSteps = 4
    options.batchSize = 3
    options.saveSteps = 2
    options.loggingSteps = 1
    options.learningRate = 1e-3
    options.weightDecay = 0.1
    options.freezesBackbone = freezesBackbone
    options.reportTo = []
    let lines = try String(contentsOf: run.appending(path: "rows.csv"), encoding: .utf8)
      .split(separator: "\n").dropFirst()
    let rows = lines.map { line in
      let fields = line.split(separator: ",").map(String.init)
      return fields.count == 1 ? TextRow(fields[0]) : TextRow(fields[0], label: .text(fields[1]))
    }
    return try train(
      registry.open(base).checkpoint, on: TrainingData(rows, named: ["rows.csv"]), options: options,
      output: output, backend: registry.makeBackend("reference", threads: 1), registry: registry, resume: true
    )
  }

  /// Makes sure that the log of `directory/out` is that of the finished run.
  private func expectFinished(_ outcome: TrainingOutcome, of run: URL, in directory: URL) throws {
    guard case .finished(let summary) = outcome else {
      Issue.record("the run did not finish")
      return
    }
    #expect(summary.training["train_samples"] == 6)
    func history(_ url: URL) throws -> [[String: Double]] {
      try #require(JSON(file: url.appending(path: "trainer_state.json"))["log_history"]?.array).map {
        entry in
        (entry.object ?? [:]).reduce(into: [:]) { $0[$1.key] = $1.value.double }
      }
    }
    let (mine, theirs) = (
      try history(directory.appending(path: "out")), try history(run.appending(path: "finished"))
    )
    #expect(mine.count == theirs.count)
    for (mine, theirs) in zip(mine, theirs) {
      for key in ["step", "loss", "grad_norm", "learning_rate"] {
        let (mine, theirs) = (mine[key] ?? 0, theirs[key] ?? 0)
        #expect(abs(mine - theirs) <= 1e-5 * abs(theirs), "\(key)")
      }
    }
  }

  @Test func aRunOfVersion0_1IsResumed() throws {
    try withTemporaryDirectory { directory in
      let outcome = try resume(recorded, of: Support.fixture("sequence-classification"), in: directory)
      try expectFinished(outcome, of: recorded, in: directory)
    }
  }

  /// `Fixtures/training-0.1/parked/make.sh`: only the masked-lm head was trained; a next-sentence head was parked and a
  /// pooler kept.
  @Test func aRunOfVersion0_1WithAParkedHeadIsResumed() throws {
    try withTemporaryDirectory { directory in
      let (run, base) = (
        recorded.appending(path: "parked"), fixtures.appending(path: "checkpoint-0.1/swapped")
      )
      let outcome = try resume(run, of: base, in: directory, freezesBackbone: true)
      try expectFinished(outcome, of: run, in: directory)

      // What was not trained is as it was, in the checkpoint of each version and after a swap.
      let output = directory.appending(path: "out")
      let swapped = directory.appending(path: "swapped")
      let change = try swapHead(output, to: "pretraining", registry: registry)
      #expect(change.restored == ["next-sentence"])
      try change.checkpoint.write(to: swapped, registry: registry)
      let stopped = run.appending(path: "stopped/checkpoint-2")
      for written in [stopped, output, output.appending(path: "checkpoint-4"), swapped] {
        let checkpoint = try registry.open(written).checkpoint
        #expect(checkpoint.heads.map(\.id) == ["masked-lm", "next-sentence"])
        let difference = try compare(base, written, registry: registry)
        #expect(difference.onlyInFirst.isEmpty && difference.onlyInSecond.isEmpty)
        #expect(difference.changed.count == 5)
        #expect(difference.changed.allSatisfy { $0.name.hasPrefix("masked_lm.") })
      }
    }
  }

  @Test func anotherOptimizerThanThatOfVersion0_1IsRefused() throws {
    try withTemporaryDirectory { directory in
      let error = #expect(throws: GraftError.self) {
        try resume(
          recorded, of: Support.fixture("sequence-classification"), in: directory, optimizer: "sgd")
      }
      #expect(error?.problem == "differs from the run that is resumed")
      #expect(error?.option == "optimizer")
      #expect(error?.expected == "sgd")
      #expect(error?.found == "adamw")
    }
  }
}
