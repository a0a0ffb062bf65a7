import ArgumentParser
import Foundation
import GraftCore
import GraftData
import GraftKit
import GraftTensors

extension DataFormat: ExpressibleByArgument {}

/// How data files are read: CSV, TSV, JSON Lines, plain lines, sentences in columns or SQuAD, each possibly gzipped.
struct DataFlags: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The column of the text; several, as in 2,3, are joined with a space. (default: text)", valueName: "C"))
  var textColumn: String?

  @Option(help: ArgumentHelp("The column of a second text, for heads that read pairs.", valueName: "C"))
  var pairColumn: String?

  @Option(help: ArgumentHelp("The column of the label. (default: label)", valueName: "C"))
  var labelColumn: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The number of the first label, when labels are numbers.", valueName: "N"))
  var labelBase: Int?

  @Option(
    help: ArgumentHelp(
      "How the files are laid out. (default: by their names and first bytes)", valueName: "FORMAT"))
  var dataFormat: DataFormat?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Use this many rows of each set: the first, after shuffling.", valueName: "N"))
  var take: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Shuffle the rows first, as datasets.shuffle(seed=S) does.", valueName: "S"))
  var shuffleSeed: UInt64?

  /// What the help of every command with data says.
  static let help = """
    Data files are CSV, TSV, JSON Lines, one text a line; for tagging a token a line as CoNLL has it, for \
    answering SQuAD's documents; each also gzipped. Columns are names, or numbers \
    from 1 for files without a header. 'ag_news' and 'ag_news:test' are data sets known by name: their \
    original files are looked for in ag_news/ below $GRAFT_DATA, the working directory and Graft's cache.
    """

  func validate() throws {
    if let take, take < 1 { throw ValidationError("--take must be at least 1.") }
    do {
      _ = try options
    } catch let error as GraftError {
      throw ValidationError(error.inCommandLineWords.description)
    }
  }

  private var options: DataOptions {
    get throws {
      DataOptions(
        textColumns: try textColumn.map(Column.list) ?? [], pairColumn: try pairColumn.map(Column.init),
        labelColumn: try labelColumn.map(Column.init), format: dataFormat,
        shuffleSeed: shuffleSeed, take: take)
    }
  }

  /// The rows of the files, or of the data set that is named instead; a file that exists wins.
  ///
  /// - Parameter heads: Those that learn from the rows; they say which further columns are read.
  /// - Throws: `GraftError` naming file and row.
  func read(_ files: [Path], for heads: HeadSet?) throws -> TrainingData {
    var options = try options
    options.fields = heads?.columns ?? []
    let urls = files.map(\.url)
    if let named = try Self.namedRows(
      urls, options,
      hasColumns: textColumn != nil || pairColumn != nil || labelColumn != nil || labelBase != nil
        || dataFormat != nil)
    {
      return named
    }
    return TrainingData(
      try DataSource(reading: urls, options: options).rows(), named: urls.map(\.displayPath),
      labelBase: labelBase)
  }

  /// The rows of the data set that a path names; `nil` where the paths are files. A file that exists wins.
  ///
  /// - Parameters:
  ///   - options: Which rows.
  ///   - hasColumns: Whether columns were given, which such a data set has itself.
  /// - Throws: `GraftError` for a data set beside files or with columns, and when its rows cannot be read.
  static func namedRows(_ urls: [URL], _ options: DataOptions, hasColumns: Bool) throws -> TrainingData? {
    for url in urls where !FileManager.default.fileExists(atPath: url.path) {
      guard let (set, split) = try NamedDataSet.find(url.relativePath) else { continue }
      guard urls.count == 1 else {
        throw GraftError(
          .refused, "a data set known by name cannot be joined with files", subject: "'\(set.name)'")
      }
      guard !hasColumns else {
        throw GraftError(
          .refused, "a data set known by name has its own columns and labels", subject: "'\(set.name)'",
          advice: "Leave out the flags of columns and labels.")
      }
      return try set.read(split, in: NamedDataSet.directories(), selection: options)
    }
    return nil
  }
}
