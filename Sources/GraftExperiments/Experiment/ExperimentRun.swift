import Foundation
import GraftCore
import GraftKit
import GraftTensors

/// What happens in an experiment, for a display.
public enum ExperimentEvent: Sendable {
  /// The run begins, or its part after a search.
  case planned(ExperimentSchedule)
  /// A round of a search begins, counted from 0, or a search has ended.
  case searching(Experiment.Search, round: Int)
  case searched(OptionSearchResults)
  /// A stage begins: number `number` of the `count` that are pending.
  case started(PlannedStage, number: Int, count: Int)
  /// Something happened in a training run.
  case training(TrainingEvent)
  case progress(ExperimentProgress)
  /// A stage is done: how long it took, and what an evaluation found.
  case finished(PlannedStage, seconds: Double, results: [String: Double])
}

/// How far an experiment is.
public struct ExperimentProgress: Sendable, Equatable {
  /// The share of the whole that is done, by time.
  public let share: Double
  /// How long the rest will take, in seconds; `nil` until something is known of this machine's speed.
  public let remaining: Double?
}

/// How an experiment ended.
public enum ExperimentOutcome: Sendable {
  /// All stages are done.
  case finished(ExperimentResults)
  /// It was asked to stop; the same call goes on.
  case interrupted
}

/// Does what is left of a plan, in a directory that keeps each stage.
///
/// A stage whose key is in the directory is not done again. A process may be killed at any moment: the next one
/// goes on from the last checkpoint, to the same results.
///
/// - Parameters:
///   - plan: What to do. A search comes first; the arm is then that with the best options.
///   - output: The directory to create, or to go on in.
///   - machine: As for the plan. Of several ranks all call this, and see the directory; rank 0 writes and observes.
///   - registry: The plugins.
///   - maximumDisk: How many bytes the directory may take.
///   - control: Asks the run to stop.
///   - observe: Is told what happens.
/// - Throws: `GraftError` when the directory belongs to another run, is in use or too small for the plan, or a stage fails; what
///   is finished stays.
public func runExperiment(
  _ plan: ExperimentPlan, output: URL, on machine: ExperimentMachine, registry: Registry,
  maximumDisk: Int? = nil, control: TrainingControl = TrainingControl(),
  observe: @escaping (ExperimentEvent) -> Void = { _ in }
) throws -> ExperimentOutcome {
  let (cache, group) = (StageCache(output), machine.group)
  try plan.requireSameRanks(machine, output: output)
  var lock: RunLock?
  defer { withExtendedLifetime(lock) {} }
  try group.onLeader {
    try RunLock.check(output)
    // A plan that does not fit leaves nothing behind.
    if plan.search == nil, !FileManager.default.fileExists(atPath: cache.directory.path) {
      let schedule = try ExperimentSchedule(plan, output: output)
      try schedule.checkRanks(group)
      try schedule.checkSpace(maximumDisk: maximumDisk)
    }
    try DirectoryWriter.makeDirectory(output)
    lock = try RunLock(output)
    try DirectoryWriter.makeDirectory(cache.directory)
    try cache.removeDebris()
    try cache.begin(on: plan.firstRanks, now: group.size)
  }
  try cache.requireShared(group)
  let started = Date()
  let worker = PlanWorker(
    output: output, cache: cache, machine: machine, registry: registry, maximumDisk: maximumDisk,
    control: control, observe: group.leads ? observe : { _ in })
  do {
    let (plan, search, trials) = try worker.search(plan)
    let stages = SearchStages(earlier: trials)
    // Another process may have been at work until the lock was free.
    let schedule = try worker.work(on: plan, search: stages) { _ in
      try group.onLeader { try plan.checkMetric(in: cache) }
    }
    let verdict = try group.fromLeader {
      try plan.checkMetric(in: cache)
      if let maximumDisk { try cache.shrink(to: maximumDisk, plan: plan, pending: [], search: stages) }
      try ExperimentRecord.linkModels(plan, cache)
      try ExperimentRecord(plan, cache, machine, schedule: schedule, search: search, started: started).write(
        to: output)
      return try writeReport(output)
    }
    var results = try ExperimentResults(plan, cache, search: search, verdict: verdict)
    if let maximumDisk { results.excess = excess(try cache.size, over: maximumDisk, output) }
    return .finished(results)
  } catch is StageRunner.Interrupted {
    return .interrupted
  } catch let error as GraftError {
    throw cache.advising(on: error)
  }
}

/// Does the stages of plans in a directory.
struct PlanWorker {
  let output: URL
  let cache: StageCache
  let machine: ExperimentMachine
  let registry: Registry
  let maximumDisk: Int?
  let control: TrainingControl
  let observe: (ExperimentEvent) -> Void

  /// The ranks that share the work. Rank 0 alone reads what the directory has, and decides by it.
  var group: any ProcessGroup { machine.group }

