import Foundation
import GraftTensors

/// The end of a run: the model and the results, in the files that `Trainer` writes.
extension TrainingLoop {
  static let trainResults = "train_results.json"
  static let evalResults = "eval_results.json"
  static let allResults = "all_results.json"

  /// Evaluates if that was not just done, and puts the model and the results into the output directory. The
  /// last file says that the run has finished.
  func finish() throws -> TrainingSummary {
    let seconds = start.secondsSince
    var training = [
      "train_runtime": seconds.rounded(digits: 4),
      "train_samples_per_second": (meter.samples / max(seconds, 1e-9)).rounded(digits: 3),
      "train_steps_per_second": (Double(meter.steps) / max(seconds, 1e-9)).rounded(digits: 3),
      "train_loss": state.lossSum / Double(max(1, state.globalStep)),
      "total_flos": 0,
    ]
    if run.options.averageLast == nil, !evaluations.isEmpty,
      state.evaluation(at: state.globalStep, sets: evaluations.count) == nil
    {
      _ = try evaluate(counts: run.options.loadsBestModelAtEnd)
    }
    if let first = meter.firstLoss, heads.count == 1, let mean = training["train_loss"],
      mean > 10 * max(first, 1)
    {
      observe(.noted(.diverged(first: first, mean: mean)))
    }
    let step = try takeFinalWeights()
    var evaluation = state.evaluation(at: step, sets: evaluations.count)
    training = state.log(training, plan)
    training["step"] = nil
    let samples = heads.reduce(0) { $0 + $1.data.scoredCount }
    training["train_samples"] = Double(samples)
    if plan.examples != samples { training["train_windows"] = Double(plan.examples) }
    for (head, loss) in state.meanLosses { training["train_\(head)_loss"] = loss }
    evaluation?["step"] = nil
    for set in evaluations {
      evaluation?.merge(set.named(["eval_samples": Double(set.data.scoredCount)])) { first, _ in first }
    }

    let thresholds = try tunedThresholds()
    let summary = TrainingSummary(training: training, evaluation: evaluation)
    // All ranks ask, for the answer comes from rank 0.
    let averaged = try averagedSteps
    try run.ranks.group.onLeader { try publish(summary, step: step, averaged: averaged, thresholds) }
    return summary
  }

  /// Writes the model and the results.
  private func publish(
    _ summary: TrainingSummary, step: Int, averaged: [Int], _ thresholds: (values: [Float], key: String)?
  ) throws {
    try directory.publish { directory in
      try writeModel(into: directory, step: step, thresholds: thresholds, mean: averaged)
      if let thresholds { try keepThresholds(thresholds.values, in: directory, key: thresholds.key) }
    }
    try write(
      JSON(results: summary.training).text(.sorted) + "\n", TrainingLoop.trainResults, in: directory.url)
    if let evaluation = summary.evaluation {
      try write(JSON(results: evaluation).text(.sorted) + "\n", TrainingLoop.evalResults, in: directory.url)
    }
    try writeState(in: directory.url)
    let all = summary.training.merging(summary.evaluation ?? [:]) { first, _ in first }
    try write(JSON(results: all).text(.sorted) + "\n", TrainingLoop.allResults, in: directory.url)
  }

  /// Takes back that the run has finished.
  func removeResults() throws {
    for name in [TrainingLoop.allResults, TrainingLoop.evalResults, TrainingLoop.trainResults] {
      let file = directory.url.appendingPathComponent(name)
      guard FileManager.default.fileExists(atPath: file.path) else { continue }
      do {
        try FileManager.default.removeItem(at: file)
      } catch {
        throw GraftError(.system, "cannot be removed", file: file.path)
      }
    }
  }

  /// The results of a run that has finished.
  func finishedSummary() throws -> TrainingSummary? {
    func results(_ name: String) throws -> [String: Double]? {
      let file = directory.url.appendingPathComponent(name)
      guard FileManager.default.fileExists(atPath: file.path) else { return nil }
      return try JSON(file: file).object?.reduce(into: [:]) { $0[$1.key] = $1.value.double }
    }
    guard try results(TrainingLoop.allResults) != nil, let training = try results(TrainingLoop.trainResults)
    else {
      return nil
    }
    return TrainingSummary(training: training, evaluation: try results(TrainingLoop.evalResults))
  }
}
