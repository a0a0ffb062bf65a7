import GraftCore
import GraftKit
import GraftTensors

extension ExperimentPlan {
  /// The score that arms are compared by, where the experiment says it.
  private var chosenMetric: ChosenMetric? {
    ground.experiment.metric.map { metric in
      ChosenMetric(metric, among: arms.flatMap { evaluations(of: $0) }.compactMap(\.head))
    }
  }

  private func evaluations(of arm: Arm) -> [PlannedStage] {
    (arm.runs.first?.stages ?? []).map { stages[$0.index] }.filter { stage in
      if case .evaluate = stage.task { true } else { false }
    }
  }

  /// The evaluation that an arm is compared by: the last that says something about each row, or else the last.
  ///
  /// - Parameter head: The head whose score it is; `nil` is any.
  private func test(of arm: Arm, _ head: String?) throws -> PlannedStage? {
    let evaluations = evaluations(of: arm).filter { head == nil || $0.head == head }
    return try evaluations.last {
      try $0.checkpoint.makeTasks().first.map { type(of: $0).predictsRows } ?? false
    }
      ?? evaluations.last
  }

  /// The arms of the file with the evaluations that they are compared by.
  private func tests(_ metric: ChosenMetric) throws -> [(arm: String, stage: PlannedStage)] {
    try arms.filter { !$0.isPointOfSearch }.compactMap { arm in
      try test(of: arm, metric.head).map { (arm.name, $0) }
    }
  }

  /// Makes sure, before anything is computed, that every arm has the score that the experiment compares them by.
  ///
  /// Tasks whose scores are known only after an evaluation are not looked at. Of several heads it may be the score of one,
  /// which then every arm has that evaluates that head.
  ///
  /// - Returns: ``metricNote``.
  /// - Throws: `GraftError` with the place in the file.
  func checkedMetric() throws -> String? {
    let experiment = ground.experiment
    guard let metric = chosenMetric, let place = experiment.metricPlace else { return nil }
    let diagnostics = Diagnostics()
    let tests = try tests(metric)
    if tests.isEmpty { diagnostics.add(place, "no arm has a stage that evaluates, so that none has a score") }
    var known: [Set<String>] = []
    for (arm, stage) in tests {
      guard let names = try stage.scoreNames else { continue }
      known.append(names)
      guard !names.contains(metric.key) else { continue }
      let nearest = NearestName.suggestion(for: metric.key, among: names.sorted())
      diagnostics.add(
        place,
        "the stage '\(stage.name)' of the arm '\(arm)' has no score '\(metric.key)'\(nearest)\(try otherHeads(metric, besides: stage))"
      )
    }
    try diagnostics.check(in: experiment.file)
    guard known.contains(where: { !TestMetric.followsFromRows(metric.key, among: $0) }) else { return nil }
    let other =
      metric.key == "loss" && known.contains { $0.contains("log_loss") } ? "; 'log_loss' does" : ""
    return
      "'\(metric.key)' does not follow from single rows: the arms are shown by it, without an interval and a verdict\(other)"
  }

  /// How the score is called of another head that has it.
  private func otherHeads(_ metric: ChosenMetric, besides stage: PlannedStage) throws -> String {
    guard metric.head == nil else { return "" }
    let others = try arms.flatMap { evaluations(of: $0) }.filter { other in
      try other.head != stage.head && other.scoreNames?.contains(metric.key) == true
    }
    return others.first?.head.map { "; that of another head is '\($0)_\(metric.key)'" } ?? ""
  }

  /// Makes sure that evaluations whose scores were not known before they were done have the one that arms are compared by.
  ///
  /// - Parameter cache: Has the evaluations that are done.
  /// - Throws: `GraftError` with the scores that there are.
  func checkMetric(in cache: StageCache) throws {
    guard let metric = chosenMetric else { return }
    for (arm, stage) in try tests(metric) where try stage.scoreNames == nil {
      guard let results = try ExperimentResults.evaluation(in: cache.url(stage)),
        results["eval_\(metric.key)"] == nil
      else { continue }
      let nearest = NearestName.suggestion(for: metric.key, among: SearchMetric.names(in: results))
      throw GraftError(
        .unknownName, "the stage '\(stage.name)' of the arm '\(arm)' has no score '\(metric.key)'\(nearest)",
        file: ground.experiment.file?.path, subject: ground.experiment.metricPlace?.description,
        advice: "Change 'metric'; what was computed stays.")
    }
  }
}
