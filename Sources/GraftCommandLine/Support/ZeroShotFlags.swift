import ArgumentParser
import Foundation
import GraftKit

/// Labels that a classifier of entailment is asked for.
struct ZeroShotFlags: ParsableArguments {
  @Option(help: ArgumentHelp("Labels to choose from, separated by commas.", valueName: "A,B,…"))
  var candidateLabels: String?

  @Option(
    help: ArgumentHelp(
      "The sentence about a label, which stands at '{}'. (default: \(ZeroShot.usualTemplate))",
      valueName: "TEXT"))
  var hypothesisTemplate: String?

  @Flag(help: "Score each candidate label alone: several can hold, or none.")
  var multiLabel = false

  func validate() throws {
    if candidateLabels == nil, hypothesisTemplate != nil || multiLabel {
      throw ValidationError("--hypothesis-template and --multi-label need --candidate-labels.")
    }
  }

  /// `nil` where the head's own labels are asked for.
  ///
  /// - Throws: `GraftError` when labels or template cannot be used.
  func question() throws -> ZeroShot? {
    try candidateLabels.map { list in
      try ZeroShot(
        labels: list.split(separator: ",", omittingEmptySubsequences: false).map {
          $0.trimmingCharacters(in: .whitespaces)
        },
        template: hypothesisTemplate ?? ZeroShot.usualTemplate, givesSeveral: multiLabel)
    }
  }
}
