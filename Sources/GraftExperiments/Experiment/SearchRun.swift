import Foundation
import GraftCore
import GraftKit
import GraftTensors
import OrderedCollections

extension PlanWorker {
  /// Runs the points of a plan's search, round by round.
  ///
  /// - Parameter isDry: Whether to look at what is there only. A search that is not done then leaves the plan as it is.
  /// - Returns: The plan of the arms, one of which has the options of the best point, what was found, and the stages of
  ///   all rounds; a plan without a search as it is.
  /// - Throws: What stages throw; `GraftError` when the score is none of theirs, or no point has one.
  func search(
    _ plan: ExperimentPlan, isDry: Bool = false
  ) throws -> (plan: ExperimentPlan, results: OptionSearchResults?, trials: [PlannedStage]) {
    let experiment = plan.ground.experiment
    guard let search = experiment.search else { return (plan, nil, []) }
    /// The score that arms are compared by, as a stage has it that is about a head.
    func chosen(for head: String?) -> String? {
      experiment.metric.flatMap { ChosenMetric($0, among: head.map { [$0] } ?? []).key(of: head) }
    }
    var points = search.points
    var trials: [OptionSearchResults.Trial] = []
    var metric: SearchMetric?
    var worked: OrderedDictionary<String, PlannedStage> = [:]
    for round in 0..<search.rounds {
      let part = try plan.part(experiment.trial(points, round: round), on: machine, registry: registry)
      if isDry, try group.any(group.leads && !cache.pending(part).isEmpty) { return (plan, nil, []) }
      if !isDry {
        observe(.searching(search, round: round))
        // The score has to be there before all points have run.
        try work(
          on: part,
          search: SearchStages(
            earlier: Array(worked.values), later: Set(plan.stages.map(\.directoryName)),
            arms: Set(plan.stagesOfArms.map { plan.stages[$0].directoryName }), isRound: true)
        ) { stage in
          guard stage.name == search.scoreStage, metric == nil else { return }
          metric = try SearchMetric(search, results: results(of: stage), by: chosen(for: stage.head))
        }
      }
      for stage in part.stages { worked[stage.key] = stage }
      var own: [OptionSearchResults.Trial] = []
      for (point, arm) in zip(points, part.arms) {
        let last = arm.runs.first?.stages.last.map { part.stages[$0.index] }
        let found = try arm.runs.map { run -> [String: Double] in
          guard let step = run.stages.last else { return [:] }
          return try results(of: part.stages[step.index])
        }
        if metric == nil, let some = found.first(where: { !$0.isEmpty }) {
          metric = try SearchMetric(search, results: some, by: chosen(for: last?.head))
        }
        let scores = found.map { results in
          metric.flatMap { results[$0.key] }.flatMap { $0.isFinite ? $0 : nil }
        }
        own.append(.init(point: point.number, round: round, values: point.values, scores: scores))
      }
      trials += own
      guard let metric, own.contains(where: { $0.score != nil }) else {
        throw GraftError(
          .refused, "no point of the search has a score: training diverged at every point",
          advice: "Search smaller learning rates.")
      }
      let order = own.sorted {
        OptionSearchResults.isBetter($0, $1, isHigherBetter: metric.direction == .higher)
      }
      let next = round + 1 < search.rounds ? search.count(inRound: round + 1) : 1
      let kept = Set(order.prefix(next).filter { $0.score != nil }.map(\.point))
      points = points.filter { kept.contains($0.number) }
    }
    guard let metric, let best = points.first else { return (plan, nil, []) }
    let final = try plan.part(experiment.refitted(with: best), on: machine, registry: registry)
    var outcome = OptionSearchResults(
      arm: search.arm, stage: search.scoreStage, metric: metric.name, method: search.method.rawValue,
      isHigherBetter: metric.direction == .higher, decidedByTest: experiment.isDecidedByTest,
      options: search.dimensions.map(\.name),
      rungs: search.rungs.map { ($0.dimension.name, $0.values) }, seeds: search.seeds ?? experiment.seeds,
      trials: trials, best: best.number)
    outcome.refit = best.refit
    let taken = Set(final.stages.map(\.key))
    let others = worked.values.filter { !taken.contains($0.key) }
    outcome.otherSeconds = try group.valueFromLeader {
      others.reduce(0) { $0 + (cache.record($1)?.seconds ?? 0) }
    }
    let stages = Array(worked.values)
    if isDry { return (final, outcome, stages) }
    // Models of points that the arms have no use for; their scores stay.
    try group.onLeader { for stage in others { try cache.removeModels(of: stage) } }
    observe(.searched(outcome))
    return (final, outcome, stages)
  }

  private func results(of stage: PlannedStage) throws -> [String: Double] {
    try group.valueFromLeader { try ExperimentResults.evaluation(in: cache.url(stage)) ?? [:] }
  }
}

/// The stages of a search that a plan is a part of.
struct SearchStages {
  /// Those of rounds that are done: their results are still needed, and of their models only the best point's.
  var earlier: [PlannedStage] = []
  /// The directories of stages that may still come, as far as they are known, and those of them that the file's arms have.
  var later: Set<String> = []
  var arms: Set<String> = []
  /// Whether the plan is a round of the search: of the models that it makes only scores are needed where room is short.
  var isRound = false
}

extension ExperimentPlan {
  /// The plan with the options that a search has found, where all of it is done in a directory; else the plan as it is.
  ///
  /// - Throws: `GraftError` when a result there cannot be read.
  public func settled(
    in output: URL, on machine: ExperimentMachine, registry: Registry
  ) throws -> ExperimentPlan {
    let worker = PlanWorker(
      output: output, cache: StageCache(output), machine: machine, registry: registry, maximumDisk: nil,
      control: TrainingControl(), observe: { _ in })
    return try worker.search(self, isDry: true).plan
  }
}

extension Experiment {
  /// Whether the search goes by the rows that arms are compared on.
  fileprivate var isDecidedByTest: Bool {
    guard let search else { return false }
    let tests = (arms[search.arm] ?? []).compactMap { name -> String? in
      if case .evaluate(let scoring)? = stage(name, of: search.arm)?.task { scoring.data } else { nil }
    }
    guard let test = tests.last else { return false }
    switch stage(search.scoreStage, of: search.arm)?.task {
    case .evaluate(let score): return score.data == test
    case .train(let training): return training.evaluations.contains(test)
    default: return false
    }
  }
}
