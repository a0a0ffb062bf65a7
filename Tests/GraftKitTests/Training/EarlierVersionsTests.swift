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

  /// Copies the directory of the stopped run, and resumes it.
  ///
  /// - Parameter optimizer: What the run is said to have used, as version 0.1 recorded it.
  private func resume(in directory: URL, optimizer: String = "adamw") throws -> TrainingOutcome {
    let output = directory.appending(path: "out")
    try FileManager.default.copyItem(at: recorded.appending(path: "stopped"), to: output)
    let arguments = output.appending(path: "training_args.json")
    let text = try String(contentsOf: arguments, encoding: .utf8)
    #expect(text.contains(#""trainer": "adamw""#))
    try FileWriter.write(
      arguments, text: text.replacing(#""trainer": "adamw""#, with: #""trainer": "\#(optimizer)""#))
    let registry = try Support.registry()
    var options = TrainingOptions()
    options.maxSteps = 4
    options.batchSize = 3
    options.saveSteps = 2
    options.loggingSteps = 1
    options.learningRate = 1e-3
    options.weightDecay = 0.1
    options.reportTo = []
    let lines = try String(contentsOf: recorded.appending(path: "rows.csv"), encoding: .utf8)
      .split(separator: "\n").dropFirst()
    let rows = lines.map { line in
      let fields = line.split(separator: ",").map(String.init)
      return TextRow(fields[0], label: .text(fields[1]))
    }
    return try train(
      registry.open(Support.fixture("sequence-classification")).checkpoint,
      on: TrainingData(rows, named: ["rows.csv"]), options: options, output: output,
      backend: registry.makeBackend("reference", threads: 1), registry: registry, resume: true)
  }

  @Test func aRunOfVersion0_1IsResumed() throws {
    try withTemporaryDirectory { directory in
      guard case .finished(let summary) = try resume(in: directory) else {
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
        try history(directory.appending(path: "out")), try history(recorded.appending(path: "finished"))
      )
      #expect(mine.count == theirs.count)
      for (mine, theirs) in zip(mine, theirs) {
        for key in ["step", "loss", "grad_norm", "learning_rate"] {
          let (mine, theirs) = (mine[key] ?? 0, theirs[key] ?? 0)
          #expect(abs(mine - theirs) <= 1e-5 * abs(theirs), "\(key)")
        }
      }
    }
  }

  @Test func anotherOptimizerThanThatOfVersion0_1IsRefused() throws {
    try withTemporaryDirectory { directory in
      let error = #expect(throws: GraftError.self) { try resume(in: directory, optimizer: "sgd") }
      #expect(error?.problem == "differs from the run that is resumed")
      #expect(error?.option == "optimizer")
      #expect(error?.expected == "sgd")
      #expect(error?.found == "adamw")
    }
  }
}
