import Foundation
import GraftCore
import GraftData
import GraftKit
import GraftTensors
import OrderedCollections

/// What has to be known of a data set before anything is computed. Its rows are not kept.
public struct DataFacts: Sendable {
  public let name: String
  public let files: [URL]
  /// SHA-256 of the texts and labels of all rows, in their order.
  public let sha256: String
  /// How many rows there are, after `take`.
  public private(set) var rows: Int
  /// How long all texts are together, in UTF-8 bytes.
  private(set) var bytes: Int
  /// The parts of the rows, where each is tested once.
  let folds: Folds?
  /// The label with the fewest rows, as it is written.
  private let rarest: (label: String, rows: Int)?
  /// Which part this is, in the keys of stages; empty for all rows.
  private var part = ""
  /// The first row of each kind: with the same label, the same other columns, and a second text that is there, empty or
  /// missing.
  private let examples: [TextRow]
  /// How many rows each of these stands for.
  private let counts: [Int]
  private let labelReading: LabelReading
  /// What was read of each file.
  private let reports: [DataFileReport]
  /// What is read of all rows.
  let contents: RowContents
  /// The places of the part's rows among all; `nil` for all rows.
  private(set) var places: [Int]?

  /// - Parameter tasks: Those that may read the rows.
  init(_ name: String, _ set: Experiment.DataSet, _ tasks: [any GraftCore.Task.Type]) throws {
    let data = try set.read()
    let rows = data.rows
    files = try set.files()
    guard !rows.isEmpty else {
      throw GraftError(.missing, "there are no rows", file: files.first?.path)
    }
    // Columns are read for the tasks that the experiment is about.
    let readers = tasks.filter { task in
      !task.columns.isEmpty && task.columns.allSatisfy(set.options.fields.contains)
    }
    contents = try RowContents(rows, readers)
    var hash = ContentHash()
    var bytes = 0
    struct Kind: Hashable {
      let label: WrittenLabel?
      /// `nil` without a second text.
      let hasBlankPair: Bool?
      let fields: String
    }
    var examples: OrderedDictionary<Kind, (row: TextRow, count: Int)> = [:]
    for row in rows {
      hash.add(row)
      bytes += row.byteCount
      let kind = Kind(
        label: row.label, hasBlankPair: row.pair?.isBlank, fields: JSON.object(row.fields).text())
      examples[kind, default: (row, 0)].count += 1
    }
    (self.name, self.rows, self.bytes) = (name, rows.count, bytes)
    (self.examples, counts) = (examples.values.map(\.row), examples.values.map(\.count))
    (labelReading, reports) = (data.labelReading, data.files)
    sha256 = hash.text
    guard let count = set.folds else {
      (folds, rarest) = (nil, nil)
      return
    }
    guard count <= rows.count else {
      throw GraftError(
        .mismatch, "the data set '\(name)' has fewer rows than folds", file: files.first?.path,
        expected: "at most \(rows.count) folds", found: "\(count)")
    }
    let written = rows.map { row -> String? in
      if case .text(let text) = row.label { text } else { nil }
    }
    folds = Folds(written, count: count, seed: set.foldSeed)
    let sizes = Dictionary(written.compactMap { $0 }.map { ($0, 1) }, uniquingKeysWith: +)
    rarest = sizes.min { ($0.value, $0.key) < ($1.value, $1.key) }.map { ($0.key, $0.value) }
  }

  /// A part of the rows, or all others; all rows where there are no parts.
  func part(_ fold: Int?, isTest: Bool) -> DataFacts {
    guard let folds, let fold else { return self }
    var facts = self
    let indices = folds.rows(ofPart: fold, isTest: isTest)
    facts.places = indices
    facts.rows = indices.count
    facts.bytes = bytes * facts.rows / max(1, rows)
    facts.part =
      ", \(isTest ? "part" : "all but part") \(fold + 1) of \(folds.count), seed \(folds.seed)"
    return facts
  }

  /// Makes sure that each class can be in each part.
  ///
  /// - Throws: `GraftError` naming the class with too few rows.
  func checkFolds() throws {
    guard let folds, !folds.isStratified, let rarest, rarest.rows < folds.count else { return }
    throw GraftError(
      .mismatch, "the data set '\(name)' has fewer rows of the label '\(rarest.label)' than folds",
      expected: "at most \(rarest.rows) folds", found: "\(folds.count)",
      advice: "Take fewer folds, or leave out the label's rows.")
  }

  /// How a head reads the labels, where that is not plain.
  ///
  /// - Throws: `GraftError` when the checkpoint has no such tasks.
  func labelNote(for checkpoint: Checkpoint) throws -> Advice? {
    try checkpoint.makeTasks().lazy.compactMap { $0.note(on: examples, labelReading) }.first
  }

  /// The labels as they are written, at most a hundred: of a list each of its items, of columns their names.
  public var labels: [String] {
    let written = examples.flatMap { row -> [String] in
      switch row.label {
      case .text(let text): [text]
      case .list(let items): items
      case .columns(let columns): columns.map(\.name)
      case nil: []
      }
    }
    return Array(Set(written).sorted().prefix(100))
  }

