import ArgumentParser
import GraftData
import GraftTensors

extension DataFormat: ExpressibleByArgument {}
extension Quoting: ExpressibleByArgument {}

/// What stands between columns, on the command line: one character, or its name.
struct Delimiter: ExpressibleByArgument {
  let byte: UInt8

  init?(argument: String) {
    guard let byte = DataOptions.delimiter(argument) else { return nil }
    self.byte = byte
  }

  static var allValueStrings: [String] { ["comma", "semicolon", "tab", "pipe", "space"] }
}

/// What a command takes of second texts in files, as options.
protocol PairOption: ParsableArguments, Sendable {
  /// Whether the command has a use for second texts.
  static var readsPairs: Bool { get }
  /// The columns of second texts in files, of which the last holds.
  var pairColumns: [String] { get }
}

/// The column of a second text, for a command that reads pairs from files.
struct PairColumnFlag: PairOption {
  static let readsPairs = true

  @Option(
    name: .customLong("pair-column"),
    help: ArgumentHelp("The column of a second text, for heads that read pairs.", valueName: "C"))
  var pairColumns: [String] = []
}

/// No options, for a command that reads single texts.
struct SingleTexts: PairOption {
  static let readsPairs = false
  var pairColumns: [String] { [] }
}

/// Which columns and rows of files are texts.
struct ColumnFlags<Pair: PairOption>: ParsableArguments {
  @Option(
    name: .customLong("text-column"),
    help: ArgumentHelp(
      "The column of the text; several, as in 2,3, are joined with a space. (default: text)", valueName: "C"))
  var textColumns: [String] = []

  @OptionGroup var pair: Pair

  @Option(
    help: ArgumentHelp(
      "How the files are laid out. (default: by their names and first bytes)", valueName: "FORMAT"))
  var dataFormat: DataFormat?

  @Option(
    help: ArgumentHelp(
      "What stands between the columns of a table: a character, or its name. (default: by the format and the header)",
      valueName: "CHAR"))
  var delimiter: Delimiter?

  @Option(
    help: ArgumentHelp(
      "Whether fields stand in quotes, as in CSV, or quotes are ordinary characters. (default: by the file)",
      valueName: "HOW"))
  var quoting: Quoting?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Leave out this many rows of each set: the first, after shuffling. (default: 0)", valueName: "N"))
  var skip: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Use this many rows of each set: the first that are left, after shuffling.", valueName: "N"))
  var take: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Shuffle the rows first, as datasets.shuffle(seed=S) does.", valueName: "S"))
  var shuffleSeed: UInt64?

  func validate() throws {
    if let take, take < 1 { throw ValidationError("--take must be at least 1.") }
    if let skip, skip < 0 { throw ValidationError("--skip must be at least 0.") }
    do {
      _ = try options
    } catch let error as GraftError {
      throw ValidationError(error.inCommandLineWords.description)
    }
  }

  /// What holds where there is one head: the last that was given.
  var textColumn: String? {
    get { textColumns.last }
    set { textColumns = newValue.map { [$0] } ?? [] }
  }

  var pairColumn: String? { pair.pairColumns.last }

  /// The names of the flags that were given.
  var given: [String] {
    let flags: [(String, Bool)] = [
      ("text-column", textColumn != nil), ("pair-column", pairColumn != nil),
      ("data-format", dataFormat != nil), ("delimiter", delimiter != nil), ("quoting", quoting != nil),
      ("skip", skip != nil), ("take", take != nil), ("shuffle-seed", shuffleSeed != nil),
    ]
    return flags.filter(\.1).map(\.0)
  }

  /// Whether columns or a layout were given.
  var hasColumns: Bool { !Set(given).subtracting(["skip", "take", "shuffle-seed"]).isEmpty }

  /// - Throws: `GraftError` for what is no column.
  var options: DataOptions {
    get throws {
      var options = DataOptions(
        textColumns: try textColumn.map(Column.list) ?? [], pairColumn: try pairColumn.map(Column.init),
        format: dataFormat, delimiter: delimiter?.byte, quoting: quoting, shuffleSeed: shuffleSeed,
        take: take)
      options.skip = skip ?? 0
      return options
    }
  }
}
