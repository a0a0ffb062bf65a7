import Foundation
import GraftData
import GraftKit
import GraftTensors
import OrderedCollections

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
    /// Whether what it computed was no number any more, in a point of a search: there is no model or result, and there will
    /// be none the next time.
    var isDiverged = false

    static let fileName = "stage.json"

    var document: JSON {
      var members: OrderedDictionary<String, JSON> = [
        "kind": .string(kind), "seconds": JSON(seconds), "work_kind": .string(workKind),
        "measured_seconds": JSON(measuredSeconds), "measured_amount": JSON(measuredAmount),
      ]
      if isDiverged { members["diverged"] = true }
      return .object(members)
    }

    init(
      _ stage: PlannedStage, seconds: Double, measuredSeconds: Double? = nil, measuredShare: Double = 1,
      isDiverged: Bool = false
    ) {
      (kind, self.seconds, workKind) = (stage.task.kind, seconds, stage.work.kind)
      self.measuredSeconds = measuredSeconds ?? seconds
      measuredAmount = stage.work.amount * measuredShare
      self.isDiverged = isDiverged
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
      isDiverged = document["diverged"]?.bool == true
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

  /// An error about the files of a finished stage, with what helps where one is damaged or the stage was removed.
  func advising(on error: GraftError) -> GraftError {
    let parts = directory.standardizedFileURL.pathComponents
    guard [.malformed, .missing].contains(error.kind), error.advice == nil || error.kind == .missing,
      let file = error.file.map({ URL(filePath: $0).standardizedFileURL.pathComponents }),
      file.starts(with: parts), file.count > parts.count
    else { return error }
    let (stage, again) = (file[parts.count], "run the experiment again: it does that stage anew.")
    let isThere = FileManager.default.fileExists(atPath: directory.appending(path: stage).path)
    guard !isThere || Record(in: directory.appending(path: stage)) != nil else { return error }
    var error = error
    error.advice = isThere ? "Remove 'stages/\(stage)' and \(again)" : "The stage was removed: \(again)"
    return error
  }

  /// The record of a stage that has ended.
  func record(_ stage: PlannedStage) -> Record? { Record(in: url(stage)) }

  /// Whether the model of a stage, or of one of its steps, is there.
  func hasModel(_ stage: PlannedStage, step: Int?) -> Bool {
    FileManager.default.fileExists(atPath: model(stage, step: step).appending(path: "config.json").path)
  }

  /// Whether a stage has ended with what it is to make.
  private func isFinished(_ stage: PlannedStage) -> Bool { record(stage)?.isDiverged == false }

  /// The stages that a search does without: those that diverged, and what needs them.
  private func lost(_ plan: ExperimentPlan) -> Set<Int> {
    let needed = plan.stagesOfArms
    var lost: Set<Int> = []
    for (index, stage) in plan.stages.enumerated() where !needed.contains(index) {
      if case .stage(let source, _) = stage.input, lost.contains(source) { lost.insert(index) }
      if record(stage)?.isDiverged == true { lost.insert(index) }
    }
    return lost
  }

  /// Which stages of a plan have to be done, because they are not finished, or because a pending stage needs a
  /// result that was removed.
  func pending(_ plan: ExperimentPlan) -> Set<Int> {
    var pending: Set<Int> = []
    var wanted: Set<StageInput> = []
    let lost = lost(plan)
    for (index, stage) in plan.stages.enumerated().reversed() where !lost.contains(index) {
      let steps = [nil] + stage.usedSteps.map { $0 }
      let isIncomplete = steps.contains { step in
        wanted.contains(.stage(index, step: step)) && !hasModel(stage, step: step)
      }
      guard !isFinished(stage) || isIncomplete else { continue }
      pending.insert(index)
      wanted.insert(stage.input)
    }
    return pending
  }

  /// The speeds of everything that was done here, of earlier plans as well.
  ///
  /// - Throws: `GraftError` when the directory cannot be read.
  func rates() throws -> StageRates {
    var rates = StageRates()
    for name in try directoryContents(directory) {
      guard let record = Record(in: directory.appending(path: name)) else { continue }
      rates.add(record.workKind, seconds: record.measuredSeconds, amount: record.measuredAmount)
    }
    return rates
  }

  // MARK: Space
  // What follows throws `GraftError` when a directory cannot be read, or something in it not be removed.

  /// How many bytes the stages take.
  var size: Int { get throws { try Self.size(directory) } }

  /// How many of the bytes that a stage comes to, while it runs, are in its directory already.
  func held(_ stage: PlannedStage) throws -> Int { min(try Self.size(url(stage)), stage.work.largestBytes) }

  /// How many bytes the files below a directory have together, or the largest number: sparse files may claim more than
  /// that.
  private static func size(_ directory: URL) throws -> Int {
    try filePaths(below: directory).reduce(0) { sum, path in
      var status = stat()
      // What was removed in the meantime takes no space, and neither does a link.
      guard lstat(directory.appending(path: path).path, &status) == 0, status.st_mode & S_IFMT == S_IFREG
      else {
        return sum
      }
      return sum.addingClamped(Int(status.st_size))
    }
  }

  /// Removes what processes that were killed left half-written, and the clocks of training that has ended.
  func removeDebris() throws {
    try Self.removeDebris(in: directory)
    for name in try directoryContents(directory) {
      let stage = directory.appending(path: name)
      guard Record(in: stage) != nil else { continue }
      StageClock(stage).remove()
      // Of models that were being removed.
      try Self.removeDebris(in: stage)
    }
  }

  private static func removeDebris(in directory: URL) throws {
    for target in Set(try directoryContents(directory).compactMap(TemporaryName.target)) {
      TemporaryName.clear(directory.appending(path: target), isAlone: true)
    }
  }

  /// Removes a stage, so that no half of it is ever found under its name.
  func remove(_ name: String) throws { try DirectoryWriter.remove(directory.appending(path: name)) }

  /// Removes what only an unfinished run has a use for: checkpoints that no stage takes up, and optimizers.
  func prune(_ stage: PlannedStage) throws {
    let training = TrainingDirectory(url: url(stage))
    for step in try training.checkpoints {
      let checkpoint = training.checkpoint(step)
      if !stage.usedSteps.contains(step) {
        try DirectoryWriter.remove(checkpoint)
      } else {
        for name in try directoryContents(checkpoint) where name.hasPrefix("optimizer.") {
          try DirectoryWriter.remove(checkpoint.appending(path: name))
        }
      }
    }
  }

  /// Removes models until the stages take at most so many bytes: first all of stages that nothing has a use for, then the
  /// models of a search's earlier rounds, then intermediate ones, oldest first. Results and the arms' final models stay.
  ///
  /// - Parameters:
  ///   - pending: The stages that are still to be done; what they need stays.
  ///   - search: What a search has done, and what is still to come.
  func shrink(
    to limit: Int, plan: ExperimentPlan, pending: Set<Int>, search: SearchStages = SearchStages()
  ) throws {
    var excess = try size - limit
    let own = Set(plan.stages.map(\.directoryName))
    let known = own.union(search.later).union(search.earlier.map(\.directoryName))
    for name in try directoryContents(directory) where excess > 0 && !known.contains(name) {
      excess -= min(excess, try Self.size(directory.appending(path: name)))
      try remove(name)
    }
    for stage in search.earlier
    where excess > 0 && !own.contains(stage.directoryName) && !search.arms.contains(stage.directoryName) {
      excess -= min(excess, try removeModels(of: stage))
    }
    let kept = Set(pending.map { plan.stages[$0].input }).union(search.isRound ? [] : plan.results)
    for (index, stage) in plan.stages.enumerated() where excess > 0 && !pending.contains(index) {
      guard stage.task.makesModel else { continue }
      for step in [nil] + stage.usedSteps.sorted().map({ $0 }) {
        guard !kept.contains(.stage(index, step: step)) else { continue }
        excess -= min(excess, try removeModel(stage, step: step))
      }
    }
  }

  /// Removes the models of a stage that is done; its results stay.
  ///
  /// - Returns: How many bytes that freed.
  @discardableResult
  func removeModels(of stage: PlannedStage) throws -> Int {
    guard stage.task.makesModel, record(stage) != nil else { return 0 }
    var freed = 0
    for step in [nil] + stage.usedSteps.sorted().map({ $0 }) where hasModel(stage, step: step) {
      freed = freed.addingClamped(try removeModel(stage, step: step))
    }
    return freed
  }

  /// Removes all but results.
  ///
  /// - Returns: How many bytes that freed.
  private func removeModel(_ stage: PlannedStage, step: Int?) throws -> Int {
    let url = model(stage, step: step)
    let before = try Self.size(url)
    // In order, so that `config.json`, by which a model is known to be there, goes before the weights do.
    for name in try directoryContents(url) {
      let isResult =
        name.hasSuffix("_results.json")
        || [Record.fileName, TrainerState.fileName, TrainingArguments.fileName, "runs"].contains(name)
      let isCheckpoint = name.hasPrefix("checkpoint-")
      guard step != nil || !isResult && !isCheckpoint else { continue }
      try DirectoryWriter.remove(url.appending(path: name))
    }
    return before - (try Self.size(url))
  }
}
