import ArgumentParser
import Foundation
import GraftCore
import GraftData
import GraftKit
import GraftTensors

/// How data files are read for one head.
typealias DataFlags = ReadingFlags<LabelBaseFlag>

/// How data files are read for one head or for several.
typealias HeadDataFlags = ReadingFlags<HeadLabelBaseFlags>

/// The number of the first label, as an option.
protocol LabelBaseOption: ParsableArguments {
  /// What holds where there is one head.
  var labelBase: Int? { get }
}

struct LabelBaseFlag: LabelBaseOption {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The number of the first label, when labels are numbers.", valueName: "N"))
  var labelBase: Int?
}

struct HeadLabelBaseFlags: LabelBaseOption {
  @Option(
    name: .customLong("label-base"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp("The number of the first label, when labels are numbers.", valueName: "N"))
  var labelBases: [HeadNumber] = []

  /// The last that was given.
  var labelBase: Int? { labelBases.last?.value }
}

/// How data files are read: which columns are texts and labels, which rows are taken.
struct ReadingFlags<Base: LabelBaseOption>: ParsableArguments {
  @OptionGroup(title: "Data") var columns: ColumnFlags<PairColumnFlag>

  @Option(
    name: .customLong("label-column"),
    help: ArgumentHelp(
      "The column of the label; several, as in toxic,insult, have 0 or 1 each. (default: label)",
      valueName: "C"))
  var labelColumns: [String] = []

  @Option(
    help: ArgumentHelp(
      "What stands between the labels of a cell: a text, or the name of a character. (default: |)",
      valueName: "TEXT"))
  var labelDelimiter: String?

  @OptionGroup var base: Base

  /// What the help of every command with data says.
  static var help: String {
    """
    Data files are CSV, TSV, JSON Lines, a JSON array of objects, one text a line; for tagging a token a line as \
    CoNLL has it, for answering SQuAD's documents; each also gzipped, in UTF-8 or UTF-16. '-' is standard input, and \
    'part-*.csv' all files that match. Columns are names, or numbers \
    from 1 for files without a header. 'ag_news' and 'ag_news:test' are data sets known by name: their \
    original files are looked for in ag_news/ below $GRAFT_DATA, the working directory and Graft's cache.

    Labels are names, or numbers from 0 or --label-base; several of a row are 'a|b' (with --label-delimiter ';' \
    'a;b') or a JSON list of them, or 0 and 1 for each label: [1,0,1], '1|0|1', [true,false,true], or a column for each (--label-column a,b,c). A whole column is \
    read in one way, which is said where it is not plain.
    """
  }

  func validate() throws {
    if labelDelimiter == "" { throw ValidationError("--label-delimiter has to be a text.") }
    do {
      let options = try options
      if let pair = options.pairColumn, options.textColumns.contains(pair) {
        throw ValidationError(
          "--pair-column '\(pair)' is a text column already: both texts would be the same.")
      }
      if options.labelDelimiter != nil, options.labelColumns.count > 1 {
        throw ValidationError(
          "--label-delimiter is for one column of labels, and --label-column names several.")
      }
    } catch let error as GraftError {
      throw ValidationError(error.inCommandLineWords.description)
    }
  }

  /// What holds where there is one head: the last that was given.
  var labelColumn: String? { labelColumns.last }
  var labelBase: Int? { base.labelBase }

  /// The names of the flags that were given.
  var given: [String] {
    columns.given + (labelColumn == nil ? [] : ["label-column"]) + (labelBase == nil ? [] : ["label-base"])
      + (labelDelimiter == nil ? [] : ["label-delimiter"])
  }

  /// - Throws: `GraftError` for what is no column.
  var options: DataOptions {
    get throws {
      var options = try columns.options
      if let labelColumn { options.labelColumns = try Column.list(labelColumn) }
      options.labelDelimiter = labelDelimiter.flatMap(DataOptions.labelDelimiter)
      return options
    }
  }

