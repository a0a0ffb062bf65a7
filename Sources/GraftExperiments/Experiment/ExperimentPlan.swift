import Foundation
import GraftCore
import GraftKit
import GraftTensors
import OrderedCollections

/// What an experiment comes to: every stage that there is to do, once, however many arms share it.
///
/// Making a plan reads all data and hashes the base checkpoint; whatever can be known to go wrong goes wrong here.
public struct ExperimentPlan: Sendable {
  public let experiment: Experiment
  /// In the order in which they are done: each after what it needs.
  public internal(set) var stages: [PlannedStage] = []
  /// In the order of the file.
  public internal(set) var arms: [Arm] = []
  public internal(set) var data: OrderedDictionary<String, DataFacts> = [:]
  /// The SHA-256 of the base checkpoint's content.
  public let baseHash: String
  /// Its number of weights.
  public let baseParameters: Int
  let ground: Ground
  /// Whether it also has the points of a search that is still to be done.
  public let hasTrials: Bool
  /// What there is to say about the score that the experiment compares arms by: that it has no interval. `nil` where it has
  /// one, or where that is known only after an evaluation.
  public private(set) var metricNote: String?

  /// The search that comes before the arms, when there is one.
  public var search: Experiment.Search? { ground.experiment.search }

  /// How many ranks the directory's run was begun on, or is: a step of training has the batches of all of them, whatever
  /// number goes on with it.
  public var firstRanks: Int { ground.firstRanks }

  /// An arm with every seed.
  public struct Arm: Sendable {
    public let name: String
    public var runs: [Run] = []

    /// Whether it is a point of a search, and not in the file: no arm of a file has a `/`.
    var isPointOfSearch: Bool { name.contains("/") }
  }

  /// An arm with one seed: which stages it goes through.
  public struct Run: Sendable {
    public let arm: String
    public let seed: UInt64
    /// The part of the data that it is tested on, from 0, where the data are in folds.
    public let fold: Int?
    public let stages: [Step]
  }

  /// A stage of an arm.
  public struct Step: Sendable {
    /// The name that it has in the file.
    public let name: String
    /// Its index in ``ExperimentPlan/stages``.
    public let index: Int
  }

  /// What all plans of an experiment share: the base checkpoint and the data.
  struct Ground {
    let experiment: Experiment
    let firstRanks: Int
    let base: Checkpoint
    let baseHash: String
    let data: OrderedDictionary<String, DataFacts>

    init(_ experiment: Experiment, firstRanks: Int, _ registry: Registry) throws {
      self.firstRanks = firstRanks
      base = try registry.open(experiment.base).checkpoint
      self.experiment = try experiment.readingAsTrained(base).readingColumns(of: base, registry)
      baseHash = try base.contentHash()
      var data: OrderedDictionary<String, DataFacts> = [:]
      let diagnostics = Diagnostics()
      for (name, set) in self.experiment.data where experiment.outlook.contains(where: { $0.uses(name) }) {
        do {
          data[name] = try DataFacts(name, set, Array(registry.tasks.values))
        } catch let error as GraftError {
          guard let place = set.place(of: error) else { throw error }
          diagnostics.add(place, error)
        }
      }
      try diagnostics.check(in: experiment.file)
      self.data = data
    }
  }

  /// - Parameters:
  ///   - experiment: What to plan.
  ///   - machine: What it will be computed with.
  ///   - registry: The plugins.
  ///   - output: The directory that it will be run in; what was begun there on another number of ranks keeps its steps.
  /// - Throws: One `GraftError` that lists all that is wrong.
  public init(
    _ experiment: Experiment, on machine: ExperimentMachine, registry: Registry, output: URL? = nil
  ) throws {
    let group = machine.group
    let firstRanks = try group.valueFromLeader {
      try output.map { try StageCache($0).firstRanks(now: group.size) } ?? group.size
    }
    let ground = try Ground(experiment, firstRanks: firstRanks, registry)
    try self.init(ground.experiment.outlook, ground, on: machine, registry: registry)
    metricNote = try checkedMetric()
    try checkSearchMetric()
  }

  /// - Parameter parts: Experiments that are done one after another; the last is the one that the plan is of.
  init(
    _ parts: [Experiment], _ ground: Ground, on machine: ExperimentMachine, registry: Registry
  ) throws {
    self.ground = ground
    hasTrials = parts.count > 1
    experiment = parts[parts.count - 1]
    (baseHash, data) = (ground.baseHash, ground.data)
    baseParameters = ground.base.components.reduce(0) { $0 + $1.weights.elementCount }
    let diagnostics = Diagnostics()
    var planner = Planner(
      machine: machine, registry: registry, data: data, ranks: ground.firstRanks, diagnostics: diagnostics)
    let start = Planner.Model(checkpoint: ground.base, source: .base, hash: baseHash)
    for (number, part) in parts.enumerated() {
      // Points of a search come before the arm that has the best.
      let searched = number < parts.count - 1 ? ground.experiment.search?.arm : nil
      var runs: [String: [Run]] = [:]
      for seed in part.seeds {
        for fold in part.folds {
          planner.fold = fold
          for (arm, names) in part.arms {
            runs[arm, default: []].append(
              Run(
                arm: arm, seed: seed, fold: fold,
                stages: try planner.plan(
                  names, of: arm, called: searched ?? arm, in: part, seed: seed, from: start)))
          }
        }
      }
      arms += part.arms.keys.map { Arm(name: $0, runs: runs[$0] ?? []) }
    }
    try diagnostics.check(in: ground.experiment.file)
    stages = planner.stages
  }

