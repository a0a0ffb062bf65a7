import ArgumentParser
import Foundation
import GraftCore
import GraftKit
import GraftTensors

/// Above which probability each of several labels is given.
struct ThresholdFlag: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      """
      Of several labels, give those whose probability is above this: one number, or one for each label. (default: what \
      the checkpoint keeps, else 0.5)
      """, valueName: "X[,X…]"))
  var threshold: String?

  func validate() throws {
    guard threshold != nil, thresholds == nil else { return }
    throw ValidationError("--threshold must be a number from 0 to below 1, or several with ',' between them.")
  }

  private var thresholds: [Double]? {
    guard let parts = threshold?.split(separator: ",", omittingEmptySubsequences: false) else { return nil }
    let numbers = parts.compactMap { Double($0.trimmingCharacters(in: .whitespaces)) }
    guard numbers.count == parts.count, numbers.allSatisfy({ (0..<1).contains($0) }) else { return nil }
    return numbers
  }

  /// Uses the threshold that was given.
  ///
  /// - Throws: `GraftError` when the checkpoint's head has none.
  func settle(_ checkpoint: inout Checkpoint) throws {
    if let thresholds { try checkpoint.setThresholds(thresholds) }
  }
}

/// What thresholds are chosen for.
enum ThresholdTuning: String, CaseIterable, ExpressibleByArgument {
  case none, global, label

  var tuning: MultiLabelScores.Tuning? {
    switch self {
    case .none: nil
    case .global: .global
    case .label: .label
    }
  }
}
