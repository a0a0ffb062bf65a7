import Foundation
import GraftCore
import GraftTensors
import TestSupport

@testable import GraftExperiments
@testable import GraftKit

/// Small experiments on a tiny masked-language model and a few labelled rows.
enum SmallExperiment {
  static let rows = "text,label\n" + (0..<16).map { "a small text \($0),\(["a", "b"][$0 % 2])\n" }.joined()

  static let stages = """
    stages:
      adapt: {train: train, epochs: 1, seed: 5, save-steps: 1, use: checkpoint-1}
      head: {swap: sequence-classification, labels: [a, b]}
      tune: {train: train, epochs: 1}
      test: {evaluate: test}
    """

  static let twoArms =
    stages + "\nseeds: [1, 2]\narms: {direct: [head, tune, test], adapted: [adapt, head, tune, test]}"

  /// A plan over the model and the rows.
  static func plan(
    _ text: String, in directory: URL, rows: String = rows, test: String = rows,
    base: String = "masked-lm", options: String = ""
  ) throws -> ExperimentPlan {
    try Data(rows.utf8).write(to: directory.appending(path: "train.csv"))
    try Data(test.utf8).write(to: directory.appending(path: "test.csv"))
    let registry = try Support.registry()
    let experiment = try Experiment(
      parsing: Array(
        """
        base: \(Support.fixture(base).path)
        data:
          train: {files: train.csv\(options)}
          test: {files: test.csv}
        \(text)
        """.utf8), relativeTo: directory, registry: registry)
    return try ExperimentPlan(experiment, on: machine(registry), registry: registry)
  }

  static func machine(_ registry: Registry) -> ExperimentMachine {
    ExperimentMachine { try registry.makeBackend("reference", threads: 1, precision: $0) }
  }
}
