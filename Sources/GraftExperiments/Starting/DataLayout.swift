import Foundation
import GraftCore
import GraftData
import GraftTensors

/// How the files of a draft's data set are read.
struct DataLayout: Equatable {
  /// With the columns that were found.
  var options: DataOptions
  var format: DataFormat
  /// The number of the first label.
  var labelBase: Int?
}

extension DataLayout {
  /// The layout of rows to evaluate on: as that of the training data, where the columns of these are there; else what is
  /// given, and what is found.
  ///
  /// - Parameters:
  ///   - files: The files with these rows.
  ///   - given: What is known of the training data's layout.
  ///   - own: What is known of these rows' layout.
  ///   - task: The task whose rows they are; `nil` for texts with labels.
  ///   - limit: How many rows are looked at.
  ///   - registry: The plugins.
  /// - Throws: `GraftError` when the first file cannot be read, or has no texts.
  func evaluation(
    _ files: [URL], given: DataOptions, own: DataOptions, labelBase: Int?, task: TaskRows?, rows limit: Int,
    _ registry: Registry
  ) throws -> DataLayout {
    var start = given
    (start.textColumns, start.pairColumn, start.labelColumns) = (
      own.textColumns, own.pairColumn, own.labelColumns
    )
    start.format = own.format ?? given.format
    start.delimiter = own.delimiter ?? given.delimiter
    start.labelDelimiter = own.labelDelimiter ?? given.labelDelimiter
    let sample = try DataSource(reading: files, options: start).columnSample(rows: limit)
    var layout = DataLayout(options: start, format: sample.format, labelBase: labelBase ?? self.labelBase)
    let there = Set(sample.columns.map(\.column))
    let isFree = start.columns.isEmpty
    if isFree, !given.columns.isEmpty || options.columns.allSatisfy(there.contains) {
      // The delimiter of these files is their own.
      layout.options = options
      (layout.options.format, layout.options.delimiter) = (start.format, start.delimiter ?? sample.delimiter)
      layout.options.labelDelimiter = start.labelDelimiter
    } else if let task {
      let found = try TaskRows(in: sample, files: files, given: start, checkpoint: nil, registry)
      layout.options = found?.name == task.name ? found?.options ?? options : options
    } else {
      layout.options = try start.completed(by: sample, file: files.first)
      if options.pairColumn == nil { layout.options.pairColumn = own.pairColumn }
      if options.labelColumns.isEmpty { layout.options.labelColumns = own.labelColumns }
    }
    return layout
  }
}

extension DataOptions {
  /// All columns that are named.
  fileprivate var columns: [Column] {
    textColumns + [pairColumn].compactMap { $0 } + labelColumns
  }

  /// The options with the columns that a file seems to have, where none are given.
  ///
  /// - Throws: `GraftError` when there is no text in it, or it has no columns and is not plain texts.
  func completed(by sample: ColumnSample, file: URL?) throws -> DataOptions {
    var options = self
    switch sample.format {
    case .lines: return options
    case .conll, .squad:
      throw GraftError(
        .unsupported, "no head learns from such rows", file: file?.path,
        found: sample.format == .conll ? "sentences of tagged words" : "questions with their answers")
    case .csv, .tsv, .json, .jsonLines: break
    }
    let roles = ColumnRoles(sample, given: self)
    guard !roles.texts.isEmpty else {
      throw GraftError(
        .missing, "no column looks like a text", file: file?.path,
        found: sample.columns.isEmpty
          ? "no columns" : "the columns \(sample.columns.map { "'\($0.column)'" }.joined(separator: ", "))",
        advice: "Name it with \(option: "text-column").")
    }
    (options.textColumns, options.pairColumn) = (roles.texts, roles.pair)
    options.labelColumns = roles.labels
    if options.delimiter == nil { options.delimiter = sample.delimiter }
    return options
  }
}
