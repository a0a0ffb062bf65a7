import GraftTensors

/// How a run is cut into epochs, steps and batches.
///
/// An epoch is `batchesPerEpoch` batches, the last of which may be shorter. A step is
/// `gradientAccumulationSteps` batches; the last step of an epoch may have fewer.
///
/// Of a run with several heads an epoch is as many steps as the epochs of all heads' data together, and each step is one
/// head's; see ``HeadTurns``.
public struct TrainingPlan: Sendable, Equatable {
  /// The number of examples.
  public let examples: Int
  public let batchSize: Int
  public let batchesPerStep: Int
  public let batchesPerEpoch: Int
  public let stepsPerEpoch: Int
  /// The length of the whole run.
  public let totalSteps: Int
  /// How many epochs it takes, the last perhaps not to its end.
  public let epochs: Int
  /// Which head each step trains; `nil` of a run with one head.
  public let turns: HeadTurns?

  /// - Precondition: the options are valid and there is an example.
  package init(examples: Int, options: TrainingOptions) {
    self.examples = examples
    batchSize = options.batchSize
    batchesPerStep = options.gradientAccumulationSteps
    batchesPerEpoch = (examples - 1) / batchSize + 1
    stepsPerEpoch = (batchesPerEpoch - 1) / batchesPerStep + 1
    totalSteps = options.maxSteps ?? max(1, Int((options.epochs * Double(stepsPerEpoch)).rounded(.up)))
    epochs = (totalSteps - 1) / stepsPerEpoch + 1
    turns = nil
  }

  /// A run that may have several heads.
  ///
  /// - Parameters:
  ///   - examples: How many examples each head has.
  ///   - weights: What share of the steps each has, up to a factor; `nil` goes through each head's data once in an epoch.
  /// - Precondition: the options are valid, and every head has an example.
  package init(examples: [Int], weights: [Double]? = nil, options: TrainingOptions) {
    let parts = examples.map { TrainingPlan(examples: $0, options: options) }
    guard parts.count > 1 else {
      self = parts[0]
      return
    }
    let turns = HeadTurns(parts, weights: weights, options)
    self.examples = examples.reduce(0, +)
    batchSize = options.batchSize
    batchesPerStep = options.gradientAccumulationSteps
    batchesPerEpoch = parts.reduce(0) { $0 + $1.batchesPerEpoch }
    stepsPerEpoch = turns.stepsPerEpoch
    totalSteps = options.maxSteps ?? max(1, Int((options.epochs * Double(stepsPerEpoch)).rounded(.up)))
    epochs = (totalSteps - 1) / stepsPerEpoch + 1
    self.turns = turns
  }

  /// The epoch of a step, both from 0.
  func epoch(ofStep step: Int) -> Int { step / stepsPerEpoch }

  /// The batches of a step, counted within its epoch.
  func batches(ofStep step: Int) -> Range<Int> {
    let first = step % stepsPerEpoch * batchesPerStep
    return first..<min(first + batchesPerStep, batchesPerEpoch)
  }

  /// The examples of a batch of an epoch, as places in the epoch's order.
  func examples(ofBatch batch: Int) -> Range<Int> {
    batch * batchSize..<min((batch + 1) * batchSize, examples)
  }

  /// How many epochs have passed after a number of steps: what logs call `epoch`.
  func epochs(after steps: Int) -> Double {
    guard steps > 0 else { return 0 }
    if turns != nil { return Double(steps) / Double(stepsPerEpoch) }
    let last = steps - 1
    return Double(epoch(ofStep: last)) + Double(batches(ofStep: last).upperBound) / Double(batchesPerEpoch)
  }
}

extension TrainingPlan {
  /// Makes sure that every rank has something to do in every full step.
  ///
  /// - Throws: `GraftError` when there are fewer batches than ranks.
  package func checkRanks(_ group: any ProcessGroup) throws {
    for part in turns?.parts ?? [self] {
      let most = min(part.batchesPerStep, part.batchesPerEpoch)
      guard most < group.size else { continue }
      let isShort = part.batchesPerEpoch < group.size
      throw GraftError(
        .refused, "there are more ranks than batches in \(isShort ? "the data" : "a step")",
        expected: "at most \(NumberText.count(most, "rank"))", found: "\(group.size)",
        advice: isShort
          ? "Start fewer, or lower \(option: "batch-size"): there are \(part.examples) examples."
          : "Start fewer.")
    }
  }
}
