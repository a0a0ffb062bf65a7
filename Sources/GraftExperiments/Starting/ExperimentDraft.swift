import Foundation
import GraftCore
import GraftData
import GraftKit
import GraftTensors
import OrderedCollections

/// A first experiment for somebody's data: what is found in them decides the kind of task, the columns, the lengths and how
/// long is trained. Its text has a comment for each choice.
///
///     let draft = try ExperimentDraft(named: "news", training: files, base: "bert-base-uncased", registry: registry)
///     try draft.text(in: directory).write(to: file, atomically: true, encoding: .utf8)
public struct ExperimentDraft: Sendable {
  let name: String
  let base: String
  let training: [URL]
  let evaluation: [URL]
  /// How the training data are read.
  let layout: DataLayout
  /// How the rows to evaluate on are read.
  let evaluationLayout: DataLayout
  let rows: Int
  let evaluationRows: Int
  /// Columns that are neither texts nor labels.
  let unused: [Column]
  /// The number of evaluation rows whose text is also trained on.
  let repeated: Int
  /// Labels of words that rows to evaluate on have, and no row to train on.
  let untrained: [String]
  let choices: DraftChoices
  /// Whether each label has the same share of the rows that are held out.
  let isStratified: Bool
  /// What becomes of a head that the checkpoint has already.
  let replaced: String?
  /// The head that adapts a model to texts, where the model's family has it.
  let languageModel: String?
  /// Whether the checkpoint has no trained weights for it.
  let isLanguageModelNew: Bool
  /// The task that learns vectors for texts, when the rows are its, and the columns that it reads.
  let vectors: (task: String, columns: [String])?

  /// The share of fewer than so many rows that is held out to evaluate on; of more it is half as much.
  private static let fewRows = 2000
  /// More rows than this need not be evaluated on.
  private static let mostHeldOut = 5000
  /// Rows that are looked at to tell columns apart.
  private static let sampled = 1000

