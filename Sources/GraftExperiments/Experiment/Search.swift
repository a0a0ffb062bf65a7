import GraftCore
import GraftKit
import GraftTensors
import OrderedCollections

extension Experiment {
  /// The search for the best options of an arm.
  ///
  /// Each point is a choice of values. It runs the arm's stages up to the one whose score decides, with the same seeds
  /// as every other point. The arm then has the options of the best point.
  public struct Search: Sendable {
    /// The arm whose stages have the options.
    public var arm: String
    /// The stage whose results decide: an evaluation, or a training run that evaluates.
    public var scoreStage: String
    /// The score, without `eval_`; `nil` is the task's metric, or the loss of tasks without.
    public var metric: String?
    /// Whether more of it is better; `nil` goes by its name.
    public var greaterIsBetter: Bool?
    /// Those that every point runs with; `nil` are the experiment's.
    public var seeds: [UInt64]?
    public var method: Method
    public var dimensions: [Dimension]
    public var points: [Point]
    /// What successive halving raises from round to round.
    public var rungs: Rungs?
    /// Where `metric` stands, for messages.
    var metricPlace: YAMLValue.Place

    public enum Method: String, Sendable, CaseIterable {
      /// All combinations of lists.
      case grid
      /// Points that are drawn.
      case random
      /// Many points with little of what `rungs` gives, the best of them with more.
      case halving
    }

    /// An option of a stage.
    public struct Dimension: Sendable, Hashable {
      public var stage: String
      public var key: String

      /// `tune.learning-rate`
      public var name: String { "\(stage).\(key)" }
    }

    /// A choice of values.
    public struct Point: Sendable {
      /// From 1, in the order in which they run.
      public var number: Int
      /// One for each dimension, as the file spells them.
      public var values: [String]
      /// What changes for the arm once this point is chosen, as the file spells it: `tune.train: all`; not what is so already.
      public var refit: [String]
      /// The stages that the options change: of each round, and of the arm in the end.
      var rounds: [[String: Stage]]
      var final: [String: Stage]
    }

    /// The rounds of successive halving.
    public struct Rungs: Sendable {
      public var dimension: Dimension
      /// Of each round.
      public var values: [String]
      /// Of so many points one goes on to the next round.
      public var factor: Int
    }

    /// The name of an arm that is a point: `tuned/3`, in rounds `tuned/3@9`. No arm of a file has a `/`.
    ///
    /// - Parameter round: From 0.
    public func armName(of point: Point, inRound round: Int) -> String {
      "\(arm)/\(point.number)" + (rungs.map { "@\($0.values[round])" } ?? "")
    }

    /// `tune.learning-rate 5e-05, tune.epochs 3`
    public func spelled(_ point: Point) -> String {
      zip(dimensions, point.values).map { "\($0.name) \($1)" }.joined(separator: ", ")
    }

    /// How many rounds there are.
    public var rounds: Int { rungs?.values.count ?? 1 }

    /// How many points take part in a round, counted from 0.
    ///
    /// As in scikit-learn's `HalvingGridSearchCV`, a round keeps one of `factor` points, rounded up.
    public func count(inRound round: Int) -> Int {
      (0..<round).reduce(points.count) { count, _ in
        let factor = rungs?.factor ?? 1
        return count == 0 ? 0 : (count - 1) / factor + 1
      }
    }
  }
}

extension Experiment {
  /// The arms of a round of the search alone: the stages up to the one that decides.
  func trial(_ points: [Search.Point], round: Int) -> Experiment {
    guard let search else { return self }
    var trial = self
    trial.search = nil
    trial.seeds = search.seeds ?? seeds
    (trial.arms, trial.changes) = ([:], [:])
    let all = arms[search.arm] ?? []
    let stages = all.firstIndex(of: search.scoreStage).map { Array(all[...$0]) } ?? all
    for point in points {
      let name = search.armName(of: point, inRound: round)
      trial.arms[name] = stages
      trial.changes[name] = point.rounds[round]
    }
    return trial
  }

  /// The experiment in which the arm has the options of a point.
  func refitted(with point: Search.Point) -> Experiment {
    guard let search else { return self }
    var experiment = self
    experiment.search = nil
    experiment.changes[search.arm] = point.final
    return experiment
  }

  /// Everything that a search comes to, with the first points in place of those that turn out best.
  var outlook: [Experiment] {
    guard let search, let first = search.points.first else { return [self] }
    let rounds = (0..<search.rounds).map { round in
      trial(Array(search.points.prefix(search.count(inRound: round))), round: round)
    }
    return rounds + [refitted(with: first)]
  }
}
