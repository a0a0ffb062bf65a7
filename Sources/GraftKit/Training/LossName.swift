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
