import GraftTensors

/// A column that a task reads beside the text, the pair and the label.
public struct TaskColumn: Sendable, Hashable {
  public let name: String
  /// Whether the column takes the text's place: such a row needs no text.
  public let replacesText: Bool
  /// Whether columns of the name with a number are read as well: `negative_1`, `negative_2`, or `ending0`, `ending1`.
  public let isNumbered: Bool
  /// Whether data with it, or with two of a numbered one, are the task's even where they could be texts with labels.
  public let decidesTask: Bool
  /// Whether it has lists or objects, also as the text of a cell, as JSON or Python writes them.
  public let hasLists: Bool
  /// Whether it says what is to be learnt: it is not read where labels are not wanted, and may be anything there.
  public let isLabel: Bool
  /// Whether it has places in the text, which is then never read as a list of words.
  public let hasPlaces: Bool

  public init(
    _ name: String, replacesText: Bool = false, isNumbered: Bool = false, decidesTask: Bool = false,
    hasLists: Bool = false, isLabel: Bool = false, hasPlaces: Bool = false
  ) {
    self.name = name
    self.replacesText = replacesText
    self.isNumbered = isNumbered
    self.decidesTask = decidesTask
    self.hasLists = hasLists
    self.isLabel = isLabel
    self.hasPlaces = hasPlaces
  }

  /// The columns of some names that it means, in their order.
  public func names(among columns: [String]) -> [String] {
    columns.filter { column in
      column == name
        || isNumbered && Self.number(of: column, after: name) != nil
    }
  }

  /// The number of a column that has one behind a name, with `_` between them or without.
  public static func number(of column: String, after name: String) -> Int? {
    guard column.hasPrefix(name) else { return nil }
    let rest = column.dropFirst(name.count)
    let digits = rest.first == "_" ? rest.dropFirst() : rest
    return digits.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(digits) : nil
  }
}
