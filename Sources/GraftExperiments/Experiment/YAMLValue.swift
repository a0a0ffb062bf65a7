import Foundation
import GraftKit
import GraftTensors
import OrderedCollections
import Yams

/// A value of a YAML file, and where it stands.
///
/// Scalars keep the spelling that they have: whoever reads one knows whether it should be a number or a text, so
/// that a label `no` or a name `1e3` stays what it is.
struct YAMLValue: Sendable {
  enum Content: Sendable {
    case scalar(String)
    case list([YAMLValue])
    case mapping([(key: YAMLValue, value: YAMLValue)])
  }

  let content: Content
  let place: Place

  /// A line and a column, counted from 1.
  struct Place: Sendable, Comparable, CustomStringConvertible {
    var line: Int
    var column: Int

    var description: String { "\(line):\(column)" }

    static func < (first: Place, second: Place) -> Bool {
      (first.line, first.column) < (second.line, second.column)
    }
  }

  var text: String? {
    if case .scalar(let text) = content { text } else { nil }
  }

  var isEmptyList: Bool {
    if case .list(let items) = content { items.isEmpty } else { false }
  }

  /// What kind of value it is, for messages.
  var kind: String {
    switch content {
    case .scalar(let text): text.isEmpty ? "nothing" : "'\(text.prefix(60))'"
    case .list: "a list"
    case .mapping: "a mapping"
    }
  }

  /// The value as data: integers and decimals as numbers, the rest as texts.
  var json: JSON {
    switch content {
    case .scalar("true"): true
    case .scalar("false"): false
    case .scalar(""): .null
    case .scalar(let text):
      if let number = UInt64(text) {
        .number(String(number))
      } else if let number = Int(text) {
        JSON(number)
      } else {
        Double(text: text).map { JSON($0) } ?? .string(text)
      }
    case .list(let items): .array(items.map(\.json))
    case .mapping(let members):
      .object(
        OrderedDictionary(
          members.map { ($0.key.text ?? "", $0.value.json) }, uniquingKeysWith: { first, _ in first }))
    }
  }
}

extension YAMLValue {
  private static let largestFile = 1 << 20
  private static let deepest = 8
  /// Anchors and aliases expand a small file without bound. A few are let through, to be refused with their place.
  private static let mostReferences = 16

  /// Parses a YAML document.
  ///
  /// - Throws: `GraftError` when it is no YAML, or larger or deeper than any experiment, and when it has anchors.
  init(parsing bytes: [UInt8]) throws {
    guard bytes.count <= Self.largestFile else {
      throw GraftError(
        .malformed, "too large for an experiment", expected: "at most \(Self.largestFile) bytes",
        found: "\(bytes.count)")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw GraftError(.malformed, "invalid UTF-8", advice: "Convert the file first.")
    }
    guard Self.references(in: bytes) <= Self.mostReferences else {
      throw GraftError.references(at: nil)
    }
    do {
      let parser = try Parser(yaml: text, encoding: .utf8)
      // Nodes know their anchors as long as the parser lives.
      let root = try withExtendedLifetime(parser) {
        try parser.singleRoot().map { try YAMLValue($0, depth: 0) }
      }
      guard let root else {
        throw GraftError(.malformed, "the file is empty", expected: "an experiment")
      }
      self = root
    } catch let error as YamlError {
      throw GraftError(yaml: error)
    }
  }

  private init(_ node: Node, depth: Int) throws {
    let place = Place(line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
    func child(_ node: Node) throws -> YAMLValue { try YAMLValue(node, depth: depth + 1) }
    self.place = place
    guard node.anchor == nil else { throw GraftError.references(at: place) }
    guard depth <= Self.deepest else {
      throw GraftError(.malformed, "nested too deeply for an experiment", subject: place.description)
    }
    switch node {
    case .scalar(let scalar):
      let isNull = scalar.style == .plain && ["~", "null", "Null", "NULL"].contains(scalar.string)
      content = .scalar(isNull ? "" : scalar.string)
    case .sequence(let items): content = .list(try items.map(child))
    case .mapping(let members):
      content = .mapping(try members.map { (try child($0.key), try child($0.value)) })
    case .alias: content = .scalar("")
    }
  }

  /// How many `&` and `*` stand where a YAML value begins: at least as many as there are anchors and aliases.
  ///
  /// Line breaks beyond ASCII (U+0085, U+2028, U+2029) and the byte order mark come before a value as well.
  private static func references(in bytes: [UInt8]) -> Int {
    zip([UInt8(ascii: "\n")] + bytes, bytes).count { before, byte in
      (byte == UInt8(ascii: "&") || byte == UInt8(ascii: "*"))
        && (before >= 0x80 || " \t\r\n[{,:?".utf8.contains(before))
    }
  }
}

extension GraftError {
  fileprivate static func references(at place: YAMLValue.Place?) -> GraftError {
    GraftError(
      .refused, "anchors and aliases are not read", subject: place?.description,
      advice: "Write the value itself; a stage that is used twice stands once under 'stages'.")
  }

  /// A document that is no YAML.
  fileprivate init(yaml error: YamlError) {
    let (problem, mark): (String, Mark?) =
      switch error {
      case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
        .composer(_, let problem, let mark, _):
        (problem, mark)
      case .duplicatedKeysInMapping(let keys, let context):
        ("'\(keys.first ?? "")' is given twice", context.mark)
      case .reader(let problem, _, _, _): (problem, nil)
      default: ("not YAML", nil)
      }
    self.init(.malformed, problem, subject: mark.map { "\($0.line):\($0.column)" } ?? "not YAML")
  }
}