  /// The rows of the files, or of the data set that is named instead; a file that exists wins.
  ///
  /// - Parameters:
  ///   - files: Paths, patterns, '-', or the name of a data set.
  ///   - heads: Those that learn from the rows; they say which further columns are read.
  ///   - usual: What the head was trained on: its columns and its label base hold where none are given.
  ///   - evaluation: What is different about data to evaluate on.
  ///   - wantsTexts: Whether there has to be a column of texts where none is named.
  ///   - console: Is told what was read.
  /// - Throws: `GraftError` naming file and row.
  func read(
    _ files: [Path], for heads: HeadSet?, like usual: TrainedInputs? = nil,
    evaluation: EvaluationColumnFlags? = nil, wantsTexts: Bool = true, _ console: Console
  ) throws -> TrainingData {
    var options = try options
    options.fields = heads?.columns ?? []
    options.usual = usual
    options.wantsTexts = wantsTexts
    options.wantsLabels = heads?.tasks.contains { $0.readsLabels } ?? true
    if labelDelimiter == nil, let delimiter = usual?.labelDelimiter {
      options.labelDelimiter = delimiter
    }
    try evaluation?.change(&options)
    if evaluation?.evalLabelBase == nil, labelBase == nil, let base = usual?.labelBase {
      console.note("labels that are numbers count from \(base), as in training")
    }
    let hasColumns =
      columns.hasColumns || labelColumn != nil || labelBase != nil || labelDelimiter != nil
      || evaluation?.hasColumns == true
    // What counts the training data need not count others.
    let base = evaluation == nil ? labelBase : evaluation?.evalLabelBase
    do {
      if !options.wantsLabels {
        try LabelReading(base: base).refuseBase("the head reads no labels, which would be counted", of: [])
      }
      return try DataReading(
        options, hasColumns: hasColumns, labelBase: base ?? labelBase ?? usual?.labelBase,
        isLabelBaseGiven: base != nil, console: console
      ).read(files)
    } catch let error as GraftError where evaluation != nil {
      throw error.ofEvaluationData
    }
  }
}

/// What is different about data to evaluate on.
struct EvaluationColumnFlags: ParsableArguments {
  @Option(
    name: .customLong("eval-text-column"),
    help: ArgumentHelp(
      "The column of the text in the data to evaluate on. (default: as in the training data)", valueName: "C")
  )
  var evalTextColumns: [String] = []

  @Option(
    name: .customLong("eval-pair-column"),
    help: ArgumentHelp(
      "The column of a second text there. (default: as in the training data)", valueName: "C"))
  var evalPairColumns: [String] = []

  @Option(
    name: .customLong("eval-label-column"),
    help: ArgumentHelp("The column of the label there. (default: as in the training data)", valueName: "C"))
  var evalLabelColumns: [String] = []

  @Option(
    name: .customLong("eval-label-base"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "The number of the first label there. (default: as in the training data)", valueName: "N"))
  var evalLabelBases: [HeadNumber] = []

  @Option(
    help: ArgumentHelp(
      "What stands between the labels of a cell there. (default: as in the training data)", valueName: "TEXT")
  )
  var evalLabelDelimiter: String?

  @Option(
    help: ArgumentHelp("How those files are laid out. (default: as the training data)", valueName: "FORMAT"))
  var evalDataFormat: DataFormat?

  @Option(
    help: ArgumentHelp(
      "What stands between their columns. (default: as in the training data)", valueName: "CHAR"))
  var evalDelimiter: Delimiter?

  func validate() throws {
    if evalLabelDelimiter == "" { throw ValidationError("--eval-label-delimiter has to be a text.") }
    do {
      var options = DataOptions()
      try change(&options)
      if options.labelDelimiter != nil, options.labelColumns.count > 1 {
        throw ValidationError(
          "--eval-label-delimiter is for one column of labels, and --eval-label-column names several.")
      }
    } catch let error as GraftError {
      throw ValidationError(error.inCommandLineWords.description)
    }
  }

  /// What holds where there is one head: the last that was given.
  private var evalTextColumn: String? { evalTextColumns.last }
  private var evalPairColumn: String? { evalPairColumns.last }
  private var evalLabelColumn: String? { evalLabelColumns.last }
  var evalLabelBase: Int? { evalLabelBases.last?.value }

  /// The names of the flags that were given.
  var given: [String] {
    let flags: [(String, Bool)] = [
      ("eval-text-column", evalTextColumn != nil), ("eval-pair-column", evalPairColumn != nil),
      ("eval-label-column", evalLabelColumn != nil), ("eval-label-base", evalLabelBase != nil),
      ("eval-label-delimiter", evalLabelDelimiter != nil),
      ("eval-data-format", evalDataFormat != nil), ("eval-delimiter", evalDelimiter != nil),
    ]
    return flags.filter(\.1).map(\.0)
  }

  /// Whether any was given.
  var hasColumns: Bool { !given.isEmpty }

  /// - Throws: `GraftError` for what is no column.
  func change(_ options: inout DataOptions) throws {
    if let evalTextColumn { options.textColumns = try Column.list(evalTextColumn) }
    if let evalPairColumn { options.pairColumn = try Column(parsing: evalPairColumn) }
    if let evalLabelColumn { options.labelColumns = try Column.list(evalLabelColumn) }
    if let evalLabelDelimiter { options.labelDelimiter = DataOptions.labelDelimiter(evalLabelDelimiter) }
    if let evalDataFormat { options.format = evalDataFormat }
    if let evalDelimiter { options.delimiter = evalDelimiter.byte }
  }
}
