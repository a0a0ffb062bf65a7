import Foundation
import GraftKit
import GraftTensors
import OrderedCollections

/// What an experiment found.
public struct ExperimentResults: Sendable {
  /// In the order of the file.
  public let arms: [Arm]
  /// What the search for an arm's options found, when there was one.
  public let search: OptionSearchResults?
  /// The score that the experiment compares arms by; `nil` is the usual one of their task.
  public let metric: String?
  /// What the report says of the arms' difference.
  public let verdict: String
  /// Says that what is kept takes more disk space than was allowed, when it does.
  public internal(set) var excess: GraftError?

  public struct Arm: Sendable {
    public let name: String
    /// Evaluations of each seed and, where the data are in folds, of each fold, from 0, in their order; and the directory
    /// of the model that it ends with, where it makes one.
    public let runs: [(seed: UInt64, fold: Int?, evaluations: [Evaluation], model: URL?)]
  }

  /// An evaluation stage.
  public struct Evaluation: Sendable {
    public let stage: String
    public let head: String
    /// As in `eval_results.json`.
    public let results: [String: Double]
  }

  /// - Throws: `GraftError` when the results of a stage cannot be read.
  init(_ plan: ExperimentPlan, _ cache: StageCache, search: OptionSearchResults?, verdict: String) throws {
    (self.search, self.verdict, metric) = (search, verdict, plan.experiment.metric)
    arms = try plan.arms.map { arm in
      Arm(
        name: arm.name,
        runs: try arm.runs.map { run in
          (
            run.seed, run.fold,
            try run.stages.compactMap { step in
              let stage = plan.stages[step.index]
              guard case .evaluate = stage.task, let results = try Self.evaluation(in: cache.url(stage))
              else {
                return nil
              }
              return Evaluation(stage: step.name, head: stage.head ?? "", results: results)
            },
            plan.linkName(of: run).map { cache.models.appending(path: $0) }
          )
        })
    }
  }

  /// - Returns: `nil` when the stage in this directory is no evaluation.
  /// - Throws: `GraftError` when its results cannot be read.
  static func evaluation(in directory: URL) throws -> [String: Double]? {
    let file = directory.appending(path: "eval_results.json")
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    return try JSON(file: file).object?.reduce(into: [:]) { $0[$1.key] = $1.value.double }
  }
}

/// `experiment.json`: what was done, with what, and where the results stand.
struct ExperimentRecord {
  static let fileName = "experiment.json"

  private let document: JSON

  init(
    _ plan: ExperimentPlan, _ cache: StageCache, _ machine: ExperimentMachine, schedule: ExperimentSchedule,
    search: OptionSearchResults?, started: Date
  ) throws {
    let experiment = plan.experiment
    let output = cache.directory.deletingLastPathComponent()
    // A run that found everything done was not when the results came about.
    let earlier = Self.earlier(in: output)?["started"]
    let now = JSON.string(started.ISO8601Format())
    let backend = try machine.backend(machine.precision)
    var machineFacts: OrderedDictionary<String, JSON> = [
      "cpu": .string(machine.cpu), "threads": JSON(backend.threads.count),
      "backend": .string(type(of: backend).name), "precision": .string(backend.precision.rawValue),
    ]
    if plan.firstRanks > 1 { machineFacts["ranks"] = JSON(plan.firstRanks) }
    let data = plan.data.values.map { facts -> JSON in
      [
        "name": .string(facts.name), "files": .array(facts.files.map { .string($0.path) }),
        "sha256": .string(facts.sha256), "rows": JSON(facts.rows),
        "labels": .array(facts.labels.map { .string($0) }),
        "label_range": facts.labelRange.map { [JSON($0.lowerBound), JSON($0.upperBound)] } ?? .null,
      ]
    }
    let arms = try plan.arms.map { arm -> JSON in
      [
        "name": .string(arm.name),
        "seeds": .array(
          try arm.runs.map { run in
            [
              "seed": .number(String(run.seed)), "fold": run.fold.map { JSON($0 + 1) } ?? .null,
              "stages": .array(try run.stages.map { try Self.stage($0, plan, cache, schedule) }),
            ]
          }),
      ]
    }
    let seconds = plan.stages.reduce(0) { $0 + (cache.record($1)?.seconds ?? 0) }
    document = [
      "name": .string(experiment.name),
      "graft": .string(graftVersion),
      "experiment": experiment.document,
      "metric": experiment.metric.map { .string($0) } ?? .null,
      "started": schedule.pending.isEmpty ? earlier ?? now : now,
      "seconds": JSON((seconds + (search?.otherSeconds ?? 0)).rounded(digits: 3)),
      "machine": .object(machineFacts),
      "base": [
        "path": .string(experiment.base.path), "sha256": .string(plan.baseHash),
        "parameters": JSON(plan.baseParameters),
      ],
      "data": .array(data),
      "arms": .array(arms),
      "search": search?.json ?? .null,
    ]
  }

