import GraftCore

/// Everything that is wrong with a file, gathered so that it can be said at once.
final class Mistakes {
  private var found: [(place: YAMLValue.Place, sentence: String)] = []

  var isEmpty: Bool { found.isEmpty }

  /// - Parameter sentence: Lower case, no full stop.
  func add(_ place: YAMLValue.Place, _ sentence: String) { found.append((place, sentence)) }

  /// - Throws: One `GraftError` with a line for each mistake, when there is any.
  func check() throws {
    guard !found.isEmpty else { return }
    let lines = found.sorted { $0.place < $1.place }.map { "\($0.place): \($0.sentence)" }
    guard lines.count > 1 else { throw GraftError(.malformed, lines[0]) }
    throw GraftError(.malformed, "\(lines.count) mistakes:\n  " + lines.joined(separator: ".\n  "))
  }

  /// Adds an error as a mistake.
  func add(_ place: YAMLValue.Place, _ error: any Error) {
    var sentence = String(describing: error)
    if sentence.hasSuffix(".") { sentence.removeLast() }
    add(place, sentence)
  }
}

/// Reads the keys of a mapping, and notes what is wrong with them.
///
/// What was asked for is what is allowed: ``finish()`` finds every other key a mistake.
final class MappingReader {
  let mistakes: Mistakes
  let place: YAMLValue.Place
  let isMapping: Bool
  private let what: String
  private let members: [(key: YAMLValue, value: YAMLValue)]
  private var known: [String] = []

  /// - Parameter what: For messages: "a data set".
  init(_ value: YAMLValue, _ what: String, _ mistakes: Mistakes) {
    (self.what, self.mistakes, place) = (what, mistakes, value.place)
    if case .mapping(let members) = value.content {
      (self.members, isMapping) = (members, true)
    } else {
      (members, isMapping) = ([], false)
      mistakes.add(value.place, "\(what) has to be a mapping of keys to values; found \(value.kind)")
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
    if value == nil, isMapping { mistakes.add(place, "\(what) needs the key '\(key)'") }
    return value
  }

  /// All keys that are texts.
  var names: [String] { members.compactMap(\.key.text) }

  /// Keys that name things, in their order.
  var entries: [(name: String, place: YAMLValue.Place, value: YAMLValue)] {
    members.compactMap { key, value in
      guard let name = key.text, !name.isEmpty else {
        mistakes.add(key.place, "a name has to be a text; found \(key.kind)")
        return nil
      }
      known.append(name)
      return (name, key.place, value)
    }
  }

  /// Puts the value of a key, when it is there, into a variable.
  func read<Value: YAMLReadable>(_ key: String, _ variable: inout Value) {
    if let value = self[key].flatMap({ parse(key, $0) as Value? }) { variable = value }
  }

  func read<Value: YAMLReadable>(_ key: String, _ variable: inout Value?) {
    if let value = self[key].flatMap({ parse(key, $0) as Value? }) { variable = value }
  }

  /// The value of a key, read as whatever is wanted.
  func read<Value: YAMLReadable>(_ key: String) -> Value? { self[key].flatMap { parse(key, $0) } }

  /// A list of values; one alone counts as a list of one.
  func list<Value: YAMLReadable>(_ key: String) -> [Value]? {
    guard let value = self[key] else { return nil }
    guard case .list(let items) = value.content else { return (parse(key, value) as Value?).map { [$0] } }
    if items.isEmpty { mistakes.add(value.place, "'\(key)' is an empty list") }
    return items.compactMap { parse(key, $0) }
  }

  private func parse<Value: YAMLReadable>(_ key: String, _ value: YAMLValue) -> Value? {
    if let text = value.text, let parsed = Value(yaml: text) { return parsed }
    mistakes.add(value.place, "'\(key)' has to be \(Value.expectation); found \(value.kind)")
    return nil
  }

  /// Notes every key that nothing asked for.
  func finish() {
    for (key, _) in members {
      guard let name = key.text else {
        mistakes.add(key.place, "a key has to be a text; found \(key.kind)")
        continue
      }
      if !known.contains(name) {
        mistakes.add(key.place, "\(what) has no key '\(name)'\(Spelling.suggestion(for: name, among: known))")
      }
    }
  }
}

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
extension StorageType: YAMLReadable {}

/// Names that were perhaps meant.
enum Spelling {
  /// "; the nearest is 'epochs'" when a known name is near, else "; known: …".
  static func suggestion(for name: String, among known: some Collection<String>) -> String {
    if let nearest = nearest(to: name, among: known) { return "; the nearest is '\(nearest)'" }
    return known.isEmpty ? "" : "; known: \(known.joined(separator: ", "))"
  }

  /// The name that was perhaps meant.
  static func nearest(to name: String, among known: some Collection<String>) -> String? {
    let nearest = known.map { ($0, distance(name, $0)) }.min { $0.1 < $1.1 }
    guard let (candidate, distance) = nearest else { return nil }
    return distance <= max(1, min(name.count, candidate.count) / 2) ? candidate : nil
  }

  /// How many letters have to be put in, taken out, changed or exchanged with their neighbour to make one text
  /// of another; no more than 64 letters of each are looked at.
  static func distance(_ first: String, _ second: String) -> Int {
    let (a, b) = (Array(first.prefix(64)), Array(second.prefix(64)))
    var rows = [Array(0...b.count)]
    for i in 0..<a.count {
      var row = [i + 1]
      for j in 0..<b.count {
        var best = min(rows[i][j] + (a[i] == b[j] ? 0 : 1), rows[i][j + 1] + 1, row[j] + 1)
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, rows[i - 1][j - 1] + 1) }
        row.append(best)
      }
      rows.append(row)
    }
    return rows[a.count][b.count]
  }
}
