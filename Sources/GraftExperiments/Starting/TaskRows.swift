import Foundation
import GraftCore
import GraftData
import GraftKit
import GraftTensors

/// Rows with columns that a task reads beside text and label, such as words with their tags, or questions with answers.
struct TaskRows {
  /// How the files are read for the task.
  let options: DataOptions
  private let type: any GraftCore.Task.Type
  /// Whether the column that is named as that of the texts has lists of words.
  private(set) var hasListsOfWords = false

  var name: String { type.name }
  /// Whether it learns vectors for texts, without a head of its own.
  var learnsVectors: Bool { type.readsSentenceVectors }

  /// The columns of formats that have no names for them.
  private static let columns: [DataFormat: [String]] = [
    .conll: ["tokens", "tags"], .squad: ["question", "context", "answers"],
  ]
  /// What columns of tags are called, beside the name that a task has for them.
  private static let tagNames = ["ner_tags", "pos_tags", "labels", "label"]
  /// Rows that are looked at.
  private static let sampled = 20

  /// - Parameters:
  ///   - sample: The columns of the first file.
  ///   - files: All of them.
  ///   - given: What is known already; named columns are texts and labels.
  ///   - checkpoint: The base, which needs such a head.
  /// - Returns: `nil` when no task reads such columns.
  /// - Throws: `GraftError` when one does whose head no experiment, or no model of the checkpoint's family, has.
  init?(
    in sample: ColumnSample, files: [URL], given: DataOptions, checkpoint: Checkpoint?, _ registry: Registry
  ) throws {
    let names = Self.columns[sample.format] ?? sample.columns.map(\.column.description)
    var given = given
    if given.delimiter == nil { given.delimiter = sample.delimiter }
    if given.textColumns.isEmpty { try Self.requireSentences(sample, files) }
    guard
      let found = try Self.known(by: names, sample, files, given, registry)
        ?? Self.tagged(in: sample, files, given, registry) ?? Self.pairs(in: sample, files, given, registry)
    else { return nil }
    let columns = names.map { "'\($0)'" }.joined(separator: ", ")
    guard found.learnsVectors || registry.headNames.contains(found.name) else {
      throw GraftError(
        .unsupported, "no experiment is drafted for the task of these rows, '\(found.name)'",
        file: files.first?.path, found: "the columns \(columns)",
        advice:
          "Write one with 'task: \(found.name)' in the stages that train and evaluate. For labels of texts, name their columns: \(option: "text-column")."
      )
    }
    if found.learnsVectors {
      // Says what keeps the checkpoint from learning them.
      var checkpoint = checkpoint
      try checkpoint?.selectTask(found.name, registry: registry)
    } else if let checkpoint,
      !registry.heads(of: checkpoint.family).contains(where: { $0.name == found.name })
    {
      throw GraftError(
        .unsupported, "models of this family have no head for these rows, '\(found.name)'",
        file: files.first?.path, found: "the columns \(columns)", advice: "Choose another checkpoint.")
    }
    self = found
  }

  private init(options: DataOptions, type: any GraftCore.Task.Type) {
    (self.options, self.type) = (options, type)
  }

  /// Refuses a table in which each row is a word with its tag, and has no text beside them.
  private static func requireSentences(_ sample: ColumnSample, _ files: [URL]) throws {
    /// Whether most rows have a text that the others have not, as the name of a sentence is none.
    func hasTexts(_ column: ColumnSample.Entry) -> Bool {
      let texts = Set(column.values.compactMap(\.self).filter { $0.contains(where: \.isWhitespace) })
      return texts.count * 2 > column.values.count
    }
    func column(of names: [String]) -> ColumnSample.Entry? {
      sample.columns.first { names.contains($0.column.description.lowercased()) }
    }
    guard sample.format == .csv || sample.format == .tsv, let word = column(of: ["word", "token"]),
      let tag = column(of: ["tag", "ner", "ner_tag", "pos", "pos_tag"]),
      word.values.contains(where: { $0?.isBlank == false }),
      word.values.allSatisfy({ $0?.contains(where: \.isWhitespace) != true }),
      !sample.columns.contains(where: hasTexts)
    else { return }
    throw GraftError(
      .unsupported, "a table with a word in each row has no sentences", file: files.first?.path,
      found: "the columns '\(word.column)' and '\(tag.column)'",
      advice:
        "Write the words as CoNLL's columns: a line for each, with its tag behind it, and a blank line behind each sentence. Or, for labels of texts, name their columns: \(option: "text-column")."
    )
  }

