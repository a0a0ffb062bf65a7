import ArgumentParser
import GraftCompute
import GraftCore
import GraftKit
import GraftTensors

extension LearningRateSchedule: ExpressibleByArgument {}
extension TrainingOptions.Interval: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}
extension LongTexts: ExpressibleByArgument {}
extension MultiLabelScores.Tuning: ExpressibleByArgument {}
extension VectorSimilarity: ExpressibleByArgument {}

/// The settings of a training run, named as transformers' `TrainingArguments` names them.
///
/// ArgumentParser wants a property for each; what is said of them, and where their values go, comes from
/// ``TrainingOptions/settings``, by name.
struct TrainingFlags: ParsableArguments {
  private static let defaults = TrainingOptions()

  @Option(parsing: .unconditional, help: Self.help("epochs"))
  var epochs = defaults.epochs

  @Option(parsing: .unconditional, help: Self.help("batch-size"))
  var batchSize = defaults.batchSize

  @Option(parsing: .unconditional, help: Self.help("learning-rate"))
  var learningRate = defaults.learningRate

  @Option(parsing: .unconditional, help: Self.help("weight-decay"))
  var weightDecay = defaults.weightDecay

  @Option(parsing: .unconditional, help: Self.help("warmup-steps"))
  var warmupSteps = defaults.warmupSteps

  @Option(help: Self.help("lr-scheduler"))
  var lrScheduler = defaults.schedule

  @Option(help: Self.help("lr-scheduler-kwargs"))
  var lrSchedulerKwargs: String?

  @Option(parsing: .unconditional, help: Self.help("warmup-ratio"))
  var warmupRatio = defaults.warmupRatio

  @Option(parsing: .unconditional, help: Self.help("label-smoothing-factor"))
  var labelSmoothingFactor = defaults.labelSmoothingFactor

  @Option(help: Self.help("class-weights"))
  var classWeights: String?

  @Option(parsing: .unconditional, help: Self.help("focal-gamma"))
  var focalGamma = defaults.focalGamma

  @Option(parsing: .unconditional, help: Self.help("max-grad-norm"))
  var maxGradNorm = defaults.maxGradNorm

  @Option(parsing: .unconditional, help: Self.help("max-length"))
  var maxLength: Int?

  @Option(parsing: .unconditional, help: Self.help("stride"))
  var stride: Int?

  @Option(help: Self.help("long-texts"))
  var longTexts: LongTexts?

  @Flag(help: Self.help("label-all-tokens"))
  var labelAllTokens = false

  @Option(help: Self.help("tag-scheme"))
  var tagScheme: String?

  @Option(help: Self.help("loss"), completion: .list(LossName.names))
  var loss: String?

  @Option(parsing: .unconditional, help: Self.help("loss-scale"))
  var lossScale = defaults.sentenceLoss.scale

  @Option(help: Self.help("loss-similarity"))
  var lossSimilarity: VectorSimilarity?

  @Option(parsing: .unconditional, help: Self.help("triplet-margin"))
  var tripletMargin = defaults.sentenceLoss.margin

  @Option(help: Self.help("matryoshka"))
  var matryoshka: String?

  @Option(help: Self.help("pooling"))
  var pooling: SentencePooling.Mode?

  @Option(parsing: .unconditional, help: Self.help("mlm-probability"))
  var mlmProbability = defaults.mlmProbability

  @Option(help: Self.help("generator"), completion: .directory)
  var generator: String?

  @Flag(help: Self.help("train-generator"))
  var trainGenerator = false

  @Option(parsing: .unconditional, help: Self.help("discriminator-weight"))
  var discriminatorWeight = defaults.discriminatorWeight

  @Flag(help: Self.help("group-texts"))
  var groupTexts = false

  @Option(parsing: .unconditional, help: Self.help("seed"))
  var seed = defaults.seed

  @Option(parsing: .unconditional, help: Self.help("dropout"))
  var dropout: Double?

  @Flag(help: Self.help("no-shuffle"))
  var noShuffle = false

  @Flag(help: Self.help("freeze-backbone"))
  var freezeBackbone = false

  @Option(parsing: .unconditional, help: Self.help("gradient-accumulation-steps"))
  var gradientAccumulationSteps = defaults.gradientAccumulationSteps

  @Option(help: Self.help("head-weights"))
  var headWeights: String?

  @Option(parsing: .unconditional, help: Self.help("max-steps"))
  var maxSteps: Int?

  @Option(help: Self.help("save-strategy"))
  var saveStrategy = defaults.saveStrategy

  @Option(parsing: .unconditional, help: Self.help("save-steps"))
  var saveSteps = defaults.saveSteps

  @Option(parsing: .unconditional, help: Self.help("save-total-limit"))
  var saveTotalLimit: Int?

  @Option(help: Self.help("eval-strategy"))
  var evalStrategy: TrainingOptions.Interval?