  /// Does what is left of a plan.
  ///
  /// - Parameters:
  ///   - search: What a search has done, and whether the plan is a round of it: what diverges there leaves the
  ///     rest to be done, but for what needs it.
  ///   - check: Looks at a stage that is done.
  /// - Returns: What there was to do.
  /// - Throws: What a stage throws, ``StageRunner/Interrupted``, and what `check` throws.
  @discardableResult
  func work(
    on plan: ExperimentPlan, search: SearchStages, check: (PlannedStage) throws -> Void = { _ in }
  ) throws -> ExperimentSchedule {
    let schedule = try ExperimentSchedule(plan, output: output, group: group)
    try schedule.checkRanks(group)
    try group.onLeader { try schedule.checkSpace(maximumDisk: maximumDisk) }
    observe(.planned(schedule))
    var meter = ExperimentMeter(schedule)
    let pending = schedule.pending.sorted()
    var failed: Set<Int> = []
    for (number, index) in pending.enumerated() {
      let stage = plan.stages[index]
      if case .stage(let source, _) = stage.input, failed.contains(source) {
        failed.insert(index)
        continue
      }
      if let maximumDisk {
        try group.onLeader {
          let needed = stage.work.largestBytes - (try cache.held(stage))
          try cache.shrink(
            to: maximumDisk - needed, plan: plan, pending: Set(pending[number...]), search: search)
          try checkCap(cache.size.addingClamped(needed), maximumDisk, output)
        }
      }
      observe(.started(stage, number: number + 1, count: pending.count))
      meter.begin(index)
      let runner = StageRunner(
        plan: plan, cache: cache, machine: machine, registry: registry, control: control,
        marksDivergence: search.isRound
      ) { share, event in
        if let event { observe(.training(event)) }
        meter.update(share: share)
        observe(.progress(meter.progress))
      }
      do {
        try runner.run(stage)
      } catch let error as GraftError where search.isRound && error.isDivergence {
        failed.insert(index)
        observe(.training(.warned(error)))
        continue
      }
      meter.end()
      try group.onLeader {
        let results = try ExperimentResults.evaluation(in: cache.url(stage)) ?? [:]
        observe(.finished(stage, seconds: cache.record(stage)?.seconds ?? 0, results: results))
      }
      try check(stage)
    }
    return schedule
  }
}

private func checkCap(_ needed: Int, _ cap: Int, _ output: URL) throws {
  guard needed > cap else { return }
  throw GraftError(
    .refused, "the run would take more disk space than it may", file: output.path,
    expected: "at most \(NumberText.bytes(cap))",
    found: "\(NumberText.bytes(needed)), \(NumberText.bytes(needed - cap)) more",
    advice: "Raise \(option: "max-disk"), or lower 'save-total-limit'.")
}

/// What there is to say when more is kept than may be.
private func excess(_ size: Int, over cap: Int, _ output: URL) -> GraftError? {
  guard size > cap else { return nil }
  return GraftError(
    .refused, "what is kept takes more disk space than it may", file: output.path,
    expected: "at most \(NumberText.bytes(cap))",
    found: "\(NumberText.bytes(size)), \(NumberText.bytes(size - cap)) more",
    advice: "Results, and the models that arms end with, are never removed.")
}

/// Which stages of a plan are to be done, and how long that will take.
public struct ExperimentSchedule: Sendable {
  public let plan: ExperimentPlan
  /// Indices of stages; the others are in the directory.
  public let pending: Set<Int>
  /// The arms of another experiment whose report is in the directory, and is replaced.
  public let replaced: [String]
  /// Speeds that were measured in the directory.
  var rates: StageRates
  let output: URL

  /// What a directory has to do with a plan.
  private struct Found: Codable {
    let pending: Set<Int>
    let rates: StageRates
    let replaced: [String]
  }

  /// - Parameters:
  ///   - plan: What there is to do.
  ///   - output: Has what is done.
  ///   - group: The ranks that share the work, each of which calls this; rank 0 reads the directory.
  /// - Throws: `GraftError` when the directory cannot be read.
  public init(_ plan: ExperimentPlan, output: URL, group: any ProcessGroup = SingleProcess()) throws {
    (self.plan, self.output) = (plan, output)
    let found = try group.valueFromLeader {
      let cache = StageCache(output)
      let earlier = ExperimentRecord.earlier(in: output)
      let arms = (earlier?["arms"]?.array ?? []).compactMap { $0["name"]?.string }
      // A round of a search has other arms than the file.
      let own = plan.ground.experiment
      let isOther = earlier?["name"]?.string != own.name || Set(arms).isDisjoint(with: own.arms.keys)
      return Found(pending: cache.pending(plan), rates: try cache.rates(), replaced: isOther ? arms : [])
    }
    (pending, rates, replaced) = (found.pending, found.rates, found.replaced)
  }

