import GraftCore
import GraftTensors

/// Rows of data, and what is needed to read their labels and to name them in records.
public struct TrainingData: Sendable {
  public var rows: [TextRow]
  /// The names of the files, for the record of what a head was trained on.
  public var names: [String]
  /// The number of the first label in the data; see `LabelReader.base`.
  public var labelBase: Int?
  /// Whether the base was said of these rows; see `LabelReading.isBaseGiven`.
  public var isLabelBaseGiven = true
  /// What was taken from each file.
  public var files: [DataFileReport] = []

  /// Rows of named files.
  public init(_ rows: [TextRow], named names: [String], labelBase: Int? = nil) {
    self.rows = rows
    self.names = names
    self.labelBase = labelBase
  }
}

extension TrainingData {
  /// How labels that are numbers are counted.
  package var labelReading: LabelReading {
    LabelReading(
      base: labelBase, isBaseGiven: isLabelBaseGiven, column: labelColumn,
      unread: files.flatMap(\.otherColumns))
  }

  /// The name of the column of labels, where all files have it in one of one name.
  private var labelColumn: String? {
    guard let columns = files.first?.labelColumns, columns.count == 1, case .name(let name) = columns[0],
      files.allSatisfy({ $0.labelColumns == columns })
    else { return nil }
    return name
  }

  /// Calls what reads labels or second texts of the rows. Where it says that a row lacks something, the error also names the
  /// columns of the file that are not read: perhaps one of them has it.
  ///
  /// - Throws: What `read` throws.
  public func namingUnreadColumns<Result>(_ read: () throws -> Result) throws -> Result {
    do {
      return try read()
    } catch var error as GraftError {
      if error.kind == .missing, error.found == nil,
        let unread = files.first(where: { $0.file == error.file })?.otherColumns, !unread.isEmpty
      {
        let names = unread.prefix(5).map { "'\($0.prefix(40))'" }.joined(separator: ", ")
        error.found =
          "\(unread.count == 1 ? "a column that is" : "columns that are") not read: \(names)\(unread.count > 5 ? ", …" : "")"
      }
      throw error
    }
  }
}
