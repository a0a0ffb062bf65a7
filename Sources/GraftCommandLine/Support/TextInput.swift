import ArgumentParser
import Foundation
import GraftCore
import GraftData
import GraftTensors

/// Texts or pairs of texts to work on.
typealias TextInput = TextSource<PairFlags>

/// Texts to work on, where a command has no use for pairs.
typealias SingleTextInput = TextSource<SingleTexts>

/// What a command takes of second texts, as options.
protocol SecondTextOption: ParsableArguments, Sendable {
  /// Those of texts in files.
  associatedtype Columns: PairOption
  /// Those of the texts that are arguments.
  var pairs: [String] { get }
}

/// The second texts of pairs.
struct PairFlags: SecondTextOption {
  typealias Columns = PairColumnFlag

  @Option(
    name: .customLong("pair"),
    help: ArgumentHelp(
      "The second text of a pair; once for each TEXT, or once for all.", valueName: "TEXT"))
  var pairs: [String] = []
}

extension SingleTexts: SecondTextOption {
  typealias Columns = SingleTexts

  var pairs: [String] { [] }
}

/// Texts to work on: arguments, or the rows of files.
struct TextSource<Second: SecondTextOption>: ParsableArguments {
  @Argument(help: ArgumentHelp("Texts.", valueName: "TEXT"))
  var texts: [String] = []

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Read texts from files: tables, JSON, or one text a line; '-' is standard input.", valueName: "FILE"),
    completion: .file())
  var input: [Path] = []

  @OptionGroup var second: Second
  @OptionGroup(title: "Data") var columns: ColumnFlags<Second.Columns>

  func validate() throws {
    if !input.isEmpty, !texts.isEmpty {
      throw ValidationError("Give texts as arguments or with --input, not both.")
    }
    let pairs = second.pairs
    if !input.isEmpty, !pairs.isEmpty {
      throw ValidationError("--pair goes with texts as arguments; a file has a column for it: --pair-column.")
    }
    if input.isEmpty, texts.isEmpty {
      throw ValidationError("Give at least one text, or --input FILE ('-' for standard input).")
    }
    guard pairs.count < 2 || pairs.count == texts.count else {
      throw ValidationError("Give --pair once for each text, or once for all of them.")
    }
    if input.isEmpty, let flag = columns.given.first {
      throw ValidationError("--\(flag) is about files: give --input FILE.")
    }
  }

  /// The texts in their order, as rows; of files, what was taken from them is said.
  ///
  /// - Parameters:
  ///   - usual: What the model was trained on, whose columns are those of files that have them.
  ///   - heads: Those that read the rows; they say which further columns are read.
  ///   - console: Is told what was read.
  /// - Throws: `GraftError` when a file cannot be read, is empty, or is not text.
  func rows(
    like usual: TrainedInputs? = nil, for heads: HeadSet? = nil, _ console: Console
  ) throws -> [TextRow] {
    guard input.isEmpty else { return try Self.rows(of: input, columns, like: usual, for: heads, console) }
    return given
  }

  /// The same, a window at a time; of several ranks, rank 0 alone has them.
  ///
  /// - Parameters:
  ///   - label: What is done with them: "embedding".
  ///   - checkpoints: Those whose active heads read the rows, by the columns that they were trained on.
  ///   - readsPairs: Whether they read the second texts too that they were trained on.
  ///   - batchSize: How many are to run together.
  ///   - console: Is told what was read.
  /// - Throws: as ``rows(like:for:_:)``; for what is in files, when its window comes.
  func feed(
    _ label: String, for checkpoints: [Checkpoint] = [], readsPairs: Bool = true, batchSize: Int?,
    _ console: Console
  ) throws -> TextFeed {
    guard GraftTool.group.leads else { return TextFeed([], label, batchSize: batchSize, console: console) }
    guard input.isEmpty else {
      return try Self.feed(
        of: input, columns, label, for: checkpoints, readsPairs: readsPairs, batchSize: batchSize, console)
    }
    for text in texts where Self.isFile(text) {
      console.note("'\(text)' is taken as a text; --input reads the file of that name")
    }
    return TextFeed(given, label, batchSize: batchSize, console: console)
  }

  /// The rows of files that hold texts, a window at a time, for rank 0.
  ///
  /// - Parameters:
  ///   - files: Tables, JSON, or one text a line.
  ///   - columns: Which columns, which rows.
  ///   - label: What is done with them: "answering".
  ///   - checkpoints: Those whose active heads read the rows, by the columns that they were trained on.
  ///   - readsPairs: Whether they read the second texts too that they were trained on.
  ///   - batchSize: How many are to run together.
  ///   - console: Is told what was read.
  /// - Throws: as ``rows(like:for:_:)``; for what is in files, when its window comes.
  static func feed(
    of files: [Path], _ columns: ColumnFlags<Second.Columns>, _ label: String, for checkpoints: [Checkpoint],
    readsPairs: Bool = true, batchSize: Int?, _ console: Console
  ) throws -> TextFeed {
    try reading(
      columns, like: checkpoints.map { readsPairs ? $0.trainedInputs : $0.trainedInputs?.ofSingleTexts },
      for: checkpoints.compactMap(\.activeHead), console
    ).feed(files, label, batchSize: batchSize)
  }

  private static func isFile(_ path: String) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && !isDirectory.boolValue
  }

  /// The texts that are arguments.
  private var given: [TextRow] {
    let pairs = second.pairs
    return texts.enumerated().map { index, text in
      TextRow(text, pair: pairs.isEmpty ? nil : pairs[pairs.count == 1 ? 0 : index])
    }
  }

  /// The rows of files that hold texts; what was taken from them is said.
  ///
  /// - Parameters:
  ///   - files: Tables, JSON, or one text a line.
  ///   - columns: Which columns, which rows.
  ///   - usual: What the model was trained on, whose columns are those of files that have them.
  ///   - heads: Those that read the rows; they say which further columns are read.
  ///   - console: Is told what was read.
  /// - Throws: `GraftError` when a file cannot be read, is empty, or is not text.
  static func rows(
    of files: [Path], _ columns: ColumnFlags<Second.Columns>, like usual: TrainedInputs?,
    for heads: HeadSet? = nil, _ console: Console
  ) throws -> [TextRow] {
    try reading(columns, like: [usual], for: heads.map { [$0] } ?? [], console).read(files).rows
  }

  private static func reading(
    _ columns: ColumnFlags<Second.Columns>, like usual: [TrainedInputs?], for heads: [HeadSet],
    _ console: Console
  ) throws -> DataReading {
    var options = try columns.options
    for column in heads.flatMap(\.columns) where !options.fields.contains(where: { $0.name == column.name }) {
      options.fields.append(column)
    }
    options.defaultsToLines = true
    let usual = Second.Columns.readsPairs ? usual : usual.map { $0?.ofSingleTexts }
    options.usual = usual.first ?? nil
    options.usualOfOthers = Array(usual.dropFirst())
    return DataReading(options, hasColumns: columns.hasColumns, console: console, showsLabels: false)
  }

  /// The text of a whole file, or of standard input for '-'.
  ///
  /// - Throws: `GraftError` when the file cannot be read or is not UTF-8.
  static func text(of path: Path) throws -> String {
    let isStandardInput = path.isStandardInput
    let name = isStandardInput ? "standard input" : path.url.path
    let file =
      try isStandardInput
      ? RandomAccessFile(
        copying: ByteStream(reading: STDIN_FILENO, named: DataSource.standardInput),
        named: DataSource.standardInput) : RandomAccessFile(path.url)
    guard let text = String(validating: try file.bytesOfWholeFile(limit: 4 << 30), as: UTF8.self) else {
      throw GraftError(
        .malformed, "invalid UTF-8", file: name,
        advice: "Convert the file first, for example with 'iconv -t UTF-8'.")
    }
    return text
  }
}

extension Path {
  /// Whether it is '-'.
  var isStandardInput: Bool { url.relativePath == "-" }
}

extension TextRow {
  /// The text, and the second one of a pair, as a result names them.
  var textMembers: [(String, JSON)] {
    [("text", .string(text))] + (pair.map { [("pair", .string($0))] } ?? [])
  }
}