  /// The lowest and the highest label, where every label is one number.
  var labelRange: ClosedRange<Double>? {
    let labels = examples.compactMap { row -> String? in
      if case .text(let text) = row.label { text } else { nil }
    }
    let values = labels.compactMap { Double($0) }.filter(\.isFinite)
    guard values.count == examples.count, let least = values.min(), let most = values.max() else {
      return nil
    }
    return least...most
  }

  /// A row for each label, with a second text, with a blank one and without.
  var sample: TrainingData {
    var data = TrainingData(examples, named: files.map(\.lastPathComponent), labelBase: labelReading.base)
    data.isLabelBaseGiven = labelReading.isBaseGiven
    data.files = reports
    return data
  }

  /// Stands for the rows, as a checkpoint's head reads them, in the keys of stages.
  func key(for checkpoint: Checkpoint) -> String {
    guard checkpoint.activeHead?.tasks.contains(where: { $0.readsLabels }) == true else {
      return sha256 + part
    }
    return "\(sha256)\(part), labels from \(labelReading.base.map(String.init) ?? "their names")"
  }

  /// The labels that a new head needs for the data, and what they mean.
  ///
  /// - Throws: `GraftError` when the head has no labels, or the data do not say them clearly.
  func inferredLabels(for heads: HeadSet, _ problemType: ProblemType?) throws -> InferredLabels {
    guard let task = heads.tasks.first(where: { $0.hasLabels }) else {
      throw GraftError(
        .refused, "the head '\(heads.name)' has no labels of its own", advice: "Leave out 'labels-from'.")
    }
    do {
      return try task.inferredLabels(of: examples, problemType)
    } catch var error as GraftError {
      // Where its advice is about a column, it is said of which data set.
      if !error.isForExperiments || error.advice?.parts.contains(.option("label-column")) == true {
        error.advice = "Check 'label-column' of the data set '\(name)', or give 'labels' and 'problem-type'."
      }
      throw error
    }
  }

  /// What there is to say of the labels that a new head is given, in sentences without a full stop.
  func remarks(on inferred: InferredLabels, for heads: HeadSet) throws -> [String] {
    let rows = zip(examples, counts).flatMap { Array(repeating: $0, count: $1) }
    let counts = try inferred.counts(of: rows, for: heads, labelReading)
    return InferredLabels.remarks(on: inferred.labels, counts: counts).map { "data '\(name)': \($0)" }
  }

  /// Makes sure that a head can read every row.
  ///
  /// - Parameters:
  ///   - checkpoint: Its tasks read them.
  ///   - isLearnt: Whether it is to learn from them.
  /// - Returns: The classes that occur, when each text is of one of those that all rows share. The place of the right one
  ///   of several choices is none: no row of training data need have it.
  /// - Throws: `GraftError` naming file and row.
  func check(for checkpoint: Checkpoint, isLearnt: Bool = false) throws -> Set<Int32> {
    let tasks = try checkpoint.makeTasks()
    if isLearnt { _ = try tasks.first?.learningNote(on: examples, labelReading) }
    return try sample.namingUnreadColumns { try check(for: tasks) }
  }

  private func check(for tasks: [any GraftCore.Task]) throws -> Set<Int32> {
    do {
      let labels = try Dataset.labels(of: examples, tasks: tasks, labelReading)
      guard tasks.contains(where: { $0.classNames != nil }) else { return [] }
      return Set(labels.compactMap { ($0 as? ClassLabel)?.index })
    } catch var error as GraftError {
      if error.kind == .missing {
        // Rows without a label are counted, all of them.
        error = missing(tasks) ?? error
        if error.subject == nil { throw error }
      }
      if !error.isForExperiments {
        error.advice =
          "Check the data set's columns and 'label-base', or 'labels' of the stage that puts the head on."
      }
      throw error
    }
  }
}

extension TrainingData {
  /// The names of a checkpoint's tasks that find something to learn or to score in the rows. Of several that learn and are
  /// scored together, one that wants labels or pairs may find nothing.
  ///
  /// - Throws: `GraftError` for a label that is none.
  func tasksWithTargets(of checkpoint: Checkpoint) throws -> Set<String> {
    let tasks = try checkpoint.makeTasks()
    var reading = labelReading
    reading.isRequired = false
    let hasPairs = rows.contains { $0.pair?.isBlank == false }
    let found = try tasks.filter { task in
      let type = type(of: task)
      return try tasks.count == 1 || !type.readsLabels || type.labelsPairs && hasPairs
        || task.labels(of: rows, reading).contains { $0 != nil }
    }
    return Set(found.map { type(of: $0).name })
  }
}

extension DataFacts {
  /// What tasks miss in the rows, of which each example stands for as many as there are.
  private func missing(_ tasks: [any GraftCore.Task]) -> GraftError? {
    let rows = zip(examples, counts).flatMap { Array(repeating: $0, count: $1) }
    do {
      _ = try Dataset.labels(of: rows, tasks: tasks, labelReading)
      return nil
    } catch {
      return error as? GraftError
    }
  }
}

extension GraftError {
  /// Whether the advice is for experiments as it is. Labels that a head lacks are said by the stage that puts it on, and
  /// what names them or gives it others is no stage of its own.
  fileprivate var isForExperiments: Bool {
    advice?.parts.allSatisfy { part in
      switch part {
      case .text, .option, .action(.swapHead(to: _, labels: nil)), .action(.listPlugins): true
      case .action: false
      }
    } == true
  }
}
