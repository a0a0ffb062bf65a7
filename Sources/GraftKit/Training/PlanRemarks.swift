extension TrainingOptions {
  /// What a run never comes to, as it has fewer steps than that takes.
  func remarks(on plan: TrainingPlan) -> [TrainingNote] {
    var notes: [TrainingNote] = []
    let rising = warmupSteps(of: plan.totalSteps)
    if rising >= plan.totalSteps, learningRate > 0 {
      let last = learningRate(at: plan.totalSteps - 1, of: plan.totalSteps)
      notes.append(.warmupBeyondEnd(steps: rising, of: plan.totalSteps, rate: last))
    }
    if let unfreezeEverySteps, unfreezeEverySteps >= plan.totalSteps {
      notes.append(.unfreezingBeyondEnd(steps: unfreezeEverySteps, of: plan.totalSteps))
    }
    return notes
  }
}
