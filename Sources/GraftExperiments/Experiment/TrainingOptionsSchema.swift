import GraftKit

extension TrainingOptions {
  /// The options of `graft train`, by their names. But for the end and the best, an experiment keeps one checkpoint
  /// at a time unless it says otherwise.
  init(reading keys: MappingReader) {
    self.init()
    saveTotalLimit = 1
    if keys["eval-data"] != nil { evalStrategy = .epoch }
    var noShuffle = false
    keys.read("epochs", &epochs)
    keys.read("batch-size", &batchSize)
    keys.read("gradient-accumulation-steps", &gradientAccumulationSteps)
    keys.read("max-steps", &maxSteps)
    keys.read("learning-rate", &learningRate)
    keys.read("lr-scheduler", &schedule)
    keys.read("warmup-steps", &warmupSteps)
    keys.read("weight-decay", &weightDecay)
    keys.read("max-grad-norm", &maxGradNorm)
    keys.read("max-length", &maxLength)
    keys.read("mlm-probability", &mlmProbability)
    keys.read("seed", &seed)
    keys.read("dropout", &dropout)
    keys.read("no-shuffle", &noShuffle)
    shuffles = !noShuffle
    keys.read("freeze-backbone", &freezesBackbone)
    keys.read("save-strategy", &saveStrategy)
    keys.read("save-steps", &saveSteps)
    keys.read("save-total-limit", &saveTotalLimit)
    keys.read("eval-strategy", &evalStrategy)
    keys.read("eval-on-start", &evalOnStart)
    keys.read("eval-steps", &evalSteps)
    keys.read("eval-batch-size", &evalBatchSize)
    keys.read("logging-steps", &loggingSteps)
    keys.read("optimizer", &optimizer)
    if let names: [String] = keys.list("report-to") { reportTo = names == ["none"] ? [] : names }
    for var error in problems {
      let key = error.option ?? ""
      (error.option, error.subject) = (nil, "'\(key)'")
      keys.mistakes.add(keys.place(of: key), error)
    }
  }
}
