import Foundation
import GraftData
import GraftKit
import GraftTensors

/// The stages of an output directory: each in a directory named by its key, finished when its `stage.json` is there.
///
/// That file is written last. Without it a training run is gone on with, and anything else made anew.
struct StageCache {
  let directory: URL

  /// What is known of a finished stage.
  struct Record: Equatable {
    var kind: String
    /// How long it took in all, and how much of the work the last process did in what time.
    var seconds: Double
    var workKind: String
    var measuredSeconds: Double
    var measuredAmount: Double

    static let fileName = "stage.json"

    var document: JSON {
      [
        "kind": .string(kind), "seconds": JSON(seconds), "work_kind": .string(workKind),
        "measured_seconds": JSON(measuredSeconds), "measured_amount": JSON(measuredAmount),
      ]
    }

    init(_ stage: PlannedStage, seconds: Double, measuredSeconds: Double? = nil, measuredShare: Double = 1) {
      (kind, self.seconds, workKind) = (stage.task.kind, seconds, stage.work.kind)
      self.measuredSeconds = measuredSeconds ?? seconds
      measuredAmount = stage.work.amount * measuredShare
    }

    /// - Returns: `nil` when the file is not there, or not what was written: the stage is not finished then.
    init?(in directory: URL) {
      guard let document = try? JSON(file: directory.appending(path: Self.fileName)),
        let kind = document["kind"]?.string, let seconds = document["seconds"]?.double,
        let workKind = document["work_kind"]?.string,
        let measuredSeconds = document["measured_seconds"]?.double,
        let measuredAmount = document["measured_amount"]?.double
      else { return nil }
      (self.kind, self.seconds, self.workKind) = (kind, seconds, workKind)
      (self.measuredSeconds, self.measuredAmount) = (measuredSeconds, measuredAmount)
    }

    func write(into directory: URL) throws {
      try FileWriter.write(directory.appending(path: Self.fileName), text: document.text(.pretty) + "\n")
    }
  }

  init(_ output: URL) { directory = output.appending(path: "stages") }

  func url(_ stage: PlannedStage) -> URL { directory.appending(path: stage.directoryName) }

  /// Where the model of a stage, or of one of its steps, is.
  func model(_ stage: PlannedStage, step: Int? = nil) -> URL {
    let url = url(stage)
    return step.map { url.appending(path: TrainingDirectory.name(ofStep: $0)) } ?? url
  }

  /// The record of a stage that is finished.
  func record(_ stage: PlannedStage) -> Record? { Record(in: url(stage)) }

  /// Whether the model of a stage, or of one of its steps, is there.
  func hasModel(_ stage: PlannedStage, step: Int?) -> Bool {
    FileManager.default.fileExists(atPath: model(stage, step: step).appending(path: "config.json").path)
  }

  /// Which stages of a plan have to be done, because they are not finished, or because a pending stage needs a
  /// result that was removed.
  func pending(_ plan: ExperimentPlan) -> Set<Int> {
    var pending: Set<Int> = []
    var wanted: Set<StageInput> = []
    for (index, stage) in plan.stages.enumerated().reversed() {
      let steps = [nil] + stage.usedSteps.map { $0 }
      let isIncomplete = steps.contains { step in
        wanted.contains(.stage(index, step: step)) && !hasModel(stage, step: step)
      }
      guard record(stage) == nil || isIncomplete else { continue }
      pending.insert(index)
      wanted.insert(stage.input)
    }
    return pending
  }

  /// The speeds of everything that was done here, of earlier plans as well.
  func rates() -> StageRates {
    var rates = StageRates()
    for name in contents {
      guard let record = Record(in: directory.appending(path: name)) else { continue }
      rates.add(record.workKind, seconds: record.measuredSeconds, amount: record.measuredAmount)
    }
    return rates
  }

  // MARK: Space

  private var contents: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []).sorted()
  }

  /// How many bytes the stages take.
  var size: Int { Self.size(directory) }

  /// How many of the bytes that a stage comes to, while it runs, are in its directory already.
  func held(_ stage: PlannedStage) -> Int { min(Self.size(url(stage)), stage.work.largestBytes) }

  private static func size(_ url: URL) -> Int {
    let keys: [URLResourceKey] = [.fileSizeKey, .isRegularFileKey]
    let files = FileManager.default.enumerator(at: url, includingPropertiesForKeys: keys)
    return files?.reduce(0) { sum, file in
      let values = try? (file as? URL)?.resourceValues(forKeys: Set(keys))
      return sum + (values?.isRegularFile == true ? values?.fileSize ?? 0 : 0)
    } ?? 0
  }

  /// Removes what processes that were killed left half-written.
  func removeDebris() {
    for name in contents where name.hasPrefix(".") {
      try? FileManager.default.removeItem(at: directory.appending(path: name))
    }
  }

  /// Removes a stage, so that no half of it is ever found under its name.
  func remove(_ name: String) {
    let url = directory.appending(path: name)
    let retired = directory.appending(path: ".\(name).retired-\(ProcessInfo.processInfo.processIdentifier)")
    try? FileManager.default.moveItem(at: url, to: retired)
    try? FileManager.default.removeItem(at: retired)
  }

  /// Removes what only an unfinished run has a use for: checkpoints that no stage takes up, and optimizers.
  func prune(_ stage: PlannedStage) {
    let training = TrainingDirectory(url: url(stage))
    // What cannot be read cannot be removed either; it only takes space.
    for step in (try? training.checkpoints) ?? [] {
      let checkpoint = training.checkpoint(step)
      if !stage.usedSteps.contains(step) {
        try? FileManager.default.removeItem(at: checkpoint)
      } else {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpoint.path)) ?? []
        for name in names where name.hasPrefix("optimizer.") {
          try? FileManager.default.removeItem(at: checkpoint.appending(path: name))
        }
      }
    }
  }

  /// Removes models until the stages take at most so many bytes: first those of stages that are not in the plan,
  /// then intermediate ones, oldest first. Results and the arms' final models stay.
  ///
  /// - Parameter pending: The stages that are still to be done; what they need stays.
  func shrink(to limit: Int, plan: ExperimentPlan, pending: Set<Int>) {
    var excess = size - limit
    let known = Set(plan.stages.map(\.directoryName))
    for name in contents where excess > 0 && !known.contains(name) {
      excess -= Self.size(directory.appending(path: name))
      remove(name)
    }
    let kept = Set(pending.map { plan.stages[$0].input }).union(plan.results)
    for (index, stage) in plan.stages.enumerated() where excess > 0 && !pending.contains(index) {
      guard stage.task.makesModel else { continue }
      for step in [nil] + stage.usedSteps.sorted().map({ $0 }) {
        guard !kept.contains(.stage(index, step: step)) else { continue }
        excess -= removeModel(stage, step: step)
      }
    }
  }

  /// Removes all but results.
  ///
  /// - Returns: How many bytes that freed.
  private func removeModel(_ stage: PlannedStage, step: Int?) -> Int {
    let url = model(stage, step: step)
    let before = Self.size(url)
    // In order, so that `config.json`, by which a model is known to be there, goes before the weights do.
    for name in ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []).sorted() {
      let isResult =
        name.hasSuffix("_results.json")
        || [Record.fileName, TrainerState.fileName, TrainingArguments.fileName, "runs"].contains(name)
      let isCheckpoint = name.hasPrefix("checkpoint-")
      guard step != nil || !isResult && !isCheckpoint else { continue }
      try? FileManager.default.removeItem(at: url.appending(path: name))
    }
    return before - Self.size(url)
  }
}
