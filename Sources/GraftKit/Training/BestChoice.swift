import GraftCore
import GraftTensors

/// Which of a run's evaluations is the best.
struct BestChoice: Equatable {
  /// The score, as evaluations have it: `eval_loss`. `nil` is the usual one or, without it, the loss.
  let score: String?
  let direction: ScoreDirection?

  init(_ options: TrainingOptions) {
    score = options.metricForBestModel.map { $0.hasPrefix("eval_") ? $0 : "eval_\($0)" }
    direction = options.greaterIsBetter.map { $0 ? .higher : .lower }
  }

  /// The name of the score in an evaluation's results.
  func score(among results: [String: Double]) -> String {
    if let score { return score }
    // Of several sets the first by name decides.
    let end = "runtime"
    let sets = results.keys.filter { $0.hasPrefix("eval_") && $0.hasSuffix("_\(end)") }.map {
      String($0.dropLast(end.count))
    }
    let set = sets.min() ?? "eval_"
    return (Metrics.usualNames.map { set + $0 }.first { results[$0] != nil }) ?? "\(set)loss"
  }

  func isBetter(_ value: Double, than other: Double, among results: [String: Double]) -> Bool {
    (direction ?? ScoreDirection(of: score(among: results))).isBetter(value, than: other)
  }

  /// Makes sure that evaluations have the score.
  ///
  /// - Parameter results: Those of an evaluation.
  /// - Throws: `GraftError` that names the nearest.
  func check(_ results: [String: Double]) throws {
    guard let score, results[score] == nil || BestChoice.isTime(score) else { return }
    let known = results.keys.filter { !BestChoice.isTime($0) }.map { String($0.dropFirst("eval_".count)) }
    let name = String(score.dropFirst("eval_".count))
    let nearest = NearestName.find(name, among: known.sorted()).map { " Did you mean '\($0)'?" } ?? ""
    throw GraftError(
      .unknownName, "evaluations have no such score", option: "metric-for-best-model",
      expected: "one of \(known.sorted().joined(separator: ", "))", found: "'\(name)'",
      advice: "Choose a score of the head, or 'loss'.\(nearest)")
  }

  private static func isTime(_ score: String) -> Bool {
    score.hasSuffix("_runtime") || score.hasSuffix("_per_second")
  }
}
