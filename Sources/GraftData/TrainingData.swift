import GraftCore

/// Rows of data, and what is needed to read their labels and to name them in records.
public struct TrainingData: Sendable {
  public var rows: [TextRow]
  /// The names of the files, for the record of what a head was trained on.
  public var names: [String]
  /// The number of the first label in the data; see `LabelReader.base`.
  public var labelBase: Int?
  /// What was taken from each file.
  public var files: [DataFileReport] = []

  /// Rows of named files.
  public init(_ rows: [TextRow], named names: [String], labelBase: Int? = nil) {
    self.rows = rows
    self.names = names
    self.labelBase = labelBase
  }
}