  /// - Parameters:
  ///   - name: What the experiment is called.
  ///   - training: The files with the rows to train on.
  ///   - evaluation: Those with the rows to evaluate on; without any, some of the training rows are held out.
  ///   - options: The columns that are known already, and how the files are laid out.
  ///   - labelBase: The number of the first label.
  ///   - evaluationOptions: The columns of the evaluation files, where they are others, and how those are laid out.
  ///   - evaluationLabelBase: The number of the first label in them, where it is another.
  ///   - base: The checkpoint, as the experiment is to name it.
  ///   - checkpoint: It, where it is here: its tokenizer counts tokens, and its length limit holds.
  ///   - registry: The plugins.
  /// - Throws: `GraftError` when a file cannot be read, has no texts, or has labels that are neither classes nor values.
  public init(
    named name: String, training: [URL], evaluation: [URL] = [], options given: DataOptions = DataOptions(),
    labelBase: Int? = nil, evaluationOptions: DataOptions = DataOptions(), evaluationLabelBase: Int? = nil,
    base: String, checkpoint: Checkpoint? = nil, registry: Registry
  ) throws {
    (self.name, self.base, self.training, self.evaluation) = (name, base, training, evaluation)
    if let pipe = (training + evaluation).first(where: DataSource.isPipe) {
      throw GraftError(
        .refused, "an experiment needs files, which it reads whenever it runs",
        file: pipe == DataSource.standardInput ? "standard input" : pipe.path,
        advice: "Write the rows to a file first.")
    }
    let sample = try DataSource(reading: training, options: given).columnSample(rows: Self.sampled)
    let own = try TaskRows(in: sample, files: training, given: given, checkpoint: checkpoint, registry)
    var layout = DataLayout(
      options: try own?.options ?? given.completed(by: sample, file: training.first), format: sample.format,
      labelBase: labelBase)
    // All rows are looked at.
    (layout.options.shuffleSeed, layout.options.take) = (nil, nil)
    let rows = try DataSource(reading: training, options: layout.options).rows()
    guard rows.count > 1 else {
      throw GraftError(
        .mismatch, "too few rows for an experiment", file: training.first?.path, expected: "at least 2",
        found: "\(rows.count)")
    }
    let options = layout.options
    var (evaluationLayout, others) = (layout, [TextRow]())
    if !evaluation.isEmpty {
      do {
        evaluationLayout = try layout.evaluation(
          evaluation, given: given, own: evaluationOptions, labelBase: evaluationLabelBase, task: own,
          rows: Self.sampled, registry)
        others = try DataSource(reading: evaluation, options: evaluationLayout.options).rows()
      } catch let error as GraftError {
        throw error.ofEvaluationData
      }
    }
    (self.layout, self.evaluationLayout) = (layout, evaluationLayout)
    let reading = LabelReading(base: labelBase)
    let evaluationReading = LabelReading(
      base: evaluationLayout.labelBase, isBaseGiven: evaluationLabelBase != nil)
    func survey(_ rows: [TextRow], evaluating others: [TextRow]) throws -> DataSurvey {
      if let own {
        return try DataSurvey(
          rows, evaluating: others, of: own, reading, tokenizer: checkpoint?.tokenizer)
      }
      return try DataSurvey(
        rows, evaluating: others, reading, tokenizer: checkpoint?.tokenizer,
        head: registry.tasks.find(DefaultPlugins.classificationHead))
    }
    let found = try survey(rows, evaluating: others)
    var untrained = found.untrained
    let task = try own?.task(for: rows).task
    let classes = StratifiedSplit.classes(of: rows)
    isStratified = Set(classes).count > 1
    self.rows = rows.count
    if evaluation.isEmpty {
      let share = rows.count < Self.fewRows ? 5 : 10
      let wanted = min(Self.mostHeldOut, max(1, rows.count / share))
      let split = StratifiedSplit(classes, heldOut: wanted, seed: TrainingOptions().seed)
      let (others, heldOut) = (split.others.map { rows[$0] }, split.heldOut.map { rows[$0] })
      if found.kind.labels.count > Self.mostLabels {
        let part = try survey(others, evaluating: heldOut)
        untrained = part.untrained
        try part.checkLabels(
          of: heldOut, reading,
          advice:
            "Such rows are held out to evaluate on: have two rows of each label at least, or name other rows with \(option: "eval-file")."
        )
      }
      evaluationRows = heldOut.count
      repeated = try RepeatedRows(others, for: task).count(in: heldOut)
    } else {
      try found.checkLabels(
        of: others, evaluationReading,
        advice:
          "Leave such rows out, or have rows with the same labels to train on. Where it is no label, name their column: \(option: "eval-label-column"); where it is a number, say from which they count: \(option: "eval-label-base")."
      )
      evaluationRows = others.count
      repeated = try RepeatedRows(rows, for: task).count(in: others)
    }
    self.untrained = untrained
    var used =
      options.textColumns + options.labelColumns + [options.pairColumn].compactMap { $0 }
    if own != nil {
      // What is read without being named.
      if options.textColumns.isEmpty { used.append(.name("text")) }
      if options.labelColumns.isEmpty { used.append(.name("label")) }
    }
    let fields =
      own?.options.fields.flatMap { $0.names(among: sample.columns.map(\.column.description)) }
      .filter { column in rows.contains { $0.hasValue(in: column) } } ?? []
    unused = sample.columns.map(\.column).filter { !used.contains($0) && !fields.contains($0.description) }
    let backbone = try checkpoint?.makeBackbone()
    choices = DraftChoices(
      found, trainingRows: evaluation.isEmpty ? rows.count - evaluationRows : rows.count,
      limit: backbone?.maximumLength, hiddenSize: backbone?.hiddenSize)
    if let own, own.learnsVectors { vectors = (own.name, fields) } else { vectors = nil }
    replaced = try vectors != nil ? nil : checkpoint.flatMap { try Self.replacement(in: $0, found.kind) }
    let heads = checkpoint.map { registry.heads(of: $0.family).map(\.name) } ?? registry.headNames
    let pretraining = DefaultPlugins.pretrainingHead
    // Rows without a text of their own are read by their own task alone, as lists of words are.
    let areTexts = own?.hasListsOfWords != true && rows.allSatisfy { !$0.text.isEmpty }
    languageModel = heads.contains(pretraining) && areTexts ? pretraining : nil
    let known = checkpoint.map { $0.heads.filter { !$0.isUntrained }.compactMap { $0.task?.name } }
    isLanguageModelNew = known.map { !$0.contains(pretraining) } ?? false
  }

  /// What there is to say of the labels that a checkpoint's own head has.
  private static func replacement(in checkpoint: Checkpoint, _ kind: DataSurvey.Kind) throws -> String? {
    guard let head = checkpoint.activeHead, head.tasks.contains(where: { $0.hasLabels }) else { return nil }
    if case .texts = kind { return nil }
    let labels = kind.labels
    let own = try checkpoint.configuration.labels()
    guard !own.isEmpty else { return nil }
    let list = own.prefix(5).map(oneLine).joined(separator: ", ") + (own.count > 5 ? ", …" : "")
    let before = "The checkpoint's head '\(head.name)' has \(NumberText.count(own.count, "label")): \(list)."
    return Set(own) == Set(labels)
      ? "\(before) A new one takes its place; to go on with it, leave 'head' out of the arms."
      : "\(before) A new one for \(NumberText.count(labels.count, "label")) takes its place."
  }
}

