import GraftCompute
import GraftKit
import GraftTensors

/// What a scalar can be read as.
protocol YAMLReadable {
  init?(yaml text: String)
  /// "a whole number"
  static var expectation: String { get }
}

extension String: YAMLReadable {
  init?(yaml text: String) {
    if text.isEmpty { return nil }
    self = text
  }
  static var expectation: String { "a text" }
}

extension Int: YAMLReadable {
  init?(yaml text: String) { self.init(text) }
  static var expectation: String { "a whole number" }
}

extension UInt64: YAMLReadable {
  init?(yaml text: String) { self.init(text) }
  static var expectation: String { "a whole number, 0 or more" }
}

extension Double: YAMLReadable {
  init?(yaml text: String) {
    guard let value = Double(text), value.isFinite else { return nil }
    self = value
  }
  static var expectation: String { "a number" }
}

extension Float: YAMLReadable {
  init?(yaml text: String) {
    guard let value = Double(yaml: text) else { return nil }
    self.init(value)
  }
  static var expectation: String { Double.expectation }
}

extension Bool: YAMLReadable {
  init?(yaml text: String) { self.init(text) }
  static var expectation: String { "true or false" }
}

extension YAMLReadable where Self: RawRepresentable & CaseIterable, RawValue == String {
  init?(yaml text: String) { self.init(rawValue: text) }
  static var expectation: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

extension LearningRateSchedule: YAMLReadable {}
extension TrainingOptions.Interval: YAMLReadable {}
extension Precision: YAMLReadable {}
