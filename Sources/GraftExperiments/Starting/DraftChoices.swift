import GraftKit

/// How a model is trained on data of some size and kind: places to begin from, which the experiment's comments explain.
struct DraftChoices: Equatable {
  let kind: DataSurvey.Kind
  let hasPairs: Bool
  let lengths: DataSurvey.Lengths
  /// So many that there are ``leastSteps`` steps, as far as that many are of any use.
  let epochs: Int
  /// How many are usual for so many rows, without regard to their steps.
  let usualEpochs: Int
  /// Rows that are trained on.
  let trainingRows: Int
  /// How many evaluations may pass without a better one.
  let patience: Int
  /// Whether the best of many epochs is kept, which rows that are held out decide. Answers and choices are soon learnt by
  /// heart; labels are told the better the more rows are trained on, so that these rows are held out where thresholds want
  /// them anyway.
  let keepsBest: Bool
  /// Whether the thresholds of several labels are chosen on such rows.
  let tunesThresholds: Bool
  /// The share of the rows that are held out for both.
  let evalSplit: String
  let batchSize: Int
  let maxLength: Int
  /// As the file spells it: small models learn with larger steps, as those of BERT's smaller sizes were published with.
  let learningRate: String
  /// Whether more than one text of a hundred is longer than that.
  let hasLongTexts: Bool
  /// How many times as many rows as the rarest label the most frequent has; of one label for each text alone.
  let imbalance: Double?
  /// Whether the task reads rows that are too long in windows.
  let readsWindows: Bool
  /// The score by which evaluations are compared best.
  let score: String

  /// From here on rare labels count more.
  static let muchImbalance = 3.0
  static let littleImbalance = 1.5
  /// A new head has learnt little before: bert-mini needs as many for nine labels, and twice as many where a text may have
  /// several, most of which it has not, or where an answer is searched for among all tokens: with fewer it learns to say that
  /// there is none.
  private static let leastSteps = 500
  private static let manySteps = 1000
  /// More change little.
  private static let mostEpochs = 60
  /// A part of fewer rows says too little of an epoch, and of the threshold of each label.
  private static let leastRowsToCompare = 50
  private static let leastRowsToTune = 500
  /// Fewer rows give a larger part.
  private static let manyRowsToSplit = 1000
  private static let lengthStep = 16
  private static let leastLength = 32
  private static let usualLimit = 512
  /// Models whose hidden states are no wider are small.
  private static let smallWidth = 256

  init(_ survey: DataSurvey, trainingRows: Int, limit: Int?, hiddenSize: Int?) {
    learningRate = hiddenSize.map { $0 <= Self.smallWidth } == true ? "3e-4" : "5e-5"
    kind = survey.kind
    (hasPairs, lengths) = (survey.hasPairs, survey.lengths)
    self.trainingRows = trainingRows
    usualEpochs =
      switch trainingRows {
      case ..<500: 10
      case ..<2000: 5
      case ..<20_000: 3
      case ..<200_000: 2
      default: 1
      }
    let rounded = (survey.lengths.most + Self.lengthStep - 1) / Self.lengthStep * Self.lengthStep
    let limit = min(limit ?? Self.usualLimit, Self.usualLimit)
    maxLength = min(limit, max(Self.leastLength, rounded))
    readsWindows = survey.readsWindows
    hasLongTexts = survey.lengths.most > maxLength
    batchSize = trainingRows >= 2000 && maxLength <= 128 ? 32 : 16
    let isOfSeveral = if case .several = survey.kind { true } else { false }
    let isWithoutLabels = if case .ofTask(_, let labels) = survey.kind { labels.isEmpty } else { false }
    let stepsPerEpoch = max(1, (trainingRows + batchSize - 1) / batchSize)
    let steps =
      isOfSeveral || isWithoutLabels && survey.readsWindows ? Self.manySteps : Self.leastSteps
    epochs = max(usualEpochs, min(Self.mostEpochs, (steps + stepsPerEpoch - 1) / stepsPerEpoch))
    patience = max(2, epochs / 5)
    tunesThresholds = isOfSeveral && trainingRows >= Self.leastRowsToTune
    keepsBest =
      epochs > usualEpochs && trainingRows >= Self.leastRowsToCompare
      && (isWithoutLabels || tunesThresholds)
    evalSplit = trainingRows >= Self.manyRowsToSplit ? "0.1" : "0.15"
    if case .classes(_, let counts) = kind, let least = counts.min(), let most = counts.max(), least > 0 {
      imbalance = Double(most) / Double(least)
    } else {
      imbalance = nil
    }
    score =
      switch kind {
      case .classes: imbalance.map { $0 >= Self.muchImbalance } == true ? "f1_macro" : "accuracy"
      // While no probability is above a half F1 stands still.
      case .several: "average_precision_micro"
      case .values: "spearman"
      case .texts: "loss"
      case .ofTask: survey.score
      }
  }

  /// Why there are so many epochs.
  func stepLines(_ epochs: Int, _ batchSize: Int) -> [String] {
    let steps = epochs * max(1, (trainingRows + batchSize - 1) / batchSize)
    return [
      "# \(NumberText.grouped(steps)) steps: below some hundred little is learnt, however small the data are."
    ]
  }
}