extension TextRow {
  /// Whether there is something in a column that a task reads.
  fileprivate func hasValue(in column: String) -> Bool {
    switch fields[column] {
    case nil, .null: false
    case .string(let text): !text.isEmpty
    default: true
    }
  }
}

extension ExperimentDraft {
  /// What was found, in lines for a person.
  public var summaryLines: [String] {
    let columns = layout.options.textColumns + [layout.options.pairColumn].compactMap { $0 }
    let labels = layout.options.labelColumns
    func list(_ columns: [Column]) -> String { columns.map { "'\($0)'" }.joined(separator: ", ") }
    var lines = [
      NumberText.count(rows, "row") + " to train on"
        + (evaluation.isEmpty ? ", of which \(Self.heldOut(evaluationRows))" : "")
    ]
    if !evaluation.isEmpty {
      lines.append("\(NumberText.count(evaluationRows, "row")) to evaluate on" + otherColumns)
    }
    if repeated > 0 {
      lines.append(
        "\(repeated) of \(evaluation.isEmpty ? "those that are held out" : "them") \(repeated == 1 ? "has" : "have") a text that is also trained on"
      )
    }
    if !columns.isEmpty { lines.append("texts: \(list(columns))") }
    switch choices.kind {
    case .classes(let names, _): lines.append("labels: \(list(labels)), one of \(names.count) for each text")
    case .several(let names, _): lines.append("labels: \(list(labels)), any of \(names.count) for each text")
    case .values(_, _, let scale):
      lines.append("labels: \(list(labels)), numbers")
      if let scale { lines.append(scale.sentence) }
    case .texts: lines.append("labels: none")
    case .ofTask(let head, let names):
      lines.append(
        "rows of the \(vectors == nil ? "head" : "task") '\(head)'"
          + (names.isEmpty ? "" : ", with \(names.count) labels"))
    }
    lines += choices.kind.remarks
    if !untrained.isEmpty { lines.append(untrainedSentence) }
    if !unused.isEmpty { lines.append("not used: \(list(unused))") }
    if let replaced { lines.append(replaced) }
    return lines
  }

  /// The columns of the rows to evaluate on, where they are others.
  private var otherColumns: String {
    let (own, usual) = (evaluationLayout.options, layout.options)
    guard own.textColumns != usual.textColumns || own.labelColumns != usual.labelColumns else { return "" }
    func list(_ columns: [Column]) -> String { columns.map { "'\($0)'" }.joined(separator: ", ") }
    let labels = own.labelColumns.isEmpty ? "" : ", labels: \(list(own.labelColumns))"
    return own.textColumns.isEmpty ? "" : " (texts: \(list(own.textColumns))\(labels))"
  }

  /// `1 is held out`
  static func heldOut(_ count: Int) -> String { "\(count) \(count == 1 ? "is" : "are") held out" }

  /// That nothing trains a label.
  var untrainedSentence: String {
    let names = untrained.map(Self.oneLine).joined(separator: ", ")
    return untrained.count == 1
      ? "The label \(names) is in the rows to evaluate on alone: nothing trains it."
      : "The labels \(names) are in the rows to evaluate on alone: nothing trains them."
  }

  /// What was found, for a program.
  public var summary: JSON {
    var labels: [String] = []
    var kind = "texts"
    switch choices.kind {
    case .classes(let names, _): (kind, labels) = ("single-label", names)
    case .several(let names, _): (kind, labels) = ("multi-label", names)
    case .values(let names, _, _): (kind, labels) = ("regression", names)
    case .ofTask(let head, let names): (kind, labels) = (head, names)
    case .texts: break
    }
    return [
      "rows": JSON(rows), "evaluation_rows": JSON(evaluationRows), "is_held_out": JSON(evaluation.isEmpty),
      "unused_columns": .array(unused.map { JSON($0.description) }),
      "is_stratified": JSON(evaluation.isEmpty && isStratified), "repeated_texts": JSON(repeated),
      "text_columns": .array(layout.options.textColumns.map { JSON($0.description) }),
      "pair_column": layout.options.pairColumn.map { JSON($0.description) } ?? .null,
      "label_columns": .array(
        layout.options.labelColumns.map { JSON($0.description) }),
      "kind": JSON(kind), "labels": .array(labels.map { JSON($0) }), "epochs": JSON(choices.epochs),
      "batch_size": JSON(choices.batchSize), "max_length": JSON(choices.maxLength),
      "replaced_head": replaced.map { JSON($0) } ?? .null,
    ]
  }
}
