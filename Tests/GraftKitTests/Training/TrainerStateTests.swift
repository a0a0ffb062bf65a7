import Foundation
import GraftTensors
import TestSupport
import Testing

@testable import GraftKit

/// The files that a run is resumed from may have been edited.
@Suite struct TrainerStateTests {
  private func write(_ directory: URL, globalStep: String = "4", tokens: String = "9", step: String = "4")
    throws
  {
    try FileWriter.write(
      directory.appending(path: "trainer_state.json"),
      text: """
        {"global_step": \(globalStep), "num_input_tokens_seen": \(tokens),
         "log_history": [{"step": \(step), "loss": 1.5}]}
        """)
    try FileWriter.write(
      directory.appending(path: "training_progress.json"),
      text: #"{"loss_sum": 3, "unlogged_loss": 1, "unlogged_steps": 1, "trained": []}"#)
  }

  @Test(arguments: [("4", "4"), ("1e300", "1e+300"), ("-2.5", "-2.5"), ("1e999", "null")])
  func numbersOfTheHistoryAreKept(_ written: String, _ kept: String) throws {
    try withTemporaryDirectory { directory in
      try write(directory, step: written)
      let state = try TrainerState(readingFrom: directory)
      let options = TrainingOptions()
      let plan = TrainingPlan(examples: 10, options: options)
      let document = try JSON(parsing: state.document(plan, options, directory: directory).utf8)
      #expect(document["log_history"]?.array?.first?["step"]?.text() == kept)
    }
  }

  @Test(arguments: [
    ("-1", "0"), ("1e300", "0"), ("9223372036854775807", "0"), ("4", "9223372036854775807"), ("4", "-1"),
  ])
  func countsThatNoRunReachesAreRefused(_ globalStep: String, _ tokens: String) throws {
    try withTemporaryDirectory { directory in
      try write(directory, globalStep: globalStep, tokens: tokens)
      let error = #expect(throws: GraftError.self) { try TrainerState(readingFrom: directory) }
      #expect(error?.problem == "not the state of a training run")
    }
  }

  @Test func resultsKeepNumbersThatAreNoCounts() {
    let results = JSON(results: ["eval_samples": 3, "train_samples": 1e300, "eval_loss": 2])
    #expect(results.text() == #"{"eval_loss":2.0,"eval_samples":3,"train_samples":1e+300}"#)
  }
}
