import GraftKit

/// How a model is trained on data of some size and kind: places to begin from, which the experiment's comments explain.
struct DraftChoices: Equatable {
  let kind: DataSurvey.Kind
  let hasPairs: Bool
  let lengths: DataSurvey.Lengths
  let epochs: Int
  let batchSize: Int
  let maxLength: Int
  /// As the file spells it: small models learn with larger steps, as those of BERT's smaller sizes were published with.
  let learningRate: String
  /// Whether more than one text of a hundred is cut.
  let cutsTexts: Bool
  /// How many times as many rows as the rarest label the most frequent has; of one label for each text alone.
  let imbalance: Double?
  /// Whether the task reads rows that are too long in windows.
  let readsWindows: Bool
  /// The score by which evaluations are compared best.
  let score: String

  /// From here on rare labels count more.
  static let muchImbalance = 3.0
  static let littleImbalance = 1.5
  private static let lengthStep = 16
  private static let leastLength = 32
  private static let usualLimit = 512
  /// Models whose hidden states are no wider are small.
  private static let smallWidth = 256

  init(_ survey: DataSurvey, trainingRows: Int, limit: Int?, hiddenSize: Int?) {
    learningRate = hiddenSize.map { $0 <= Self.smallWidth } == true ? "3e-4" : "5e-5"
    kind = survey.kind
    (hasPairs, lengths) = (survey.hasPairs, survey.lengths)
    epochs =
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
    cutsTexts = survey.lengths.most > maxLength && !survey.readsWindows
    batchSize = trainingRows >= 2000 && maxLength <= 128 ? 32 : 16
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
}
