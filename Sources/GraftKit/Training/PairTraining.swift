import GraftCore
import GraftTensors

extension Checkpoint {
  /// Settles what the active head learns where it has one label: scores of pairs, as a cross-encoder does, or numbers, as
  /// the classes of transformers do where nothing else is said.
  ///
  /// - Throws: `GraftError` when a loss is given to a head that has not one label, or the labels cannot be read.
  package mutating func settlePairs(_ options: TrainingOptions) throws {
    guard let loss = options.pairLoss else {
      if !scoresPairs { try settleProblemType() }
      return
    }
    guard try givesOneNumber else {
      throw GraftError(
        .refused, problem(ofHead: "does not give each text one number"), option: "loss",
        expected: "a head with one label",
        advice:
          "Leave out the option, or give it such a head: \(action: .swapHead(to: "NAME", labels: "score"))."
      )
    }
    switch loss {
    case .binaryCrossEntropy:
      scorePairs(maximumLength: min(options.maxLength, try makeBackbone().maximumLength))
    case .meanSquaredError: predictNumbers()
    }
  }

  /// Settles that scores of pairs are logits, where the active head learns numbers from pairs.
  ///
  /// - Throws: `GraftError` when the labels cannot be read.
  mutating func settleActivation(learningFrom rows: [TextRow]) throws {
    guard learnsNumbers, crossEncoder?.activation != .identity, try givesOneNumber else { return }
    if rows.contains(where: { $0.pair != nil }) { predictNumbers() }
  }

  /// Whether the active head gives each text one number.
  var givesOneNumber: Bool {
    get throws {
      try activeHead?.tasks.contains { $0.settingKeys.contains("problem_type") } == true
        && configuration.labels().count == 1
    }
  }
}
