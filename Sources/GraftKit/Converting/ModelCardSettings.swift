import GraftCore
import GraftTensors

extension ModelCard {
  /// Settings with rows of their own.
  static let told: Set<String> = [
    "epochs", "batch-size", "gradient-accumulation-steps", "head-weights", "max-steps", "learning-rate",
    "lr-scheduler", "warmup-steps", "warmup-ratio", "weight-decay", "class-weights", "max-grad-norm",
    "max-length", "long-texts", "generator", "train-generator", "discriminator-weight", "seed", "dropout",
    "freeze-backbone", "optimizer",
  ]
  /// Settings that change only what is told of a run.
  static let unimportant: Set<String> = [
    "eval-strategy", "eval-on-start", "eval-steps", "eval-batch-size", "top-k", "logging-steps",
  ]

  /// What a model was trained with: the usual settings, and all others that are not at their defaults.
  static func settings(_ checkpoint: Checkpoint, _ facts: TrainingFacts) throws -> TextTable {
    let options = facts.options
    let warmup =
      options.warmupSteps == 0 && options.warmupRatio > 0
      ? "a share of \(NumberText.trimmed(options.warmupRatio)) of the steps"
      : NumberText.count(options.warmupSteps, "step")
    var rows = [
      ["learning rate", NumberText.trimmed(options.learningRate)],
      ["schedule", "\(options.schedule.rawValue), \(warmup) for warm-up"],
      ["batch size", String(options.batchSize)],
      ["batches in a step", String(options.gradientAccumulationSteps)],
      options.maxSteps.map { ["steps", NumberText.grouped($0)] } ?? [
        "epochs", NumberText.trimmed(options.epochs),
      ],
      ["optimizer", "\(options.optimizer), weight decay \(NumberText.trimmed(options.weightDecay))"],
      ["largest gradient norm", NumberText.trimmed(options.maxGradNorm)],
      ["longest text", NumberText.count(facts.maximumLength, "token")],
      ["seed", String(options.seed)],
      ["computed by", "\(facts.backend), \(facts.precision.rawValue)"],
    ]
    if let dropout = options.dropout { rows.append(["dropout", NumberText.trimmed(dropout)]) }
    if options.freezesBackbone { rows.append(["frozen", "the backbone"]) }
    switch options.classWeights {
    case .balanced?: rows.append(["class weights", ClassWeights.balancedName])
    case .given(let weights)?:
      let values = weights.sorted { $0.key < $1.key }.map { "\($0.key) \(NumberText.trimmed($0.value))" }
      rows.append(["class weights", values.joined(separator: ", ")])
    case nil: break
    }
    if let weights = options.headWeights {
      let shares = weights.sorted { $0.key < $1.key }.map { "\($0.key) \(NumberText.trimmed($0.value))" }
      rows.append(["shares of the steps", shares.joined(separator: ", ")])
    }
    if let generator = options.generator {
      rows.append([
        "generator",
        ModelCard.fileNames([generator])[0] + (options.trainsGenerator ? ", trained as well" : ""),
      ])
    }
    if options.trainsGenerator {
      rows.append([
        "weight of the head's loss beside the generator's", NumberText.trimmed(options.discriminatorWeight),
      ])
    }
    rows += try longTexts(checkpoint, options)
    let defaults = TrainingOptions()
    for setting in TrainingOptions.settings
    where setting.decidesResult && !told.contains(setting.name) && !unimportant.contains(setting.name) {
      let value = setting.json(options)
      if value != setting.json(defaults) {
        rows.append([setting.name.replacingOccurrences(of: "-", with: " "), text(value)])
      }
    }
    return TextTable(header: ["Setting", "Value"], rows: rows, words: 2)
  }

  /// What becomes of texts that are longer than the model reads, where the head does not cut them.
  private static func longTexts(_ checkpoint: Checkpoint, _ options: TrainingOptions) throws -> [[String]] {
    switch try checkpoint.longTexts {
    case .truncate: []
    case .headTail: [["long texts", "their start and their end"]]
    case .windows:
      [["long texts", "windows" + (options.stride == nil ? " that share a quarter of their tokens" : "")]]
    }
  }

  private static func text(_ value: JSON) -> String {
    if let members = value.object {
      // As the option has them: those that count once have no weight.
      return members.map { $0.value.double == 1 ? $0.key : "\($0.key)=\(text($0.value))" }
        .joined(separator: ", ")
    }
    if let items = value.array { return items.map(text).joined(separator: ", ") }
    if let isOn = value.bool { return isOn ? "yes" : "no" }
    return value.string ?? value.double.map { NumberText.trimmed($0) } ?? value.text()
  }
}

extension Checkpoint {
  /// What the active head makes of texts that are longer than the model reads.
  ///
  /// - Throws: `GraftError` when the configuration says something else.
  fileprivate var longTexts: LongTexts {
    get throws { try hasSetting(LongTexts.key) ? LongTexts(configuration) : .truncate }
  }

  /// What the active head does that other tools do not know of, so that they answer otherwise, in sentences.
  ///
  /// - Throws: `GraftError` when the configuration cannot be read.
  var notesOnOtherTools: [String] {
    get throws {
      var notes: [String] = []
      switch try longTexts {
      case .truncate: break
      case .headTail:
        notes.append(
          "the start and the end of a long text are read; other tools cut its end off, and answer otherwise")
      case .windows:
        notes.append("long texts are read in windows; other tools cut their end off, and answer otherwise")
      }
      if try keptThresholds != nil {
        notes.append(
          "labels are given by the thresholds under '\(Configuration.thresholdKey)' in config.json; other tools have one half for all"
        )
      }
      return notes
    }
  }
}