  /// Where a stage writes.
  public func directory(of stage: PlannedStage) -> URL { StageCache(output).url(stage) }

  /// How long a stage will take, in seconds; `nil` when nothing is known of this machine's speed.
  public func estimate(_ index: Int) -> Double? { rates.seconds(plan.stages[index].work) }

  /// How long all that is to be done will take, in seconds.
  public var estimate: Double? {
    let estimates = pending.map(estimate)
    return estimates.contains(nil) ? nil : estimates.reduce(0) { $0 + ($1 ?? 0) }
  }

  /// The most bytes that what is to be done takes: all models that stay, and the largest run's checkpoints.
  public var bytes: Int {
    let works = pending.map { plan.stages[$0].work }
    let kept = works.reduce(0) { $0 + $1.keptCopies * $1.modelBytes }
    return kept + (works.map { ($0.largestCopies - $0.keptCopies) * $0.modelBytes }.max() ?? 0)
  }

  /// Makes sure that there is room.
  ///
  /// - Throws: `GraftError` when the disk has less than is needed, or a stage alone needs more than the cap.
  public func checkSpace(maximumDisk: Int?) throws {
    let stages = pending.map { plan.stages[$0] }
    if let maximumDisk { try checkCap(stages.map(\.work.largestBytes).max() ?? 0, maximumDisk, output) }
    let cache = StageCache(output)
    // What stages that were begun have written is no longer to be found room for.
    var needed = max(0, bytes - (try stages.reduce(0) { $0 + (try cache.held($1)) }))
    if let maximumDisk { needed = min(needed, max(0, maximumDisk - (try cache.size))) }
    guard let free = freeSpace, free < needed else { return }
    throw GraftError(
      .system, "there is too little space on the disk for this plan", file: output.path,
      expected: "\(NumberText.bytes(needed)) free",
      found: "\(NumberText.bytes(free)), \(NumberText.bytes(needed - free)) less",
      advice: "Free some space, choose another disk, or keep less with \(option: "max-disk").")
  }

  /// Of the disk that the directory is on, or will be.
  private var freeSpace: Int? {
    var place = output.standardizedFileURL
    while !FileManager.default.fileExists(atPath: place.path), place.path != "/" {
      place.deleteLastPathComponent()
    }
    let attributes = try? FileManager.default.attributesOfFileSystem(forPath: place.path)
    return (attributes?[.systemFreeSize] as? NSNumber).map { $0.intValue }
  }
}

/// How far an experiment is, and when it will end, by what this process has seen.
private struct ExperimentMeter {
  private let schedule: ExperimentSchedule
  private let start = ContinuousClock.now
  private var rates: StageRates
  private var left: Set<Int>
  private var current: (work: StageWork, start: ContinuousClock.Instant, firstShare: Double?, share: Double)?

  /// Until a stage has gone on for so long, in seconds, what was known before is the better guess.
  private static let patience = 2.0

  init(_ schedule: ExperimentSchedule) {
    self.schedule = schedule
    (rates, left) = (schedule.rates, schedule.pending)
  }

  mutating func begin(_ index: Int) {
    left.remove(index)
    current = (schedule.plan.stages[index].work, .now, nil, 0)
  }

  mutating func update(share: Double) {
    if current?.firstShare == nil { current?.firstShare = share }
    current?.share = share
  }

  mutating func end() {
    if let measured { rates.add(measured.work.kind, seconds: measured.seconds, amount: measured.amount) }
    current = nil
  }

  /// What the current stage has shown so far.
  private var measured: (work: StageWork, seconds: Double, amount: Double)? {
    guard let current, let first = current.firstShare, current.share > first else { return nil }
    return (current.work, current.start.secondsSince, (current.share - first) * current.work.amount)
  }

  var progress: ExperimentProgress {
    var rates = rates
    var ofCurrent: Double?
    if let measured, measured.seconds >= Self.patience || !rates.knows(measured.work.kind) {
      let rest = (1 - (current?.share ?? 1)) * measured.work.amount
      ofCurrent = measured.seconds / measured.amount * rest
      rates.add(measured.work.kind, seconds: measured.seconds, amount: measured.amount)
    } else if let current {
      ofCurrent = rates.seconds(current.work, share: 1 - current.share)
    }
    let others = left.map { rates.seconds(schedule.plan.stages[$0].work) }
    guard let ofCurrent, !others.contains(nil) else { return ExperimentProgress(share: 0, remaining: nil) }
    let remaining = others.reduce(ofCurrent) { $0 + ($1 ?? 0) }
    let elapsed = start.secondsSince
    return ExperimentProgress(share: elapsed / max(1e-9, elapsed + remaining), remaining: remaining)
  }
}
