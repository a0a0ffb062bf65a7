import GraftCore
import GraftTensors
import Synchronization

/// Rows that a model is trained or evaluated on, tokenized one at a time as they are wanted, so that what
/// stays in memory is the texts.
///
///     let rows = try DataSource(reading: [file], options: options).rows()
///     let data = try Dataset(rows, for: model, maxLength: 128)
public struct Dataset: Sendable {
  /// The rows that the examples are of.
  public let rows: [TextRow]
  /// What the task made of the label of each row; empty where labels were not read.
  public let labels: [(any ExampleLabel)?]
  /// What became of the rows: how many are cut, which are left out.
  public internal(set) var facts: DatasetFacts
  /// The number of examples: one for each row, unless the task makes several of a long one.
  public let count: Int
  /// How many are scored: rows, of which a long one may make several examples; of packed texts, pieces.
  package var scoredCount: Int { facts.isPacked ? count : rows.count }
  /// How much of what is scored an example is: less than 1 where rows are read in several windows.
  var rowsPerExample: Double { Double(scoredCount) / Double(count) }
  /// Tells data sets apart: the number of rows, and a hash of all that a task reads of them: texts,
  /// other columns, and the labels as they were read.
  public let fingerprint: String
  /// How long an example is, for sorting; in tokens or in bytes.
  let length: @Sendable (Int) -> Int
  private let make: @Sendable (Int) throws -> Example
  /// Where the examples of each row begin, and the end of the last; `nil` when there is one for each row.
  private let starts: [Int]?

