import ArgumentParser
import GraftCompute
import GraftKit
import GraftTensors

extension LearningRateSchedule: ExpressibleByArgument {}
extension TrainingOptions.Interval: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}

/// The settings of a training run, named as transformers' `TrainingArguments` names them.
struct TrainingFlags: ParsableArguments {
  private static let defaults = TrainingOptions()

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How often the data is gone through; may be a fraction.", valueName: "N"))
  var epochs = defaults.epochs

  @Option(parsing: .unconditional, help: ArgumentHelp("Examples in a batch.", valueName: "N"))
  var batchSize = defaults.batchSize

  @Option(parsing: .unconditional, help: ArgumentHelp("The highest learning rate.", valueName: "X"))
  var learningRate = defaults.learningRate

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Decoupled weight decay; biases and LayerNorm are exempt.", valueName: "X"))
  var weightDecay = defaults.weightDecay

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Steps in which the learning rate rises from 0.", valueName: "N"))
  var warmupSteps = defaults.warmupSteps

  @Option(help: ArgumentHelp("How the learning rate goes on.", valueName: "CURVE"))
  var lrScheduler = defaults.schedule

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Clip the gradients' norm to this; 0 does not clip.", valueName: "X"))
  var maxGradNorm = defaults.maxGradNorm

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Cut texts to this many tokens; the model's own limit holds too.", valueName: "N"))
  var maxLength = defaults.maxLength

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The share of tokens that masked-language modelling hides.", valueName: "P"))
  var mlmProbability = defaults.mlmProbability

  @Option(parsing: .unconditional, help: ArgumentHelp("Seed of order, masks and dropout.", valueName: "S"))
  var seed = defaults.seed

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Dropout everywhere. (default: as config.json says)", valueName: "P"))
  var dropout: Double?

  @Flag(help: "Go through the data in its own order.")
  var noShuffle = false

  @Flag(help: "Train the head alone.")
  var freezeBackbone = false

  @Option(parsing: .unconditional, help: ArgumentHelp("Batches in a step.", valueName: "N"))
  var gradientAccumulationSteps = defaults.gradientAccumulationSteps

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("End after this many steps, whatever --epochs says.", valueName: "N"))
  var maxSteps: Int?

  @Option(help: ArgumentHelp("When checkpoints are written.", valueName: "WHEN"))
  var saveStrategy = defaults.saveStrategy

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Steps from one checkpoint to the next.", valueName: "N"))
  var saveSteps = defaults.saveSteps

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Keep this many checkpoints; the newest and the best stay in any case. (default: all)", valueName: "N"))
  var saveTotalLimit: Int?

  @Option(
    help: ArgumentHelp(
      "When the model is evaluated. (default: epoch with --eval-data, else no)", valueName: "WHEN"))
  var evalStrategy: TrainingOptions.Interval?

  @Flag(help: "Evaluate before the first step as well.")
  var evalOnStart = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Steps from one evaluation to the next. (default: --logging-steps)", valueName: "N"))
  var evalSteps: Int?

  @Option(parsing: .unconditional, help: ArgumentHelp("Examples in a batch when evaluating.", valueName: "N"))
  var evalBatchSize = defaults.evalBatchSize

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Steps from one line of the log to the next.", valueName: "N")
  )
  var loggingSteps = defaults.loggingSteps

  @Option(
    help: ArgumentHelp(
      "What linear layers multiply in; sums, weights and all else stay in float32.",
      valueName: "TYPE"))
  var precision = Precision.float32

  @Option(help: ArgumentHelp("The update rule; 'graft plugins' lists them.", valueName: "NAME"))
  var optimizer = defaults.optimizer

  @Option(
    help: ArgumentHelp(
      "What plots the run, from files in DIR/runs; 'graft plugins' lists them, 'none' is nothing.",
      valueName: "NAME"))
  var reportTo = defaults.reportTo.joined(separator: ",")

  func validate() throws {
    do {
      try options(evaluating: false).validate()
    } catch let error as GraftError {
      throw ValidationError(error.inCommandLineWords.description)
    }
  }

  /// - Parameter evaluating: Whether there is data to evaluate on.
  func options(evaluating: Bool) -> TrainingOptions {
    var options = TrainingOptions()
    options.epochs = epochs
    options.batchSize = batchSize
    options.gradientAccumulationSteps = gradientAccumulationSteps
    options.maxSteps = maxSteps
    options.learningRate = learningRate
    options.schedule = lrScheduler
    options.warmupSteps = warmupSteps
    options.weightDecay = weightDecay
    options.maxGradNorm = maxGradNorm
    options.maxLength = maxLength
    options.mlmProbability = mlmProbability
    options.seed = seed
    options.dropout = dropout
    options.shuffles = !noShuffle
    options.freezesBackbone = freezeBackbone
    options.saveStrategy = saveStrategy
    options.saveSteps = saveSteps
    options.saveTotalLimit = saveTotalLimit
    options.evalStrategy = evalStrategy ?? (evaluating ? .epoch : .no)
    options.evalOnStart = evalOnStart
    options.evalSteps = evalSteps
    options.evalBatchSize = evalBatchSize
    options.loggingSteps = loggingSteps
    options.optimizer = optimizer
    options.reportTo = reportTo == "none" ? [] : reportTo.split(separator: ",").map(String.init)
    return options
  }
}
