import GraftCore
import GraftKit
import GraftTensors
import OrderedCollections

/// What a search found.
public struct OptionSearchResults: Sendable {
  /// The arm whose options were searched, and the stage whose score decided.
  public let arm: String
  public let stage: String
  /// The score, without `eval_`: `accuracy`.
  public let metric: String
  public let method: String
  public let isHigherBetter: Bool
  /// Whether arms are compared on the rows that decided.
  public let decidedByTest: Bool
  /// The names of the options: `tune.learning-rate`.
  public let options: [String]
  /// The option that successive halving raised, with its value in each round.
  public let rungs: (name: String, values: [String])?
  /// What all points of a round had in common.
  public let seeds: [UInt64]
  /// In the order in which they ran.
  public let trials: [Trial]
  /// The number of the best point.
  public let best: Int
  /// What was changed for the arm once its options were chosen: `tune.train: all`.
  public internal(set) var refit: [String] = []
  /// How long the stages took that the arms have no part in, in seconds.
  var otherSeconds = 0.0

  /// A point in a round.
  public struct Trial: Sendable, Equatable {
    /// The point's number, from 1.
    public let point: Int
    /// From 0.
    public let round: Int
    /// A value for each option, as the file spells it.
    public let values: [String]
    /// One for each seed; `nil` where training diverged, or the score is no number.
    public let scores: [Double?]

    /// The mean over seeds; `nil` when one has no score.
    public var score: Double? {
      let known = scores.compactMap(\.self)
      return known.isEmpty || known.count < scores.count ? nil : known.reduce(0, +) / Double(known.count)
    }
  }

  /// How many folds each score is the mean of; `nil` where the data are in none.
  package var folds: Int? {
    let runs = trials.map(\.scores.count).max() ?? 0
    return seeds.isEmpty || runs <= seeds.count ? nil : runs / seeds.count
  }

  /// The last trial of the best point.
  public var bestTrial: Trial? { trials.last { $0.point == best } }

  /// How many other points of its round have the score of the best, which is the first of them.
  package var ties: Int {
    guard let best = bestTrial, best.score != nil else { return 0 }
    return trials.count { $0.round == best.round && $0.point != best.point && $0.score == best.score }
  }

  /// `tune.learning-rate 5e-05, tune.epochs 3`
  public func spelled(_ trial: Trial) -> String {
    let rung = rungs.map { ["\($0.name) \($0.values[trial.round])"] } ?? []
    return (zip(options, trial.values).map { "\($0) \($1)" } + rung).joined(separator: ", ")
  }

  /// The trials, the best first: those of later rounds before those of earlier ones, what has no score last.
  public var ranking: [Trial] {
    trials.sorted { first, second in
      if first.round != second.round { return first.round > second.round }
      return Self.isBetter(first, second, isHigherBetter: isHigherBetter)
    }
  }

  /// Of equally good ones the first point is the better.
  static func isBetter(_ first: Trial, _ second: Trial, isHigherBetter: Bool) -> Bool {
    switch (first.score, second.score) {
    case (let one?, let two?) where one != two: isHigherBetter ? one > two : one < two
    case (_?, nil): true
    case (nil, _?): false
    default: first.point < second.point
    }
  }
}

extension OptionSearchResults {
  /// For records and reports.
  package var json: JSON {
    [
      "arm": .string(arm), "stage": .string(stage), "metric": .string(metric), "method": .string(method),
      "greater_is_better": JSON(isHigherBetter), "decided_by_test": JSON(decidedByTest),
      "options": .array(options.map { .string($0) }),
      "rungs": rungs.map { rungs -> JSON in
        ["name": .string(rungs.name), "values": .array(rungs.values.map { .string($0) })]
      } ?? .null,
      "refit": .array(refit.map { .string($0) }),
      "seeds": .array(seeds.map { .number(String($0)) }), "best": JSON(best),
      "points": .array(
        trials.map { trial in
          [
            "point": JSON(trial.point), "round": JSON(trial.round),
            "values": .array(trial.values.map { .string($0) }),
            "scores": .array(trial.scores.map { $0.map { JSON($0) } ?? .null }),
            "score": trial.score.map { JSON($0) } ?? .null,
          ]
        }),
    ]
  }

  /// - Throws: `GraftError` naming what is not as ``json`` writes it.
  init(_ fields: JSONFields) throws {
    func flag(_ key: String) throws -> Bool {
      guard let value = fields.json[key]?.bool else {
        throw fields.wrong(key, "true or false", fields.json[key])
      }
      return value
    }
    (arm, stage) = (try fields.string("arm"), try fields.string("stage"))
    (metric, method) = (try fields.string("metric"), try fields.string("method"))
    (isHigherBetter, decidedByTest) = (try flag("greater_is_better"), try flag("decided_by_test"))
    options = try fields.strings("options")
    if fields.json["rungs"]?.object != nil {
      let own = try fields.object("rungs")
      rungs = (try own.string("name"), try own.strings("values"))
    } else {
      rungs = nil
    }
    seeds = try fields.seeds("seeds")
    best = try fields.integer("best")
    // Records of version 0.1 have none.
    refit = fields.json["refit"] == nil ? [] : try fields.strings("refit")
    let (options, rounds) = (options, rungs?.values.count ?? 1)
    trials = try fields.list("points").map { point in
      let trial = Trial(
        point: try point.integer("point"), round: try point.integer("round"),
        values: try point.strings("values"),
        scores: (point.json["scores"]?.array ?? []).map(\.double))
      guard trial.values.count == options.count, (0..<rounds).contains(trial.round) else {
        throw point.wrong(
          "values", "\(options.count) of them, in one of \(rounds) rounds", point.json["values"])
      }
      return trial
    }
  }
}
