import Foundation
import GraftTensors
import OrderedCollections

/// One row of data: a text, perhaps a second one, and what is said about it.
public struct TextRow: Sendable, Equatable {
  /// The text, or its columns joined.
  public var text: String
  /// Whether somebody said what the text is. One that stands in the column `text` without being named gives way to a task's
  /// own columns; see ``replacement(among:)``.
  public var isTextNamed = true
  /// The second sequence of a pair.
  public var pair: String?
  /// The label as it is written in the file; the task makes sense of it.
  public var label: WrittenLabel?
  /// Other columns, by name: those that the task asks for; see ``Task/columns``.
  public var fields: OrderedDictionary<String, JSON> = [:]
  /// Where the row stands, for messages.
  public var place: Place

  /// A row, by default without a place.
  public init(_ text: String, pair: String? = nil, label: WrittenLabel? = nil, place: Place = Place()) {
    self.text = text
    self.pair = pair
    self.label = label
    self.place = place
  }

  /// A row of a file.
  public struct Place: Sendable, Hashable {
    /// What messages call a row.
    public enum Kind: String, Sendable, Codable {
      case row, question
    }

    /// The path.
    public var file: String
    /// Counted from 1, the header included, as a spreadsheet counts; of a document of questions, its questions.
    public var row: Int
    /// Counted from 0 among the file's rows of data, as `datasets` counts.
    public var index: Int
    /// What it is called.
    public var kind: Kind

    /// A row of a file; none, for rows made in memory.
    public init(file: String = "", row: Int = 0, index: Int = 0, kind: Kind = .row) {
      self.file = file
      self.row = row
      self.index = index
      self.kind = kind
    }

    /// `row 3`
    package var name: String { "\(kind.rawValue) \(row)" }
  }
}

extension TextRow {
  /// What takes the place of the text, where there is none or nobody named it: the first of some columns that has a value.
  public func replacement(among columns: [String]) -> (column: String, value: JSON)? {
    guard text.isEmpty || !isTextNamed else { return nil }
    // An empty cell has nothing to put in the place of a text.
    return columns.lazy.compactMap { name in fields[name].map { (column: name, value: $0) } }.first {
      $0.value != .null && (text.isEmpty || $0.value != .string(""))
    }
  }

  /// About how many bytes it takes in memory.
  package var memory: Int {
    var count = MemoryLayout<TextRow>.stride + text.utf8.count + (pair?.utf8.count ?? 0)
    switch label {
    case nil: break
    case .text(let text): count += text.utf8.count
    case .list(let items): count += items.reduce(0) { $0 + MemoryLayout<String>.stride + $1.utf8.count }
    case .columns(let columns): count += columns.count * MemoryLayout<WrittenLabel.Column>.stride
    }
    for (name, value) in fields { count += name.utf8.count + value.memory }
    return count
  }
}

extension JSON {
  /// About how many bytes it takes in memory.
  fileprivate var memory: Int {
    let own = MemoryLayout<JSON>.stride
    switch self {
    case .null, .bool: return own
    case .number(let text), .string(let text): return own + text.utf8.count
    case .array(let elements): return elements.reduce(own) { $0 + $1.memory }
    case .object(let members): return members.reduce(own) { $0 + $1.key.utf8.count + 16 + $1.value.memory }
    case .members(let members): return members.reduce(own) { $0 + $1.key.utf8.count + 16 + $1.value.memory }
    }
  }
}

/// A label before its meaning is known.
public enum WrittenLabel: Sendable, Hashable, Codable {
  /// A name or a number.
  case text(String)
  /// A JSON list of names or numbers.
  case list([String])
  /// Several columns: one for each label or value.
  case columns([Column])

  /// A cell with the name of its column, which is a number where there is no header.
  public struct Column: Sendable, Hashable, Codable {
    public let name: String
    public let text: String

    public init(name: String, text: String) {
      self.name = name
      self.text = text
    }
  }
}

extension WrittenLabel: CustomStringConvertible {
  /// For messages: the start of a text, the length of a list.
  public var description: String {
    switch self {
    case .text(let text): "'\(text.prefix(60))'"
    case .list(let items): "a list of \(items.count)"
    case .columns(let columns): "\(columns.count) columns"
    }
  }
}

extension TextRow {
  /// What a row is called in a sentence about some of many: `row 3`, or `row 3 of b.csv` where they are of several files.
  ///
  /// - Parameter rows: All of them.
  package func name(among rows: [TextRow]) -> String {
    let isAlone = rows.allSatisfy { $0.place.file == place.file }
    return "row \(place.row)" + (isAlone ? "" : " of \((place.file as NSString).lastPathComponent)")
  }
}

extension GraftError {
  /// This error with the place of a row of data.
  public func inRow(_ row: TextRow) -> GraftError {
    var error = self
    error.file = row.place.file.isEmpty ? nil : row.place.file
    // Rows that are in no file, such as texts of the command line, have no number.
    if row.place.row > 0 { error.subject = row.place.name }
    return error
  }
}
