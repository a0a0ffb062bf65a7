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
        .mismatch, problem, subject: "search", advice: "Change 'metric'; what was computed stays.")
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
      switch task {
      case .evaluate(let scoring):
        let more: Set<String> = scoring.pseudoPerplexity ? ["pseudo_perplexity"] : []
        return try checkpoint.scoreNames(topRanks: scoring.options.topRanks)?.union(more)
      case .train(let training):
        var all: Set<String> = []
        for (head, checkpoint) in zip(training.heads, heads) {
          guard let names = try checkpoint.scoreNames(topRanks: training.options.topRanks) else { return nil }
          all.formUnion(head.scores(names, isSplit: training.options.evalSplit != nil))
        }
        return all
      case .importing, .swap, .export: return try checkpoint.scoreNames(topRanks: nil)
      }
    }
  }
}

extension Checkpoint {
  /// The scores that evaluations of its active head may have, without `eval_`; `nil` where its task does not say them.
  fileprivate func scoreNames(topRanks: [Int]?) throws -> Set<String>? {
    let known = try makeTasks().map { $0.evaluationScores(topRanks: topRanks) }
    guard !known.isEmpty, !known.contains(nil) else { return nil }
    return known.compactMap(\.self).reduce([]) { $0.union($1) }
  }
}

extension Experiment.HeadData {
  /// What a run calls the scores of its evaluations.
  ///
  /// - Parameters:
  ///   - names: What the head's task calls them.
  ///   - isSplit: Whether a part of the training data is evaluated on.
  fileprivate func scores(_ names: Set<String>, isSplit: Bool) -> Set<String> {
    let sets = evaluationSets.map { set in head.map { "\($0)_\(set)" } ?? set }
    let isEvaluated = evaluationData != nil || isSplit || head == nil && sets.isEmpty
    let prefixes: [String?] = (isEvaluated ? [head] : []) + sets
    return Set(prefixes.flatMap { prefix in names.map { name in prefix.map { "\($0)_\(name)" } ?? name } })
  }
}