  @Option(parsing: .unconditional, help: Self.help("eval-split"))
  var evalSplit: Double?

  @Flag(help: Self.help("eval-on-start"))
  var evalOnStart = false

  @Option(parsing: .unconditional, help: Self.help("eval-steps"))
  var evalSteps: Int?

  @Option(parsing: .unconditional, help: Self.help("eval-batch-size"))
  var evalBatchSize = defaults.evalBatchSize

  @Option(parsing: .unconditional, help: Self.help("head-learning-rate"))
  var headLearningRate: Double?

  @Option(parsing: .unconditional, help: Self.help("layer-decay"))
  var layerDecay = defaults.layerDecay

  @Option(parsing: .unconditional, help: Self.help("unfreeze-every-n-steps"))
  var unfreezeEveryNSteps: Int?

  @Option(parsing: .unconditional, help: Self.help("ema-decay"))
  var emaDecay: Double?

  @Option(parsing: .unconditional, help: Self.help("average-last"))
  var averageLast: Int?

  @Option(help: Self.help("top-k"))
  var topK: String?

  @Option(help: Self.help("tune-threshold"))
  var tuneThreshold: MultiLabelScores.Tuning?

  @Flag(help: Self.help("load-best-model-at-end"))
  var loadBestModelAtEnd = false

  @Option(help: Self.help("metric-for-best-model"))
  var metricForBestModel: String?

  @Option(parsing: .unconditional, help: Self.help("greater-is-better"))
  var greaterIsBetter: Bool?

  @Option(parsing: .unconditional, help: Self.help("early-stopping-patience"))
  var earlyStoppingPatience: Int?

  @Option(parsing: .unconditional, help: Self.help("early-stopping-threshold"))
  var earlyStoppingThreshold = defaults.earlyStoppingThreshold

  @Option(parsing: .unconditional, help: Self.help("logging-steps"))
  var loggingSteps = defaults.loggingSteps

  @Option(
    help: ArgumentHelp(
      "What linear layers and attention multiply in; sums, weights and all else stay in float32.",
      valueName: "TYPE"))
  var precision = Precision.float32

  @Option(help: Self.help("optimizer"), completion: .names { RegisteredNames.optimizers })
  var optimizer = defaults.optimizer

  @Option(help: Self.help("report-to"), completion: .names { RegisteredNames.metricsWriters })
  var reportTo = defaults.reportTo.joined(separator: ",")

  func validate() throws {
    do {
      try options(evaluating: false).validate()
    } catch let error as GraftError {
      throw ValidationError(error.inCommandLineWords.description)
    }
  }

  /// - Parameter evaluating: Whether there is data to evaluate on.
  /// - Throws: `ValidationError` for a text that is no value of its option.
  func options(evaluating: Bool) throws -> TrainingOptions {
    var options = TrainingOptions()
    options.evalStrategy = evaluating ? .epoch : .no
    let settings = Dictionary(uniqueKeysWithValues: TrainingOptions.settings.map { ($0.name, $0) })
    for (name, value) in flags {
      guard let setting = settings[name], let value, !setting.assign(value, &options) else { continue }
      throw ValidationError("--\(setting.name) has to be \(setting.expectation); found '\(value)'.")
    }
    return options
  }

  /// What is declared here, with its value if it has one, by the names of the flags.
  private var flags: [(name: String, value: Any?)] {
    Mirror(reflecting: self).children.compactMap { child in
      // The storage of a property wrapper is called as its property, with an underscore before it.
      guard let label = child.label, let flag = child.value as? any DeclaredFlag else { return nil }
      return (
        label.dropFirst().map { $0.isUppercase ? "-\($0.lowercased())" : String($0) }.joined(), flag.given
      )
    }
  }

  /// The names of the flags.
  var names: [String] { flags.map(\.name) }

  /// The help of a setting.
  private static func help(_ name: String) -> ArgumentHelp {
    guard let setting = TrainingOptions.settings.first(where: { $0.name == name }) else {
      preconditionFailure("no setting is called '\(name)'")
    }
    let fallback = setting.fallback.map { " (default: \($0.commandLineText))" } ?? ""
    return ArgumentHelp("\(setting.help.commandLineText)\(fallback)", valueName: setting.placeholder)
  }
}

/// A flag or an option, whatever its type.
private protocol DeclaredFlag {
  /// Its value, if it has one.
  var given: Any? { get }
}

extension Option: DeclaredFlag {
  fileprivate var given: Any? { flattened(wrappedValue) }
}

extension Flag: DeclaredFlag {
  fileprivate var given: Any? { flattened(wrappedValue) }
}

/// The value, or that of the optional that it is.
private func flattened<Value>(_ value: Value) -> Any? {
  guard let optional = value as? any OptionalValue else { return value }
  return optional.content
}

private protocol OptionalValue {
  var content: Any? { get }
}

extension Optional: OptionalValue {
  fileprivate var content: Any? { self }
}
