/// One row of data: a text, perhaps a second one, and what is said about it.
public struct TextRow: Sendable, Equatable {
  /// The text, or its columns joined.
  public var text: String
  /// The second sequence of a pair.
  public var pair: String?
  /// The label as it is written in the file; ``LabelReader`` makes sense of it.
  public var label: WrittenLabel?
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
    /// The path.
    public var file: String
    /// Counted from 1, the header included, as a spreadsheet counts.
    public var row: Int
    /// Counted from 0 among the file's rows of data, as `datasets` counts.
    public var index: Int

    /// A row of a file; none, for rows made in memory.
    public init(file: String = "", row: Int = 0, index: Int = 0) {
      self.file = file
      self.row = row
      self.index = index
    }
  }
}

/// A label before its meaning is known.
public enum WrittenLabel: Sendable, Hashable {
  /// A name or a number.
  case text(String)
  /// A JSON list of names or numbers.
  case list([String])
}
