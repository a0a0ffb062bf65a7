import GraftCore
import GraftTensors

/// A loss by its name, one of those of vectors for texts or of those of pairs.
package enum LossName: OptionValue {
  case vectors(SentenceLoss)
  case pairs(PairLoss)

  package init?(text: String) {
    if let loss = SentenceLoss(rawValue: text) {
      self = .vectors(loss)
    } else if let loss = PairLoss(rawValue: text) {
      self = .pairs(loss)
    } else {
      return nil
    }
  }

  /// All of them.
  package static let names = SentenceLoss.allCases.map(\.rawValue) + PairLoss.allCases.map(\.rawValue)

  package static var expectation: String { "one of \(names.joined(separator: ", "))" }

  package var json: JSON {
    switch self {
    case .vectors(let loss): .string(loss.rawValue)
    case .pairs(let loss): .string(loss.rawValue)
    }
  }
}

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
    guard activeHead?.tasks.contains(where: { $0.settingKeys.contains("problem_type") }) == true,
      try configuration.labels().count == 1
    else {
      throw GraftError(
        .refused, "the active head does not give each text one number", option: "loss",
        expected: "a head with one label", found: activeHead.map { "'\($0.name)'" } ?? "no head",
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
}
