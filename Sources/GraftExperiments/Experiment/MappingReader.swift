import GraftCore
import GraftKit

/// Reads the keys of a mapping, and notes what is wrong with them.
///
/// What was asked for is what is allowed: ``finish()`` finds every other key a mistake.
final class MappingReader {
  let diagnostics: Diagnostics
  let place: YAMLValue.Place
  let isMapping: Bool
  private let what: String
  private let members: [(key: YAMLValue, value: YAMLValue)]
  private var known: [String] = []

  /// - Parameter what: For messages: "a data set".
  init(_ value: YAMLValue, _ what: String, _ diagnostics: Diagnostics) {
    (self.what, self.diagnostics, place) = (what, diagnostics, value.place)
    if case .mapping(let members) = value.content {
      (self.members, isMapping) = (members, true)
    } else {
      (members, isMapping) = ([], false)
      diagnostics.add(value.place, "\(what) has to be a mapping of keys to values; found \(value.kind)")
    }
  }

  /// The value of a key, if it is there.
  subscript(key: String) -> YAMLValue? {
    if !known.contains(key) { known.append(key) }
    return members.first { $0.key.text == key }?.value
  }

  /// Where a key's value stands, or else the mapping.
  func place(of key: String) -> YAMLValue.Place {
    members.first { $0.key.text == key }?.value.place ?? place
  }

  /// The value of a key that has to be there.
  func required(_ key: String) -> YAMLValue? {
    let value = self[key]
    if value == nil, isMapping { diagnostics.add(place, "\(what) needs the key '\(key)'") }
    return value
  }

  /// All keys that are texts.
  var names: [String] { members.compactMap(\.key.text) }

  /// Keys that name things, in their order.
  var entries: [(name: String, place: YAMLValue.Place, value: YAMLValue)] {
    members.compactMap { key, value in
      guard let name = key.text, !name.isEmpty else {
        diagnostics.add(key.place, "a name has to be a text; found \(key.kind)")
        return nil
      }
      known.append(name)
      return (name, key.place, value)
    }
  }

  /// Puts the value of a key, when it is there, into a variable.
  func read<Value: OptionValue>(_ key: String, _ variable: inout Value) {
    if let value = self[key].flatMap({ parse(key, $0) as Value? }) { variable = value }
  }

  func read<Value: OptionValue>(_ key: String, _ variable: inout Value?) {
    if let value = self[key].flatMap({ parse(key, $0) as Value? }) { variable = value }
  }

  /// Gives the text of a key, when it is there, to somebody who can read it.
  ///
  /// - Parameters:
  ///   - expectation: What the text has to be: "a whole number".
  ///   - parse: Returns whether it is that.
  func read(_ key: String, expecting expectation: String, _ parse: (String) -> Bool) {
    guard let value = self[key] else { return }
    if let text = value.text, parse(text) { return }
    diagnostics.add(value.place, "'\(key)' has to be \(expectation); found \(value.kind)")
  }

  /// The value of a key, read as whatever is wanted.
  func read<Value: OptionValue>(_ key: String) -> Value? { self[key].flatMap { parse(key, $0) } }

  /// A list of values; one alone counts as a list of one.
  func list<Value: OptionValue>(_ key: String) -> [Value]? {
    guard let value = self[key] else { return nil }
    guard case .list(let items) = value.content else { return (parse(key, value) as Value?).map { [$0] } }
    if items.isEmpty { diagnostics.add(value.place, "'\(key)' is an empty list") }
    return items.compactMap { parse(key, $0) }
  }

  private func parse<Value: OptionValue>(_ key: String, _ value: YAMLValue) -> Value? {
    if let text = value.text, let parsed = Value(text: text) { return parsed }
    diagnostics.add(value.place, "'\(key)' has to be \(Value.expectation); found \(value.kind)")
    return nil
  }

  /// Notes every key that nothing asked for.
  func finish() {
    for (key, _) in members {
      guard let name = key.text else {
        diagnostics.add(key.place, "a key has to be a text; found \(key.kind)")
        continue
      }
      if !known.contains(name) {
        diagnostics.add(
          key.place, "\(what) has no key '\(name)'\(NearestName.suggestion(for: name, among: known))")
      }
    }
  }
}
