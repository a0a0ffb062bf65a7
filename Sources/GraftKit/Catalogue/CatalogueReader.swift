import GraftCore
import GraftTensors

/// The members of one object of a catalogue.
struct CatalogueReader {
  let json: JSON

  /// A member, or `nil` when it is missing or `null`.
  ///
  /// - Parameters:
  ///   - expected: What the member holds, for the error.
  ///   - read: Returns `nil` for anything else.
  /// - Throws: `GraftError` naming the key.
  func optional<Value>(_ key: String, _ expected: String, _ read: (JSON) -> Value?) throws -> Value? {
    guard let member = json[key], member != .null else { return nil }
    guard let value = read(member) else {
      throw GraftError(
        .malformed, "wrong value", subject: "key '\(key)'", expected: expected, found: member.kind)
    }
    return value
  }

  /// A member that has to be there; see ``optional(_:_:_:)``.
  func required<Value>(_ key: String, _ expected: String, _ read: (JSON) -> Value?) throws -> Value {
    guard let value = try optional(key, expected, read) else {
      throw GraftError(
        .malformed, "wrong value", subject: "key '\(key)'", expected: expected, found: "nothing")
    }
    return value
  }
}

extension JSON {
  /// A list whose elements are all of a kind; `nil` for anything else, and for no elements.
  func list<Element>(of element: (JSON) -> Element?) -> [Element]? {
    guard let array, !array.isEmpty else { return nil }
    let elements = array.compactMap(element)
    return elements.count == array.count ? elements : nil
  }
}
