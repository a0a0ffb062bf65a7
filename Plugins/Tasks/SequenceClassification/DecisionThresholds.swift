import GraftCore
import GraftTensors

/// Above which probability a classifier of several labels gives each of them. It is kept with the head.
enum DecisionThresholds {
  /// The configuration's key: a number for all labels, or a list with one for each.
  static let key = "decision_threshold"
  static let usual: Float = 0.5

  /// The thresholds of a configuration, a half where it has none.
  ///
  /// - Throws: `GraftError` when there are not as many as labels, or one is not a probability below 1.
  static func read(_ configuration: Configuration, labels: Int) throws -> [Float] {
    guard let value = configuration[key] else { return [Float](repeating: usual, count: labels) }
    let numbers = value.array?.map(\.double) ?? [value.double]
    let thresholds = numbers.compactMap { $0.flatMap { (0..<1).contains($0) ? Float($0) : nil } }
    guard thresholds.count == numbers.count, value.array == nil || numbers.count == labels else {
      throw GraftError(
        .malformed, "wrong value", file: "config.json", subject: "key '\(key)'",
        expected: "a number from 0 to below 1, or a list of \(labels)", found: String(value.text().prefix(80))
      )
    }
    return value.array == nil ? [Float](repeating: thresholds[0], count: labels) : thresholds
  }
}
