import Foundation
import GraftCore
import GraftData
import GraftTensors

/// Reads what is given as data: files, patterns of files, standard input, or a data set known by name; and says what was
/// taken from it.
struct DataReading {
  private var options: DataOptions
  private let hasColumns: Bool
  private let labelBase: Int?
  private let isLabelBaseGiven: Bool
  private let console: Console
  private let showsLabels: Bool

  /// - Parameters:
  ///   - options: Which columns, which rows.
  ///   - hasColumns: Whether columns or a layout were given, which a data set known by name has itself.
  ///   - labelBase: The number of the first label.
  ///   - isLabelBaseGiven: Whether it was said of these data.
  ///   - console: Is told what was read.
  ///   - showsLabels: Whether the column of the labels is said; not so where labels are not used.
  init(
    _ options: DataOptions, hasColumns: Bool, labelBase: Int? = nil, isLabelBaseGiven: Bool = true,
    console: Console, showsLabels: Bool = true
  ) {
    self.showsLabels = showsLabels
    self.options = options
    if !showsLabels { self.options.wantsLabels = false }
    self.hasColumns = hasColumns
    (self.labelBase, self.isLabelBaseGiven) = (labelBase, isLabelBaseGiven)
    self.console = console
  }

  /// The rows of files, or of the data set that is named instead; a file that exists wins.
  ///
  /// - Throws: `GraftError` naming file and row.
  func read(_ paths: [Path]) throws -> TrainingData {
    if let named = try named(paths) { return named }
    let source = try source(of: paths)
    FilePattern.remarks(on: source.files).forEach(console.warn)
    let contents = try source.contents()
    say(contents.files, of: source, taken: contents.rows.count)
    var data = TrainingData(
      contents.rows,
      named: contents.files.isEmpty ? source.files.map(\.displayPath) : contents.files.map(\.displayName),
      labelBase: labelBase)
    data.isLabelBaseGiven = isLabelBaseGiven
    data.files = contents.files
    return data
  }

  /// The rows of files, or of the data set that is named instead, a window at a time.
  ///
  /// - Parameters:
  ///   - label: What is done with them: "embedding".
  ///   - batchSize: How many are to run together.
  /// - Throws: `GraftError` as ``read(_:)``; for what is in files, when its window comes.
  func feed(_ paths: [Path], _ label: String, batchSize: Int?) throws -> TextFeed {
    if let named = try named(paths) {
      return TextFeed(named.rows, label, batchSize: batchSize, console: console)
    }
    return TextFeed(try source(of: paths), self, label, batchSize: batchSize, console: console)
  }

  private func source(of paths: [Path]) throws -> DataSource {
    DataSource(reading: try Self.files(paths), options: options)
  }

  private func named(_ paths: [Path]) throws -> TrainingData? {
    let named = try Self.namedRows(paths.map(\.url), options, hasColumns: hasColumns)
    if let named {
      let names = named.names.joined(separator: ", ")
      console.note("read \(Format.count(named.rows.count, "row")) of \(names), known by name")
    }
    return named
  }

  /// The files that paths and patterns mean.
  ///
  /// - Throws: `GraftError` when no file matches a pattern.
  static func files(_ paths: [Path]) throws -> [URL] {
    let files = try paths.flatMap { path in
      try path.isStandardInput ? [DataSource.standardInput] : FilePattern.files(path.url)
    }
    guard files.count(where: { $0 == DataSource.standardInput }) < 2 else {
      throw GraftError(.refused, "standard input can be read once", found: "'-' more than once")
    }
    // Before anything is read of the others; opening one that is not there says what there is.
    for file in files where file != DataSource.standardInput {
      guard FileManager.default.fileExists(atPath: file.path) else {
        _ = try RandomAccessFile(file)
        continue
      }
    }
    return files
  }

  /// The most files of which each has a line.
  private static let mostLines = 8

  /// Says what was taken from files.
  ///
  /// - Parameters:
  ///   - source: All files, of which the last may not have been needed.
  ///   - taken: How many rows.
  func say(_ files: [DataFileReport], of source: DataSource, taken: Int) {
    for file in files.prefix(Self.mostLines) {
      console.note(file.sentence(showingLabel: showsLabels))
    }
    let others = files.dropFirst(Self.mostLines)
    if !others.isEmpty {
      let rows = others.reduce(0) { $0 + $1.rows }
      console.note("read \(Format.count(rows, "row")) of \(Format.count(others.count, "more file"))")
    }
    let rows = files.reduce(0) { $0 + $1.rows }
    if taken < rows { console.note("took \(Format.grouped(taken)) of the \(Format.grouped(rows)) rows") }
    let unread = source.files.dropFirst(files.count)
    if !unread.isEmpty {
      let names = unread.prefix(Self.mostLines).map { Format.oneLine($0.displayPath) }
      console.note(
        "not read, as the rows before are enough: \(names.joined(separator: ", "))\(unread.count > names.count ? ", …" : "")"
      )
    }
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

extension DataFileReport {
  /// The file as a person would type it.
  var displayName: String { file.relativeToWorkingDirectory }

  /// `read 2,000 rows of data.csv: column 'text', label 'label'`
  func sentence(showingLabel: Bool) -> String {
    let unit =
      switch format {
      case .lines: "line"
      case .conll: "sentence"
      case .squad: "question"
      case .csv, .tsv, .json, .jsonLines: "row"
      }
    var facts: [String] = []
    if !textColumns.isEmpty {
      let names = textColumns.map(Self.name).joined(separator: ", ")
      facts.append("\(textColumns.count == 1 ? "column" : "columns") \(names)")
    }
    if let pairColumn { facts.append("pair \(Self.name(pairColumn))") }
    if textColumns.isEmpty || showingLabel, !taskColumns.isEmpty {
      let names = taskColumns.prefix(Self.mostColumns).map { "'\(Format.oneLine($0))'" }
      let kind = textColumns.isEmpty ? taskColumns.count == 1 ? "column" : "columns" : "also"
      facts.append(
        "\(kind) \(names.joined(separator: ", "))\(taskColumns.count > names.count ? ", …" : "")")
    }
    if showingLabel, !labelColumns.isEmpty {
      let names = labelColumns.prefix(Self.mostColumns).map(Self.name).joined(separator: ", ")
      facts.append(
        "\(labelColumns.count == 1 ? "label" : "labels") \(names)\(labelColumns.count > Self.mostColumns ? ", …" : "")"
      )
    }
    if showingLabel, let labelDelimiter { facts.append("'\(Format.oneLine(labelDelimiter))' between labels") }
    // Perhaps one of them has the labels.
    if showingLabel, labelColumns.isEmpty, !otherColumns.isEmpty {
      let names = otherColumns.prefix(Self.mostColumns).map { "'\(Format.oneLine($0))'" }
      facts.append(
        "not read: \(names.joined(separator: ", "))\(otherColumns.count > names.count ? ", …" : "")")
    }
    if format == .lines { facts.append("one text a line") }
    let all = (facts + remarks).joined(separator: ", ")
    return "read \(Format.count(rows, unit)) of \(displayName)\(all.isEmpty ? "" : ": \(all)")"
  }

  private static let mostColumns = 5

  private static func name(_ column: Column) -> String {
    switch column {
    case .name(let name): "'\(Format.oneLine(name))'"
    case .number(let number): "\(number)"
    }
  }
}
