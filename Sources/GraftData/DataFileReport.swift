/// What was taken from a data file.
public struct DataFileReport: Sendable, Equatable {
  /// The path, or "standard input".
  public var file: String
  public var format: DataFormat
  /// How many rows were read.
  public var rows = 0
  /// Where the text is from: columns by name, or by number from 1; none where the format has no columns.
  public var textColumns: [Column] = []
  public var pairColumn: Column?
  /// None where there is no label; several where labels have columns of their own.
  public var labelColumns: [Column] = []
  /// Columns that the task reads beside these, or in their place.
  public var taskColumns: [String] = []
  /// What stood between the labels of a cell, where that was said.
  public var labelDelimiter: String?
  /// Where there is no label: what columns there are that are not read, by their names.
  public var otherColumns: [String] = []
  /// What is not usual about the file: its compression, its encoding, its delimiter.
  public var remarks: [String] = []
}