  private static func stage(
    _ step: ExperimentPlan.Step, _ plan: ExperimentPlan, _ cache: StageCache, _ schedule: ExperimentSchedule
  ) throws -> JSON {
    let stage = plan.stages[step.index]
    let directory = "stages/\(stage.directoryName)"
    var members: OrderedDictionary<String, JSON> = [
      "kind": .string(stage.task.kind), "name": .string(step.name),
      "head": stage.head.map { .string($0) } ?? .null,
      "language_model": JSON(stage.checkpoint.activeHead?.tasks.contains { $0.predictsTokens } == true),
      "directory": .string(directory),
      "cached": JSON(!schedule.pending.contains(step.index)),
      "seconds": JSON((cache.record(stage)?.seconds ?? 0).rounded(digits: 3)),
    ]
    switch stage.task {
    case .train: members["trainer_state"] = .string("\(directory)/trainer_state.json")
    case .evaluate(let scoring):
      if let ranks = scoring.options.topRanks { members["top_k"] = .array(ranks.map { JSON($0) }) }
      members["results"] = .string("\(directory)/eval_results.json")
      let predictions = "\(directory)/predictions.jsonl"
      let file = cache.url(stage).appending(path: "predictions.jsonl")
      if FileManager.default.fileExists(atPath: file.path) { members["predictions"] = .string(predictions) }
    case .importing, .swap, .export: break
    }
    let notes = stage.notes + (try cutTexts(stage, cache).map { ["stage '\(step.name)': \($0)"] } ?? [])
    if !notes.isEmpty { members["notes"] = .array(notes.map { .string($0) }) }
    return .object(members)
  }

  /// How many texts an evaluation has cut.
  private static func cutTexts(_ stage: PlannedStage, _ cache: StageCache) throws -> String? {
    guard case .evaluate = stage.task, let results = try ExperimentResults.evaluation(in: cache.url(stage)),
      let cut = results["truncated_texts"].flatMap({ Int(exactly: $0) }), cut > 0,
      let length = results["max_length"].flatMap({ Int(exactly: $0) })
    else { return nil }
    return DatasetFacts.sentence(ofCut: cut, fold: stage.fold, longerThan: length)
  }

  /// Links to the models that arms end with: `models/adapted-42`. Whatever else is in that directory stays.
  ///
  /// - Throws: `GraftError` when one cannot be written, or its name is something else's.
  static func linkModels(_ plan: ExperimentPlan, _ cache: StageCache) throws {
    let output = cache.directory.deletingLastPathComponent()
    let directory = cache.models
    var links: OrderedDictionary<String, String> = [:]
    for arm in plan.arms {
      for run in arm.runs {
        guard let name = plan.linkName(of: run), case .stage(let index, let step)? = plan.model(of: run)
        else { continue }
        let target = cache.model(plan.stages[index], step: step).pathComponents
        let path = target[output.pathComponents.count...].joined(separator: "/")
        links[name] = "../" + path
      }
    }
    try DirectoryWriter.makeDirectory(directory)
    for name in try directoryContents(directory) where links[name] == nil {
      let url = directory.appending(path: name)
      // A link of an arm that was removed.
      if destination(of: url)?.hasPrefix("../stages/") == true { unlink(url.path) }
    }
    for (name, target) in links { try link(directory.appending(path: name), to: target) }
  }

  private static func destination(of link: URL) -> String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: link.path)
  }

  /// Makes a link, or makes an older one point elsewhere.
  private static func link(_ url: URL, to target: String) throws {
    guard destination(of: url) != nil || !FileManager.default.fileExists(atPath: url.path) else {
      throw GraftError(
        .refused, "something stands where the link to an arm's model belongs", file: url.path,
        advice: "Move it away and run the same command again; what is done stays done.")
    }
    let temporary = url.deletingLastPathComponent().appending(
      path: ".\(url.lastPathComponent).partial-\(ProcessInfo.processInfo.processIdentifier)")
    unlink(temporary.path)
    guard symlink(target, temporary.path) == 0, rename(temporary.path, url.path) == 0 else {
      let error = systemFailure(url)
      unlink(temporary.path)
      throw error
    }
  }

  /// The record that is in a directory; a damaged one is replaced as one that is not there.
  static func earlier(in output: URL) -> JSON? { try? JSON(file: output.appending(path: Self.fileName)) }

  func write(to output: URL) throws {
    try FileWriter.write(output.appending(path: Self.fileName), text: document.text(.pretty) + "\n")
  }
}

extension StageCache {
  /// Where the models are that arms end with.
  fileprivate var models: URL { directory.deletingLastPathComponent().appending(path: "models") }
}

extension ExperimentPlan {
  /// What the link to the model is called that an arm ends with; `nil` where it makes none.
  fileprivate func linkName(of run: Run) -> String? {
    guard case .stage? = model(of: run) else { return nil }
    return "\(run.arm)-\(run.seed)\(run.fold.map { "-fold-\($0 + 1)" } ?? "")"
  }
}
