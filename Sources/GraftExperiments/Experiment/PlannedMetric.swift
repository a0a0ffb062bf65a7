import GraftCore
import GraftKit
import GraftTensors

extension ExperimentPlan {
  /// The evaluation that an arm is compared by: the last that says something about each row, or else the last.
  private func test(of arm: Arm) throws -> PlannedStage? {
    let evaluations = (arm.runs.first?.stages ?? []).map { stages[$0.index] }.filter { stage in
      if case .evaluate = stage.task { true } else { false }
    }
    return try evaluations.last {
      try $0.checkpoint.makeTasks().first.map { type(of: $0).predictsRows } ?? false
    }
      ?? evaluations.last
  }

  /// The arms of the file with the evaluations that they are compared by.
  private var tests: [(arm: String, stage: PlannedStage)] {
    get throws {
      try arms.filter { !$0.isPointOfSearch }.compactMap { arm in try test(of: arm).map { (arm.name, $0) } }
    }
  }

  /// Makes sure, before anything is computed, that every arm has the score that the experiment compares them by.
  ///
  /// Tasks whose scores are known only after an evaluation are not looked at.
  ///
  /// - Returns: ``metricNote``.
  /// - Throws: `GraftError` with the place in the file.
  func checkedMetric() throws -> String? {
    let experiment = ground.experiment
    guard let metric = experiment.metric, let place = experiment.metricPlace else { return nil }
    let diagnostics = Diagnostics()
    let tests = try tests
    if tests.isEmpty { diagnostics.add(place, "no arm has a stage that evaluates, so that none has a score") }
    var known: [Set<String>] = []
    for (arm, stage) in tests {
      guard let names = try stage.scoreNames else { continue }
      known.append(names)
      guard !names.contains(metric) else { continue }
      diagnostics.add(
        place,
        "the stage '\(stage.name)' of the arm '\(arm)' has no score '\(metric)'\(NearestName.suggestion(for: metric, among: names.sorted()))"
      )
    }
    try diagnostics.check(in: experiment.file)
    guard known.contains(where: { !TestMetric.followsFromRows(metric, among: $0) }) else { return nil }
    let other = metric == "loss" && known.contains { $0.contains("log_loss") } ? "; 'log_loss' does" : ""
    return
      "'\(metric)' does not follow from single rows: the arms are shown by it, without an interval and a verdict\(other)"
  }

  /// Makes sure that evaluations whose scores were not known before they were done have the one that arms are compared by.
  ///
  /// - Parameter cache: Has the evaluations that are done.
  /// - Throws: `GraftError` with the scores that there are.
  func checkMetric(in cache: StageCache) throws {
    guard let metric = ground.experiment.metric else { return }
    for (arm, stage) in try tests where try stage.scoreNames == nil {
      guard let results = try ExperimentResults.evaluation(in: cache.url(stage)),
        results["eval_\(metric)"] == nil
      else { continue }
      let nearest = NearestName.suggestion(for: metric, among: SearchMetric.names(in: results))
      throw GraftError(
        .unknownName, "the stage '\(stage.name)' of the arm '\(arm)' has no score '\(metric)'\(nearest)",
        file: ground.experiment.file?.path, subject: ground.experiment.metricPlace?.description,
        advice: "Change 'metric'; what was computed stays.")
    }
  }
}
