import GraftTensors

/// How labels are read.
public struct LabelReading: Sendable {
  /// The number of the first label, when the data number theirs; `nil` means 0, and that a name which looks like a
  /// number is a name.
  public var base: Int?
  /// Whether somebody said the base of these rows: labels that are not counted are then refused. Not so where it is that of
  /// other rows.
  public var isBaseGiven: Bool
  /// The name of the column, where the labels stand in one that has a name.
  public var column: String?
  /// Whether every row needs a label. Not so where another head learns from the same rows without.
  public var isRequired: Bool
  /// The names of the data's columns that are not read: perhaps one of them has the labels.
  public var unread: [String]

  public init(
    base: Int? = nil, isBaseGiven: Bool = true, column: String? = nil, isRequired: Bool = true,
    unread: [String] = []
  ) {
    self.unread = unread
    self.base = base
    self.column = column
    self.isBaseGiven = isBaseGiven
    self.isRequired = isRequired
  }

  /// Refuses a base that was given for labels which are not counted.
  ///
  /// - Parameters:
  ///   - problem: What the labels are instead, in a sentence without a full stop.
  ///   - found: One of them.
  ///   - rows: Whose labels they are.
  public func refuseBase(_ problem: String, found: String? = nil, of rows: [TextRow]) throws {
    guard base != nil, isBaseGiven else { return }
    throw GraftError(
      .refused, problem, file: rows.first?.place.file, option: "label-base",
      found: found.map { "'\(LabelColumn.trimmed($0).prefix(60))'" }, advice: "Leave it out.")
  }
}
