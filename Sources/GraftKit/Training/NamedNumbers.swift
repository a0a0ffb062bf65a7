import GraftTensors
import OrderedCollections

/// Numbers by name as people write them: `power=2,lr_end=0`, or a JSON object for names with commas.
package struct NamedNumbers {
  package let numbers: OrderedDictionary<String, Double>

  /// - Returns: `nil` when a part is no name with a number, or a name comes twice.
  package init?(text: String) {
    var numbers: OrderedDictionary<String, Double> = [:]
    func add(_ name: String, _ value: Double?) -> Bool {
      guard !name.isEmpty, let value, value.isFinite, numbers[name] == nil else { return false }
      numbers[name] = value
      return true
    }
    if text.first == "{" {
      guard let members = (try? JSON(parsing: text.utf8))?.object else { return nil }
      for (name, value) in members where !add(name, value.double) { return nil }
    } else {
      for part in text.split(separator: ",", omittingEmptySubsequences: false) {
        // A label may have a '=' of its own.
        guard let sign = part.lastIndex(of: "=") else { return nil }
        let name = part[..<sign].drop { $0 == " " }
        if !add(String(name), Double(part[part.index(after: sign)...])) { return nil }
      }
    }
    guard !numbers.isEmpty else { return nil }
    self.numbers = numbers
  }
}

extension ScheduleShape: OptionValue {
  package init?(text: String) {
    self.init()
    guard let given = NamedNumbers(text: text)?.numbers else { return nil }
    for (name, value) in given {
      guard let member = Self.members.first(where: { $0.key == name }) else { return nil }
      self[keyPath: member.value] = value
    }
  }

  package static var expectation: String {
    "numbers by name, such as power=2, of \(members.map(\.key).joined(separator: ", "))"
  }

  package var json: JSON {
    .object(
      Self.members.reduce(into: [:]) { members, member in
        if let value = self[keyPath: member.value] { members[member.key] = JSON(value) }
      })
  }

  /// The names of what is given.
  var given: [String] { Self.members.filter { self[keyPath: $0.value] != nil }.map(\.key) }
}
