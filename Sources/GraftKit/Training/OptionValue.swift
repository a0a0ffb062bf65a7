import GraftCompute
import GraftData
import GraftTensors

/// A type of setting that can be given as text, and be written to a record.
package protocol OptionValue: Sendable {
  init?(text: String)
  /// What a text has to be, for messages: "a whole number".
  static var expectation: String { get }
  var json: JSON { get }
}

extension String: OptionValue {
  package init?(text: String) {
    if text.isEmpty { return nil }
    self = text
  }
  package static var expectation: String { "a text" }
  package var json: JSON { JSON(self) }
}

extension Int: OptionValue {
  package init?(text: String) { self.init(text) }
  package static var expectation: String { "a whole number" }
  package var json: JSON { JSON(self) }
}

extension UInt64: OptionValue {
  package init?(text: String) { self.init(text) }
  package static var expectation: String { "a whole number, 0 or more" }
  package var json: JSON { .number(String(self)) }
}

extension Double: OptionValue {
  package init?(text: String) {
    guard let value = Double(text), value.isFinite else { return nil }
    self = value
  }
  package static var expectation: String { "a number" }
  package var json: JSON { JSON(self) }
}

extension Float: OptionValue {
  package init?(text: String) {
    guard let value = Double(text: text) else { return nil }
    self.init(value)
  }
  package static var expectation: String { Double.expectation }
  package var json: JSON { JSON(self) }
}

extension Bool: OptionValue {
  package init?(text: String) { self.init(text) }
  package static var expectation: String { "true or false" }
  package var json: JSON { JSON(self) }
}

/// Names with commas between them; `none` alone is an empty list.
extension [String]: OptionValue {
  package init?(text: String) {
    let names = text.split(separator: ",").map(String.init)
    guard names == ["none"] || !names.contains("none") else { return nil }
    self = names == ["none"] ? [] : names
  }
  package static var expectation: String { "a list of names, or 'none' alone" }
  package var json: JSON { .array(map { .string($0) }) }
}

/// Different positive numbers with commas between them, as the k of top-k accuracies are given.
package struct RankList: OptionValue, Equatable {
  package let values: [Int]

  package init(_ values: [Int]) { self.values = values }

  package init?(text: String) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { Int($0.trimmingPrefix(" ")) }.filter { $0 > 0 }
    guard numbers.count == parts.count, Set(numbers).count == numbers.count else { return nil }
    values = numbers
  }
  package static var expectation: String { "different positive numbers, as in 3,5" }
  package var json: JSON { .array(values.map { JSON($0) }) }
}

extension OptionValue where Self: RawRepresentable & CaseIterable, RawValue == String {
  package init?(text: String) { self.init(rawValue: text) }
  package static var expectation: String { allCases.map(\.rawValue).joined(separator: ", ") }
  package var json: JSON { JSON(rawValue) }
}

extension Precision: OptionValue {}
extension DataFormat: OptionValue {}
extension Quoting: OptionValue {}