  /// Rows of data as a model reads them. Every label is checked here, before anything is computed.
  ///
  /// - Parameters:
  ///   - rows: Texts and labels.
  ///   - model: Its tokenizer and the tasks of its heads say how rows are read.
  ///   - reading: How labels are counted, and what their column is called.
  ///   - maxLength: The most tokens of an example; longer ones are cut, or become several windows where the task
  ///     splits rows. The model's own limit holds too.
  ///   - stride: How many tokens a window repeats of the one before it; `nil` is a quarter of the longest.
  ///   - requiringLabels: Whether labels are read; not so for predicting.
  ///   - packsTexts: Whether texts are put one after another and cut into pieces of the full length, as transformers'
  ///     language-model scripts do; for heads that learn from the text alone.
  ///   - isLengthGiven: Whether somebody asked for `maxLength`, and is to be told when it is more than the model takes.
  /// - Throws: `GraftError` when there is no row, when the model has no tokenizer, and naming the row whose label
  ///   the task cannot read.
  public init(
    _ rows: [TextRow],
    for model: Model,
    labels reading: LabelReading = LabelReading(),
    maxLength: Int? = nil,
    stride: Int? = nil,
    requiringLabels: Bool = true,
    packsTexts: Bool = false,
    isLengthGiven: Bool = true
  ) throws {
    let encoder = TextEncoder(
      try model.requireTokenizer(),
      maximumLength: min(
        maxLength ?? .max, model.backbone.maximumLength, model.heads.first?.task.maximumLength ?? .max),
      stride: stride)
    var facts = DatasetFacts(rows: rows.count, examples: 0, maximumLength: encoder.maximumLength)
    facts.isPacked = packsTexts
    if isLengthGiven, let maxLength, maxLength > facts.maximumLength {
      facts.excessiveLength = maxLength
    }
    let tasks = model.heads.map { type(of: $0.task) }
    let needsTokens = tasks.contains { $0.needsTokens }
    let splitsRows = model.heads.first?.task.splitsLongRows == true
    // Most tokenizers make nothing that their model could not read.
    let isOdd =
      encoder.tokenizer.vocabularySize > model.backbone.vocabularySize || encoder.encode("").ids.isEmpty
    let reader = isOdd ? model.backbone : nil
    var rows = rows
    if !splitsRows {
      let first = model.heads.first?.task
      let lengths = try TextLengths(
        rows, encoder, findsEmpty: needsTokens && requiringLabels, for: reader
      ) { row in
        try first?.sequences(of: row) ?? [row]
      }
      let empty = Set(lengths.empty)
      if !packsTexts { facts.truncatedRows = lengths.truncated(without: empty, of: rows.count) }
      facts.skipped = lengths.empty.map { rows[$0].place }
      if empty.count == rows.count { try Self.refuseBlankTexts(rows) }
      if !empty.isEmpty { rows = rows.indices.filter { !empty.contains($0) }.map { rows[$0] } }
    }
    if packsTexts {
      guard needsTokens, !tasks.contains(where: { $0.readsLabels }) else {
        throw GraftError.textsAreNotPacked
      }
      self = try Dataset(packing: rows, encoder, facts)
      return
    }
    let kept = rows
    let labels =
      try requiringLabels ? Dataset.labels(of: rows, tasks: model.heads.map(\.task), reading) : []
    if requiringLabels {
      facts.labelNote = model.heads.lazy.compactMap { $0.task.note(on: kept, reading) }.first
      facts.remarks = model.heads.flatMap { $0.task.remarks(on: labels, of: kept) }
    }
    let task = model.heads.first?.task
    @Sendable func examples(_ row: Int) throws -> [Example] {
      let label = labels.isEmpty ? nil : labels[row]
      let made =
        try task?.examples(of: kept[row], label: label, encoder)
        ?? [Example(encoder.encode(kept[row].text, kept[row].pair), row: kept[row])]
      for example in made { try reader?.check(example.encodings, of: kept[row]) }
      return made
    }
    guard let task, task.splitsLongRows else {
      try self.init(
        rows, facts, labels: labels, count: rows.count, starts: nil,
        length: { kept[$0].text.utf8.count + (kept[$0].pair?.utf8.count ?? 0) },
        example: { row in
          guard let example = try examples(row).first else {
            throw GraftError(.missing, "a task made no example of a row").inRow(kept[row])
          }
          return example
        })
      return
    }
    // How many examples there are is known when all texts were tokenized once.
    var (used, starts, owners, lengths) = ([Int](), [0], [Int](), [Int]())
    for row in rows.indices {
      let made = try examples(row)
      // Nothing is learnt from such a row, and nothing could be said about it.
      if made.isEmpty, requiringLabels {
        facts.skipped.append(rows[row].place)
        continue
      }
      owners += made.map { _ in used.count }
      used.append(row)
      starts.append(owners.count)
      lengths += made.map { $0.tokenCount }
    }
    if used.isEmpty { try Self.refuseBlankTexts(rows) }
    // The windows of a long row are asked for one after another.
    let last = LastRow()
    try self.init(
      used.map { rows[$0] }, facts, labels: labels.isEmpty ? [] : used.map { labels[$0] },
      count: owners.count, starts: starts,
      length: { [lengths] in lengths[$0] },
      example: { [used, starts, owners] index in
        let row = owners[index]
        return try last.examples(of: row) { try examples(used[row]) }[index - starts[row]]
      })
  }

  /// - Throws: `GraftError` unless there are no rows at all, which is another mistake.
  private static func refuseBlankTexts(_ rows: [TextRow]) throws {
    guard let first = rows.first else { return }
    throw GraftError(
      .mismatch, "no row has a token that could be learnt from", found: "blank texts alone"
    ).inFile(first.place.file)
  }

  /// A hash of all that a task reads of rows.
  private static func hash(_ rows: [TextRow], labels: [(any ExampleLabel)?]) -> ContentHash {
    var hash = ContentHash()
    for row in rows {
      hash.add(row.text)
      hash.add(row.pair)
      for (name, value) in row.fields {
        hash.add(name)
        hash.add(value.text())
      }
    }
    for label in labels { hash.add(label) }
    return hash
  }

  /// The labels of rows as tasks read them; empty when none reads any.
  ///
  /// - Parameters:
  ///   - tasks: Those of a model's heads. One that learns beside others needs no label in a row.
  ///   - reading: How labels that are numbers are counted.
  /// - Throws: `GraftError` naming file and row.
  package static func labels(
    of rows: [TextRow], tasks: [any Task], _ reading: LabelReading
  ) throws -> [(any ExampleLabel)?] {
    var reading = reading
    reading.isRequired = tasks.count == 1
    for task in tasks {
      let labels = try task.labels(of: rows, reading)
      if !labels.isEmpty { return labels }
    }
    return []
  }

