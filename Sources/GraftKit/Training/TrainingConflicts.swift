import GraftCore
import GraftTensors

extension TrainingOptions {
  /// An error for each setting that does not go with another.
  var conflicts: [GraftError] {
    scheduleConflicts + layerConflicts + stoppingConflicts + averageConflicts + sentenceConflicts
      + generatorConflicts
  }

  /// An error for each setting that needs evaluations, of a run without them.
  ///
  /// - Parameter hasData: Whether there is data to evaluate on.
  package func missingEvaluations(hasData: Bool) -> [GraftError] {
    let wanting = [
      ("load-best-model-at-end", loadsBestModelAtEnd), ("metric-for-best-model", metricForBestModel != nil),
      ("greater-is-better", greaterIsBetter != nil),
      ("early-stopping-patience", earlyStoppingPatience != nil),
    ]
    let names = wanting.filter(\.1).map(\.0)
    guard hasData else {
      let others = [
        ("tune-threshold", thresholdTuning != nil), ("top-k", topRanks != nil),
        ("eval-steps", evalSteps != nil),
      ]
      return (names + others.filter(\.1).map(\.0)).map { name in
        GraftError(
          .missing, "needs data to evaluate on", option: name,
          advice: "Pass \(option: "eval-data") or \(option: "eval-split").")
      }
    }
    return names.compactMap { name in
      evalStrategy == .no
        ? GraftError(
          .mismatch, "needs evaluations while the run goes on", option: name,
          advice: "Set \(option: "eval-strategy") to epoch or steps.") : nil
    }
  }

  private var averageConflicts: [GraftError] {
    guard let averageLast else { return [] }
    var found: [GraftError] = []
    func add(_ problem: String, _ advice: Advice) {
      found.append(GraftError(.mismatch, problem, option: "average-last", advice: advice))
    }
    if saveStrategy == .no {
      add("there are no checkpoints to average", "Set \(option: "save-strategy") to steps or epoch.")
    }
    if let saveTotalLimit, saveTotalLimit < averageLast {
      add(
        "fewer checkpoints are kept than are averaged",
        "Set \(option: "save-total-limit") to \(averageLast) or more, or leave it out.")
    }
    if emaDecay != nil {
      add("the weights are averaged already", "Leave out this option or \(option: "ema-decay").")
    }
    if loadsBestModelAtEnd {
      add(
        "a run ends either with a mean or with its best weights",
        "Leave out this option or \(option: "load-best-model-at-end").")
    }
    return found
  }

  private var layerConflicts: [GraftError] {
    var found: [GraftError] = []
    if freezesBackbone, unfreezeEverySteps != nil {
      found.append(
        GraftError(
          .mismatch, "the backbone is frozen to the end", option: "unfreeze-every-n-steps",
          advice: "Leave out this option or \(option: "freeze-backbone")."))
    }
    if freezesBackbone, layerDecay != 1 {
      found.append(
        GraftError(
          .mismatch, "is about the layers of the backbone, which is frozen", option: "layer-decay",
          advice: "Leave out this option or \(option: "freeze-backbone")."))
    }
    if headLearningRate != nil, learningRate <= 0 {
      found.append(
        GraftError(
          .mismatch, "has a rate of its own only beside one of the backbone", option: "head-learning-rate",
          advice: "Set \(option: "learning-rate") above 0, or pass \(option: "freeze-backbone")."))
    }
    return found
  }

  /// An error for each number of steps between what does not follow steps. Where options are set in Swift such numbers
  /// may stand.
  package var uselessIntervals: [GraftError] {
    let usual = TrainingOptions()
    return [
      ("save-steps", saveSteps != usual.saveSteps && saveStrategy != .steps, "checkpoints", "save-strategy"),
      ("eval-steps", evalSteps != nil && evalStrategy != .steps, "evaluations", "eval-strategy"),
    ].filter(\.1).map { name, _, what, strategy in
      GraftError(
        .mismatch, "\(what) do not follow steps", option: name,
        advice: "Leave it out, or set \(option: strategy) to \(Interval.steps.rawValue).")
    }
  }