  /// The plan of one part of the whole.
  func part(_ experiment: Experiment, on machine: ExperimentMachine, registry: Registry) throws
    -> ExperimentPlan
  {
    var plan = try ExperimentPlan([experiment], ground, on: machine, registry: registry)
    plan.metricNote = metricNote
    return plan
  }
}

/// A stage with all that decides its result.
public struct PlannedStage: Sendable {
  /// The hash of all that decides the result: the options, the input, the data, the kernels.
  public let key: String
  /// With the seed that it runs with.
  public let task: Experiment.Task
  /// The name that the first arm to come by has for it.
  public let name: String
  /// The part of the data that it is about, from 0, where the data are in folds.
  public let fold: Int?
  /// Where its model comes from; an import has a checkpoint of its own.
  let input: StageInput
  /// The checkpoint that it works on, as far as it is known before it exists: without the right weights.
  let checkpoint: Checkpoint
  /// The same as each head has it that it trains.
  let heads: [Checkpoint]
  /// The steps whose checkpoints go on to other stages.
  var usedSteps: Set<Int> = []
  /// How the data are cut into steps of training, where that is known before they are tokenized.
  var trainingPlan: TrainingPlan?
  /// How much there is to compute; see ``StageWork``.
  let work: StageWork
  /// How many tokens it asks for, where the model takes fewer, and how many that takes.
  public internal(set) var excessiveLength: (length: Int, limit: Int)?
  /// What there is to say of its data, in sentences without a full stop: how labels are read, where that is not plain, and
  /// how many rows are scored whose text is trained on.
  public internal(set) var notes: [String] = []

  /// The head that it works with, or puts on; of several their names, with commas between them.
  public var head: String? {
    switch task {
    case .swap(let swap): swap.head
    case .train(let training) where training.namesHeads:
      training.heads.compactMap(\.head).joined(separator: ", ")
    case .evaluate(let scoring): scoring.head ?? checkpoint.activeHead?.name
    case .train, .importing, .export: checkpoint.activeHead?.name
    }
  }

  /// The directory's name under `stages`.
  public var directoryName: String { "\(task.kind)-\(key.prefix(16))" }
}

/// Where the model of a stage is.
enum StageInput: Sendable, Hashable {
  case base
  /// The output of a stage, or the checkpoint of one of its steps.
  case stage(Int, step: Int?)
}

extension ExperimentPlan {
  /// What an arm ends with.
  func model(of run: Run) -> StageInput? {
    let last = run.stages.last { experiment.stage($0.name, of: run.arm)?.task.makesModel == true }
    guard let last else { return nil }
    if case .train(let training) = experiment.stage(last.name, of: run.arm)?.task {
      return .stage(last.index, step: training.usedStep)
    }
    return .stage(last.index, step: nil)
  }

  /// What the file has and no arm uses, in a sentence without a full stop; `nil` where all of it is used.
  public var unusedNote: String? {
    let experiment = ground.experiment
    let used = Set(experiment.arms.values.joined())
    let stages = OrderedSet(
      experiment.stages.values.filter { !used.contains($0.name) }.map { $0.group ?? $0.name })
    let data = experiment.data.keys.filter { name in !experiment.outlook.contains { $0.uses(name) } }
    func list(_ kind: String, _ names: some Collection<String>) -> [String] {
      names.isEmpty ? [] : ["the \(kind) \(names.map { "'\($0)'" }.joined(separator: ", "))"]
    }
    let parts = list(stages.count == 1 ? "stage" : "stages", stages) + list("data", data)
    return parts.isEmpty ? nil : "no arm uses \(parts.joined(separator: " and "))"
  }

  /// The stages that arms of the file have, and not only points of a search.
  var stagesOfArms: Set<Int> {
    Set(arms.filter { !$0.isPointOfSearch }.flatMap(\.runs).flatMap(\.stages).map(\.index))
  }

  /// What all arms end with.
  var results: Set<StageInput> { Set(arms.flatMap(\.runs).compactMap(model)) }
}

extension Experiment {
  /// Whether a stage of an arm needs the data set.
  func uses(_ data: String) -> Bool {
    arms.contains { arm, names in names.contains { stage($0, of: arm)?.task.data.contains(data) == true } }
  }
}

extension Diagnostics {
  func check(in file: URL?) throws {
    do {
      try check()
    } catch let error as GraftError {
      throw file.map { error.inFile($0.path) } ?? error
    }
  }
}
