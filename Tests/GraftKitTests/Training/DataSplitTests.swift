import Foundation
import GraftCompute
import GraftCore
import GraftData
import GraftTensors
import TestSupport
import Testing

@testable import GraftKit

/// Rows that are held out of the training data.
@Suite struct DataSplitTests {
  private func split(_ classes: [Int32], _ share: Double, seed: UInt64 = 42) throws -> DataSplit {
    var options = TrainingOptions()
    options.evalSplit = share
    options.seed = seed
    return try DataSplit(classes.map { ClassLabel($0) }, count: classes.count, options)
  }

  private func counts(_ classes: [Int32], _ rows: [Int]) -> [Int32: Int] {
    Dictionary(grouping: rows) { classes[$0] }.mapValues(\.count)
  }

  /// As `train_test_split(…, test_size=0.1, stratify=y)` counts them.
  @Test func eachClassGivesItsShare() throws {
    let classes = (0..<1000).map { Int32($0 % 10 < 7 ? 0 : $0 % 10 < 9 ? 1 : 2) }
    let split = try split(classes, 0.1)
    #expect(counts(classes, split.evaluation) == [0: 70, 1: 20, 2: 10])
    #expect((split.evaluation + split.training).sorted() == Array(0..<1000))
    #expect(split.missing.isEmpty)
    #expect(try self.split(classes, 0.1) == split)
    #expect(try self.split(classes, 0.1, seed: 1).evaluation != split.evaluation)
    // Not the first rows, nor the last.
    #expect(abs(split.evaluation.reduce(0, +) / 100 - 500) < 100)
  }

  @Test func restsGoToTheLargest() throws {
    let classes: [Int32] = Array(repeating: 0, count: 5) + Array(repeating: 1, count: 3) + [2, 2]
    let split = try split(classes, 0.25)
    #expect(counts(classes, split.evaluation) == [0: 1, 1: 1, 2: 1])
  }

  @Test func aClassOfOneRowIsTrainedAndSaid() throws {
    let classes: [Int32] = [0, 0, 0, 0, 3, 1, 1, 1, 1]
    let split = try split(classes, 0.25)
    #expect(split.missing == [3] && split.training.contains(4))
    #expect(split.evaluation.count == 3)
    #expect(throws: GraftError.self) { try self.split([0, 1, 2], 0.5) }
    #expect(throws: GraftError.self) { try self.split([0], 0.5) }
  }

  @Test func aRunHoldsOutRowsAndWritesThemDown() throws {
    let registry = try Support.registry()
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      let rows = (0..<20).map { row in
        TextRow("\(row % 3 == 0 ? "a" : "b") c \(row)", label: .text(row == 7 ? "3" : String(row % 2)))
      }
      var options = TrainingOptions()
      options.evalSplit = 0.2
      options.maxSteps = 2
      options.evalStrategy = .steps
      options.evalSteps = 1
      var notes: [TrainingNote] = []
      func run(resume: Bool = false, evaluating: TrainingData? = nil) throws -> TrainingOutcome {
        try train(
          registry.open(Support.fixture("sequence-classification")).checkpoint,
          on: TrainingData(rows, named: ["rows"]), evaluating: evaluating, options: options, output: output,
          backend: try registry.makeBackend(threads: 1), registry: registry, resume: resume
        ) { event in
          if case .noted(let note) = event { notes.append(note) }
        }
      }
      guard case .finished(let summary) = try run() else { throw CancellationError() }
      #expect(notes == [.split(training: 16, evaluation: 4, missingLabels: ["Sci/Tech"])])
      #expect(summary.evaluation?["eval_samples"] == 4 && summary.training["train_samples"] == 16)
      let record = try JSON(file: output.appending(path: "eval_split.json"))
      let held = try #require(record["eval_rows"]?.array).compactMap(\.int)
      #expect(held.count == 4 && !held.contains(7) && record["rows"]?.int == 20)
      guard case .alreadyFinished = try run(resume: true) else { throw CancellationError() }
      // What is said of another split is not that the data are others.
      let arguments = output.appending(path: "training_args.json").path
      options.evalSplit = 0.3
      #expect(
        errorMessage { _ = try run(resume: true) }
          == "\(arguments): option 'eval-split': differs from the run that is resumed; expected 0.2, found 0.3. Pass the same value, or start a new run in another directory."
      )
      (options.evalSplit, options.seed) = (0.2, 7)
      #expect(errorMessage { _ = try run(resume: true) }?.contains("option 'seed': differs") == true)
      options.seed = TrainingOptions().seed
      #expect(throws: GraftError.self) { _ = try run(evaluating: TrainingData(rows, named: ["rows"])) }
    }
  }
}