  private var generatorConflicts: [GraftError] {
    guard trainsGenerator else {
      guard discriminatorWeight != TrainingOptions().discriminatorWeight else { return [] }
      return [
        GraftError(
          .mismatch, "counts only beside a generator that is trained", option: "discriminator-weight",
          advice: "Pass \(option: "train-generator"), or leave this option out.")
      ]
    }
    if generator == nil {
      return [
        GraftError(
          .missing, "there is no generator to train", option: "train-generator",
          advice: "Name its checkpoint with \(option: "generator").")
      ]
    }
    let layered = [
      ("freeze-backbone", freezesBackbone), ("unfreeze-every-n-steps", unfreezeEverySteps != nil),
      ("head-learning-rate", headLearningRate != nil), ("layer-decay", layerDecay != 1),
    ]
    return layered.filter(\.1).map { name, _ in
      GraftError(
        .mismatch, "a generator is trained whole, and at one learning rate with the model", option: name,
        advice: "Leave out this option or \(option: "train-generator").")
    }
  }

  private var stoppingConflicts: [GraftError] {
    guard earlyStoppingThreshold > 0, earlyStoppingPatience == nil else { return [] }
    return [
      GraftError(
        .mismatch, "says nothing without patience", option: "early-stopping-threshold",
        advice: "Set \(option: "early-stopping-patience").")
    ]
  }

  private var sentenceConflicts: [GraftError] {
    let (usual, loss) = (SentenceLossOptions(), sentenceLoss.loss)
    var conflicts: [GraftError] = []
    if loss == .cosine, let similarity = sentenceLoss.similarity, similarity != .cosine {
      conflicts.append(
        GraftError(
          .mismatch, "the loss 'cosine' compares vectors by their cosine", option: "loss-similarity",
          expected: VectorSimilarity.cosine.rawValue, found: similarity.rawValue))
    }
    if sentenceLoss.margin != usual.margin, loss != .triplet {
      conflicts.append(
        GraftError(
          .mismatch, "only the loss 'triplet' has a margin", option: "triplet-margin",
          advice: "Leave it out, or set \(option: "loss") to triplet to learn vectors for texts."))
    }
    if sentenceLoss.scale != usual.scale, let loss, loss == .triplet || loss == .cosine {
      conflicts.append(
        GraftError(
          .mismatch, "the loss '\(loss.rawValue)' does not multiply similarities", option: "loss-scale",
          advice: "Leave it out."))
    }
    return conflicts
  }

  private var scheduleConflicts: [GraftError] {
    let known = schedule.shapeKeys
    let strange = scheduleShape.given.filter { !known.contains($0) }.map { name in
      GraftError(
        .mismatch, "the schedule '\(schedule.rawValue)' has no '\(name)'", option: "lr-scheduler-kwargs",
        expected: known.isEmpty ? "nothing" : known.joined(separator: ", "), found: name)
    }
    let values = ScheduleShape.members.compactMap { name, path -> GraftError? in
      guard let value = scheduleShape[keyPath: path] else { return nil }
      let isWhole = value.rounded() == value
      let (isFine, expected) =
        switch name {
        case ScheduleShape.lastRateKey: (value >= 0, "0 or more")
        case ScheduleShape.cyclesKey where schedule == .cosineWithRestarts:
          (value >= 1 && isWhole, "a whole number, 1 or more")
        default: (value > 0, "a positive number")
        }
      return isFine
        ? nil
        : GraftError(
          .malformed, "wrong value of '\(name)'", option: "lr-scheduler-kwargs", expected: expected,
          found: "\(value)")
    }
    let last = scheduleShape.lastRate ?? ScheduleShape.defaultLastRate
    let tooHigh =
      schedule == .polynomial && learningRate > 0 && last >= learningRate
      ? [
        GraftError(
          .mismatch, "the learning rate at the end is not below the highest", option: "lr-scheduler-kwargs",
          expected: "'\(ScheduleShape.lastRateKey)' below \(learningRate)", found: "\(last)")
      ] : []
    return strange + values + tooHigh
  }
}

extension TrainingOptions {
  /// Makes sure that a run writes as many checkpoints as are averaged.
  package func checkAverage(_ plan: TrainingPlan) throws {
    guard let averageLast else { return }
    let interval = saveStrategy == .epoch ? plan.stepsPerEpoch : saveSteps
    let count = (plan.totalSteps - 1) / interval + 1
    guard count < averageLast else { return }
    throw GraftError(
      .mismatch, "the run writes fewer checkpoints than are averaged", option: "average-last",
      expected: "at most \(count)", found: "\(averageLast)",
      advice: saveStrategy == .epoch
        ? "A checkpoint is written after each epoch, and the run has \(count): train for more \(option: "epochs"), or save by steps: \(option: "save-strategy")."
        : "Save more often: \(option: "save-steps") is \(saveSteps), and the run has \(NumberText.count(plan.totalSteps, "step"))."
    )
  }
}
