import ArgumentParser
import GraftCore
import GraftKit
import GraftTensors

/// How far a command does as a head was trained.
struct TrainedInputsFlags: ParsableArguments {
  @Flag(help: "Take single texts for a head that was trained on pairs.")
  var allowSingleTexts = false

  /// Refuses single texts for a head that was trained on pairs, and says when pairs are new to a head.
  ///
  /// - Throws: `GraftError` of kind `refused` naming the first such row.
  func check(_ rows: [TextRow], for checkpoint: Checkpoint, _ console: Console) throws {
    try requirePairs(in: rows, for: checkpoint, console)
    warnOfPairs(in: rows, for: checkpoint, console)
  }

  /// Refuses single texts for a head that was trained on pairs.
  ///
  /// - Throws: `GraftError` of kind `refused` naming the first such row.
  func requirePairs(in rows: [TextRow], for checkpoint: Checkpoint, _ console: Console) throws {
    do {
      let isFromFiles = rows.first.map { $0.place.row > 0 } == true
      try checkpoint.requirePairs(
        in: rows,
        advice:
          "\(isFromFiles ? "Name the column of the second text with --pair-column" : "Give the second text with --pair"), or pass --allow-single-texts."
      )
    } catch let error as GraftError {
      guard allowSingleTexts else { throw error }
      console.warn(error.problem)
    }
  }

  /// Says when pairs are new to a head.
  func warnOfPairs(in rows: [TextRow], for checkpoint: Checkpoint, _ console: Console) {
    if checkpoint.trainedInputs?.pairs == false, rows.contains(where: { $0.pair != nil }) {
      console.warn("the head was trained on single texts, and these are pairs")
    }
  }
}

extension StrideFlag {
  /// How many tokens windows share: what was given, else what the active head was trained with; `nil` is a quarter.
  func stride(for checkpoint: Checkpoint) -> Int? { stride ?? checkpoint.trainedInputs?.stride }
}

extension LengthFlag {
  /// The most tokens of a text: what was given, else what the active head was trained with; `nil` is the model's limit.
  func maxLength(for checkpoint: Checkpoint) -> Int? { maxLength ?? checkpoint.trainedInputs?.maxLength }

  /// Says so when more tokens are asked for than a model takes.
  func check(_ model: Model, _ console: Console) { check(limit: model.backbone.maximumLength, console) }

  /// The same of the most tokens that a model takes.
  func check(limit: Int, _ console: Console) {
    guard let maxLength, maxLength > limit else { return }
    console.warn(DatasetFacts.excess(maxLength, over: limit))
  }
}
