import GraftCore
import GraftKit
import GraftTensors

/// The score that a search goes by.
struct SearchMetric {
  /// As results have it: `eval_accuracy`.
  let key: String
  let direction: ScoreDirection

  /// The names of the scores that results have, sorted.
  static func names(in results: [String: Double]) -> [String] {
    results.keys.filter { key in
      key.hasPrefix("eval_") && !["_runtime", "_per_second", "_samples"].contains { key.hasSuffix($0) }
    }.map { String($0.dropFirst("eval_".count)) }.sorted()
  }

  var name: String { String(key.dropFirst("eval_".count)) }

  /// - Parameters:
  ///   - results: Those of the stage that decides.
  ///   - chosen: What arms are compared by, where the experiment says it.
  /// - Throws: `GraftError` when the score is none of them.
  init(_ search: Experiment.Search, results: [String: Double], by chosen: String?) throws {
    let known = Self.names(in: results)
    let usual =
      TestMetric.of(results, chosen: chosen)?.key ?? known.first { $0.hasSuffix("accuracy") } ?? "loss"
    let name = search.metric ?? usual
    if let problem = search.problem(with: name, known: known) {
      throw GraftError(
        .unknownName, problem, subject: "search", advice: "Change 'metric'; what was computed stays.")
    }
    key = "eval_\(name)"
    direction = search.greaterIsBetter.map { $0 ? .higher : .lower } ?? ScoreDirection(of: name)
  }
}

extension Experiment.Search {
  /// What is wrong with a score that is not among those of the stage that decides.
  fileprivate func problem(with name: String, known: [String]) -> String? {
    guard !known.contains(name) else { return nil }
    let nearest = NearestName.suggestion(for: name, among: known)
    return "the stage '\(scoreStage)', whose score decides the search, has no score '\(name)'\(nearest)"
  }
}

extension ExperimentPlan {
  /// Makes sure, before anything is computed, that the score of a search is one that the deciding stage has at each point.
  ///
  /// Tasks whose scores are known only after an evaluation are looked at then.
  ///
  /// - Throws: `GraftError` with the place in the file.
  func checkSearchMetric() throws {
    guard let search, let name = search.metric else { return }
    let diagnostics = Diagnostics()
    for run in arms.filter(\.isPointOfSearch).compactMap(\.runs.first) {
      guard let stage = run.stages.last, let known = try stages[stage.index].scoreNames,
        let problem = search.problem(with: name, known: known.sorted())
      else { continue }
      diagnostics.add(search.metricPlace, problem)
    }
    try diagnostics.check(in: ground.experiment.file)
  }
}

extension PlannedStage {
  /// The scores that its results may have, without `eval_`; `nil` where the head's task does not say them.
  var scoreNames: Set<String>? {
    get throws {
      let tasks = try checkpoint.makeTasks()
      var (ranks, sets, more): ([Int]?, [String], Set<String>) = (nil, [], [])
      switch task {
      case .evaluate(let scoring):
        ranks = scoring.options.topRanks
        if scoring.pseudoPerplexity { more = ["pseudo_perplexity"] }
      case .train(let training): (ranks, sets) = (training.options.topRanks, training.evaluationSets)
      case .importing, .swap, .export: break
      }
      let known = tasks.map { $0.evaluationScores(topRanks: ranks) }
      guard !known.isEmpty, !known.contains(nil) else { return nil }
      let names = known.compactMap(\.self).reduce(more) { $0.union($1) }
      return sets.isEmpty ? names : Set(sets.flatMap { set in names.map { "\(set)_\($0)" } })
    }
  }
}