  /// Examples that are encoded already.
  ///
  /// - Throws: `GraftError` when there is none.
  public init(_ examples: [Example]) throws {
    var hash = ContentHash()
    for example in examples {
      for id in example.encoding.ids { hash.add(String(id)) }
      hash.add(example.label)
    }
    try self.init(
      examples.map(\.row),
      DatasetFacts(
        rows: examples.count, examples: 0, maximumLength: examples.map(\.encoding.ids.count).max() ?? 0),
      labels: examples.map(\.label), count: examples.count, starts: nil,
      fingerprint: "\(examples.count)-\(hash.text)",
      length: { examples[$0].encoding.ids.count }, example: { examples[$0] })
  }

  /// Texts that are packed into pieces of the full length.
  private init(packing rows: [TextRow], _ encoder: TextEncoder, _ facts: DatasetFacts) throws {
    let packed = try PackedTexts(rows, encoder)
    guard packed.count > 0 || rows.isEmpty else {
      throw GraftError(
        .mismatch, "the texts together are shorter than one piece",
        expected: "at least \(encoder.maximumLength) tokens",
        advice: "Give more texts, a smaller \(option: "max-length"), or leave out \(option: "group-texts").")
    }
    try self.init(
      rows, facts, labels: [], count: packed.count, starts: nil,
      length: { _ in encoder.maximumLength },
      example: { Example(packed.encoding($0), row: rows[packed.row($0)]) })
  }

  private init(
    _ rows: [TextRow],
    _ facts: DatasetFacts,
    labels: [(any ExampleLabel)?],
    count: Int,
    starts: [Int]?,
    fingerprint: String? = nil,
    length: @escaping @Sendable (Int) -> Int,
    example: @escaping @Sendable (Int) throws -> Example
  ) throws {
    guard count > 0 else {
      throw GraftError(
        .missing, "there are no rows", advice: "Check the data file and \(option: "take").")
    }
    self.rows = rows
    self.facts = facts
    self.facts.examples = count
    self.labels = labels
    self.count = count
    self.starts = starts
    self.fingerprint = fingerprint ?? "\(rows.count)-\(Self.hash(rows, labels: labels).text)"
    self.length = length
    make = example
  }

  /// The example at an index `0 ..< count`.
  ///
  /// - Throws: `GraftError` naming the row whose label does not fit its text.
  public func example(_ index: Int) throws -> Example { try make(index) }

  /// The first rows, or the first pieces of packed texts.
  ///
  /// - Throws: `GraftError` when they have no example.
  func prefix(_ count: Int) throws -> Dataset {
    let rows = facts.isPacked ? rows : Array(self.rows.prefix(count))
    let starts = starts.map { Array($0.prefix(rows.count + 1)) }
    return try Dataset(
      rows, facts, labels: Array(labels.prefix(rows.count)), count: starts?.last ?? min(count, self.count),
      starts: starts, fingerprint: fingerprint, length: length, example: make)
  }

  /// The row that an example is of, or a part of.
  func row(ofExample index: Int) -> Int {
    guard let starts else { return index }
    // The last row that begins at or before the example; rows without examples begin where the next does.
    var (low, high) = (0, starts.count - 1)
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= index { low = middle } else { high = middle }
    }
    return low
  }

  /// The examples of a row.
  func examples(ofRow row: Int) -> Range<Int> { starts.map { $0[row]..<$0[row + 1] } ?? row..<row + 1 }
}

/// The examples of the row that was tokenized last, where rows become several.
private final class LastRow: Sendable {
  private let state = Mutex<(row: Int, examples: [Example])>((-1, []))

  func examples(of row: Int, _ make: () throws -> [Example]) throws -> [Example] {
    if let known = state.withLock({ $0.row == row ? $0.examples : nil }) { return known }
    let made = try make()
    // A row that is one example is not asked for twice in a row.
    if made.count > 1 { state.withLock { $0 = (row, made) } }
    return made
  }
}
