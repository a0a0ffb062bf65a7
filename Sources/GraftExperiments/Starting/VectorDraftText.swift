import GraftKit

/// Experiments that learn vectors for texts.
extension ExperimentDraft {
  /// Positives are told apart from the other texts of a batch: fewer rows than this teach little.
  private static let leastBatch = 32

  /// Stages and arms for rows of texts that belong together, or of two texts with a score.
  func vectorStages(_ task: String, _ columns: [String]) -> [String] {
    let isScored = columns.contains("score")
    let hasNegatives = columns.contains { $0.hasPrefix("negative") }
    let kind =
      isScored
      ? [
        "# Pairs with scores: the vectors of two texts become the more alike the higher their score is.",
        "# A model that reads both texts of a pair at once scores them better, and has no vectors to search with.",
        "# For such a regression or cross-encoder name text-column, pair-column and label-column in 'data', and put",
        "# a head with num-labels: 1 on; with 'loss: binary-cross-entropy' and scores from 0 to 1 it is a cross-encoder.",
      ]
      : hasNegatives
        ? [
          "# Texts with one that belongs to each and such as do not: the vectors of the first two become alike, and",
          "# are told apart from those of the negatives and of all other texts of a batch.",
        ]
        : [
          "# Pairs of texts that belong together: their vectors become alike, and are told apart from those of all",
          "# other texts of a batch. Where some pairs do not belong together, a column 'score' says so.",
        ]
    var lines = ["stages:"] + kind.map { "  \($0)" } + ["  learn:", "    train: train", "    task: \(task)"]
    lines += trainingLines(
      epochs: choices.usualEpochs, batchSize: isScored ? nil : max(choices.batchSize, Self.leastBatch)
    ).map { "    \($0)" }
    if hasNegatives {
      lines += ["    # To learn from each row alone:", "    # loss: triplet"]
    }
    return lines + [
      "  test:", "    evaluate: test", "    task: \(task)", "", "arms:",
      "  # The checkpoint as it is, to compare with.", "  before: [test]", "  learnt: [learn, test]",
    ]
  }
}