  /// Rows whose columns have the names that a task reads.
  ///
  /// - Throws: `GraftError` naming the first row that is wrong, where a column says whose rows they are.
  private static func known(
    by names: [String], _ sample: ColumnSample, _ files: [URL], _ given: DataOptions, _ registry: Registry
  ) throws -> TaskRows? {
    let isTagged = columns[sample.format] != nil || given.labelColumns.isEmpty
    guard given.textColumns.isEmpty || sample.format == .conll, given.pairColumn == nil,
      given.labelColumns.count < 2
    else { return nil }
    // Why the first rows cannot be read, where a column says that they are a task's.
    var failure: GraftError?
    for task in registry.tasks.values where reads(task, names, isLabelled: !isTagged) {
      var options = given
      options.fields = task.columns
      if task.labelsTokens, options.labelColumns.isEmpty,
        !task.columns.contains(where: { column in
          !column.replacesText && names.contains(column.name)
        })
      {
        options.labelColumns = tagNames.first(where: names.contains).map { [.name($0)] } ?? []
      }
      let found = TaskRows(options: options, type: task)
      var rows: [TextRow]?
      do {
        rows = try found.firstRows(of: files)
        try found.check(rows ?? [])
        return found
      } catch let error as GraftError {
        // Otherwise rows that the task cannot read are no data of it.
        if failure == nil, isDecided(task, names) || isDecided(task, by: sample, rows, given) {
          failure = error
        }
      }
    }
    guard var failure else { return nil }
    if failure.advice == nil, columns[sample.format] == nil {
      failure.advice = "For labels of texts, name their columns: \(option: "text-column")."
    }
    throw failure
  }

  /// Lists with a tag for each word of a list or a text, whatever their columns are called.
  ///
  /// - Throws: `GraftError` naming the first row whose tags cannot be read.
  private static func tagged(
    in sample: ColumnSample, _ files: [URL], _ given: DataOptions, _ registry: Registry
  ) throws -> TaskRows? {
    guard given.pairColumn == nil, given.textColumns.count < 2, given.labelColumns.count < 2,
      let task = registry.tasks.values.first(where: { $0.labelsTokens })
    else { return nil }
    let columns = sample.columns.map { (column: $0.column, values: $0.values.map { $0 ?? "" }) }
    func items(_ values: [String]) -> [[String]]? {
      let lists = values.compactMap { WrittenLabel.items(inCell: $0) }
      return lists.isEmpty || lists.count < values.count ? nil : lists
    }
    /// Whether lists are tags, of which the same stand at several words, and not labels of texts.
    func areTags(_ lists: [[String]]) -> Bool {
      lists.contains { $0.contains("O") || Set($0).count < $0.count }
    }
    let wanted = given.labelColumns.first
    for (tagColumn, values) in columns
    where wanted.map({ $0 == tagColumn })
      ?? (!given.textColumns.isEmpty
        || (tagNames + ColumnRoles.labelNames).contains(tagColumn.description.lowercased()))
    {
      guard let tags = items(values), areTags(tags) else { continue }
      let texts = columns.compactMap { column, values -> (column: Column, areLists: Bool)? in
        guard column != tagColumn, given.textColumns.first.map({ $0 == column }) ?? true else { return nil }
        let lists = items(values)
        let counts =
          lists?.map(\.count) ?? values.map { $0.split(whereSeparator: \.isWhitespace).count }
        return counts == tags.map(\.count) ? (column, lists != nil) : nil
      }
      guard let text = texts.first(where: \.areLists) ?? texts.first else { continue }
      var options = given
      (options.textColumns, options.labelColumns, options.fields) = (
        [text.column], [tagColumn], task.columns
      )
      var found = TaskRows(options: options, type: task)
      found.hasListsOfWords = text.areLists
      try found.check(found.firstRows(of: files))
      return found
    }
    return nil
  }

  /// Pairs of texts without a label, whatever their columns are called: the two belong together.
  ///
  /// - Throws: `GraftError` naming the first row that lacks one of them.
  private static func pairs(
    in sample: ColumnSample, _ files: [URL], _ given: DataOptions, _ registry: Registry
  ) throws -> TaskRows? {
    guard given.labelColumns.isEmpty,
      let task = registry.tasks.values.first(where: { $0.readsSentenceVectors })
    else { return nil }
    let roles = ColumnRoles(sample, given: given)
    guard let pair = roles.pair, roles.texts.count == 1, roles.labels.isEmpty else { return nil }
    var options = given
    (options.textColumns, options.pairColumn, options.fields) = (roles.texts, pair, task.columns)
    let found = TaskRows(options: options, type: task)
    try found.check(found.firstRows(of: files))
    return found
  }

