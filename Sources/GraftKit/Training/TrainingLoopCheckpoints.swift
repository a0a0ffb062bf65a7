import Foundation
import GraftCompute
import GraftCore
import GraftTensors

/// What a run keeps, and takes up again.
extension TrainingLoop {
  func save() throws {
    state.markSaved()
    let moments = try groupReduction?.gatheredState(optimizer.state) ?? optimizer.state
    try group.onLeader { try writeCheckpoint(moments) }
  }

  /// Writes a checkpoint, and removes those that are too many.
  ///
  /// - Parameter moments: The optimizer's state.
  private func writeCheckpoint(_ moments: Weights) throws {
    let target = directory.checkpoint(state.globalStep)
    try DirectoryWriter.write(target, replacing: true) { temporary in
      average?.exchange()
      defer { average?.exchange() }
      try writeModel(into: temporary, step: state.globalStep)
      if let average {
        average.exchange()
        defer { average.exchange() }
        try run.optimizerFormat.write(
          average.weights, to: temporary.appendingPathComponent(fileName(WeightAverage.stem)))
      }
      try run.optimizerFormat.write(moments, to: temporary.appendingPathComponent(optimizerName))
      try write(arguments.document, TrainingArguments.fileName, in: temporary)
      try write(state.progressDocument, TrainerState.progressName, in: temporary)
      try writeState(in: temporary)
    }
    observe(.saved(target))
    try removeExcess()
  }

  /// Removes the checkpoints that are too many.
  private func removeExcess() throws {
    let kept = options.keptSteps.union([state.bestCheckpoint].compactMap { $0 })
      .union(averaged(of: try directory.checkpoints, options.averageLast ?? 0))
    // Where nobody asked for checkpoints, those of the best evaluations are there to end with the best.
    let limit = options.saveTotalLimit ?? (options.saveStrategy == .no ? 1 : nil)
    for removed in try directory.rotate(keeping: limit, steps: kept) {
      observe(.removed(removed))
    }
  }

  /// Writes the model and its card.
  ///
  /// - Parameters:
  ///   - step: The step that its weights are of.
  ///   - thresholds: What was chosen for it in the end.
  ///   - mean: The steps whose weights they are the mean of, if they are one.
  func writeModel(
    into directory: URL, step: Int, thresholds: (values: [Float], key: String)? = nil, mean: [Int] = []
  ) throws {
    try run.store.write(run.model, into: directory, steps: step, trained: state.trained)
    try run.store.writeCard(
      into: directory,
      TrainingFacts(
        name: run.output.standardizedFileURL.lastPathComponent, options: options, step: step,
        examples: heads.reduce(0) { $0 + $1.data.rows.count },
        evaluations: evaluations.map {
          .init(name: $0.name, rows: $0.data.rows.count, files: $0.files, head: $0.head)
        },
        maximumLength: heads.map(\.data.facts.maximumLength).max() ?? options.maxLength,
        history: state.history, backend: type(of: run.backend).name, precision: run.backend.precision,
        thresholds: thresholds, mean: mean))
  }

  /// Takes up the newest checkpoint.
  ///
  /// - Throws: `GraftError` that says what to do about a checkpoint that is damaged.
  func restoreNewest(_ newest: Int) throws {
    do {
      try restore(directory.checkpoint(newest))
      // A process that was killed may have written a checkpoint and not removed another.
      try group.onLeader { try removeExcess() }
    } catch var error as GraftError where [.malformed, .missing].contains(error.kind) {
      let before = try directory.checkpoints.dropLast().last
      let rest: Advice =
        if let before {
          "Remove \(TrainingDirectory.name(ofStep: newest)): \(action: .resume) then goes on from \(TrainingDirectory.name(ofStep: before))."
        } else {
          "Remove \(TrainingDirectory.name(ofStep: newest)): there is none before it, and the run begins again."
        }
      error.advice = rest
      throw error
    }
  }

  /// Takes up what rank 0 reads; others need not see the files.
  private func restore(_ checkpoint: URL) throws {
    let documents = try group.valueFromLeader {
      // Its directory says how long the run is; a checkpoint may be of before it was extended.
      try arguments.check(against: checkpoint, mayBeLonger: true)
      return try [TrainerState.fileName, TrainerState.progressName].map {
        try JSON(file: checkpoint.appendingPathComponent($0)).text()
      }
    }
    let (state, progress) = (
      try JSON(parsing: Array(documents[0].utf8)), try JSON(parsing: Array(documents[1].utf8))
    )
    self.state = try TrainerState(state, progress, of: checkpoint)
    checkProgress()
    guard self.state.globalStep <= plan.totalSteps else {
      throw GraftError(
        .malformed, "not the state of this run", file: checkpoint.path, subject: "key 'global_step'",
        expected: "at most \(plan.totalSteps)", found: "\(self.state.globalStep)",
        advice: "Remove this checkpoint to resume from the one before.")
    }
    try group.onLeader { try run.store.read(run.model, from: checkpoint) }
    if let average, self.state.globalStep > 0 {
      try spreadWeights()
      average.takeUp()
      let own = checkpoint.appendingPathComponent(fileName(WeightAverage.stem))
      try group.onLeader {
        do {
          try average.restore(try run.optimizerFormat.open(own))
        } catch let error as GraftError {
          throw error.inFile(own.path)
        }
      }
    }
    let file = checkpoint.appendingPathComponent(optimizerName)
    do {
      let moments = try groupReduction?.receivedState { try run.optimizerFormat.open(file) }
      try optimizer.restore(moments ?? run.optimizerFormat.open(file))
    } catch let error as GraftError {
      throw error.inFile(file.path)
    }
  }

  private var optimizerName: String { fileName("optimizer") }

  /// The name of a file of numbers beside the model.
  private func fileName(_ stem: String) -> String {
    let name = type(of: run.optimizerFormat).fileNames.first ?? "model.bin"
    return "\(stem).\((name as NSString).pathExtension)"
  }

  func writeState(in directory: URL) throws {
    try write(state.document(plan, options, directory: run.output), TrainerState.fileName, in: directory)
  }

  func write(_ text: String, _ name: String, in directory: URL) throws {
    try FileWriter.write(directory.appendingPathComponent(name), text: text)
  }
}