  private static func hasLabel(_ names: [String]) -> Bool {
    names.contains { ColumnRoles.labelNames.contains($0.lowercased()) || tagNames.contains($0) }
  }

  /// Whether columns are those of a task, and not texts with a label.
  ///
  /// - Parameter isLabelled: Whether the column of a label is given.
  private static func reads(_ task: any GraftCore.Task.Type, _ names: [String], isLabelled: Bool) -> Bool {
    let texts = task.columns.filter { $0.replacesText && names.contains($0.name) }
    let others = task.columns.filter { !$0.replacesText && !$0.names(among: names).isEmpty }
    if task.labelsTokens { return !others.isEmpty || !texts.isEmpty && (isLabelled || hasLabel(names)) }
    // A score that the task reads itself is no label of another one.
    let free = names.filter { name in task.columns.allSatisfy { $0.names(among: [name]).isEmpty } }
    return !texts.isEmpty && !others.isEmpty && (isDecided(task, names) || !isLabelled && !hasLabel(free))
  }

  /// Whether a column is there that no other task has.
  private static func isDecided(_ task: any GraftCore.Task.Type, _ names: [String]) -> Bool {
    task.columns.contains { column in
      column.decidesTask && column.names(among: names).count > (column.isNumbered ? 1 : 0)
    }
  }

  /// Whether the layout is a task's, or one of its columns has lists as the task writes them, and there are no texts with
  /// labels beside it.
  ///
  /// - Parameter rows: The first rows, as the task reads them; `nil` where they cannot be read.
  private static func isDecided(
    _ task: any GraftCore.Task.Type, by sample: ColumnSample, _ rows: [TextRow]?, _ given: DataOptions
  ) -> Bool {
    guard columns[sample.format] == nil else { return true }
    let known = Set(task.columns.map(\.name)).subtracting(ColumnRoles.labelNames)
    let isNested = sample.columns.contains { entry in
      known.contains(entry.column.description)
        && entry.values.compactMap(\.self).contains { $0.hasPrefix("[") || $0.hasPrefix("{") }
    }
    func has(_ usual: [String]) -> Bool {
      sample.columns.map(\.column.description).contains {
        !known.contains($0) && usual.contains($0.lowercased())
      }
    }
    let isLabelled = !given.labelColumns.isEmpty || has(ColumnRoles.labelNames)
    return isNested && rows?.contains(where: task.recognizes) != false
      && !(isLabelled && has(ColumnRoles.textNames))
  }

  private func firstRows(of files: [URL]) throws -> [TextRow] {
    var options = options
    options.take = Self.sampled
    return try DataSource(reading: files, options: options).rows()
  }

  /// Makes sure that the task can learn from rows.
  ///
  /// - Throws: `GraftError` naming the row that it cannot learn from.
  private func check(_ rows: [TextRow]) throws {
    let labels = try task(for: rows).task.labels(of: rows, LabelReading())
    guard let place = labels.firstIndex(where: { $0 == nil }), rows.indices.contains(place) else { return }
    throw GraftError(.missing, "there is no label").inRow(rows[place])
  }

  /// The task with the labels of rows.
  ///
  /// - Parameter others: Rows to evaluate on. Their tags are labels too where they are of a type that `rows` have: a few
  ///   sentences may have `I-PER` where many have `B-PER` alone.
  /// - Returns: Of the labels also those that `others` alone have.
  /// - Throws: `GraftError` when there are none and the task needs some.
  func task(
    for rows: [TextRow], evaluating others: [TextRow] = []
  ) throws -> (task: any GraftCore.Task, labels: [String], untrained: [String]) {
    var configuration = Configuration()
    guard type.hasLabels else { return (try type.init(configuration), [], []) }
    var labels = try type.inferredLabels(of: rows, nil).labels
    var untrained: [String] = []
    if type.labelsTokens, !others.isEmpty {
      let (own, types) = (Set(labels), Set(labels.map(Self.entityType)))
      let all = try type.inferredLabels(of: rows + others, nil).labels
      untrained = all.filter { !own.contains($0) && types.contains(Self.entityType($0)) }
      labels = all.filter { own.contains($0) || untrained.contains($0) }
    }
    configuration.setLabels(labels)
    return (try type.init(configuration), labels, untrained)
  }

  /// What a tag is about without the letter that says where an entity begins and ends: `PER` of `B-PER`.
  private static func entityType(_ tag: String) -> Substring {
    tag.dropFirst().first == "-" ? tag.dropFirst(2) : tag[...]
  }
}
