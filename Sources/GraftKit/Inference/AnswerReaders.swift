import GraftCompute
import GraftCore
import GraftTensors

/// Reads one head's scores of examples that it has asked for.
protocol AnswerReader: AnyObject {
  /// The task's name, by which models have scores.
  var head: String { get }
  /// What became of the rows.
  var facts: DatasetFacts { get }
  /// How many examples it wants to be read.
  var count: Int { get }
  func example(_ index: Int) throws -> Example
  func add(_ scores: Tensor, _ batch: Batch, at indices: [Int], _ backend: any ComputeBackend) throws
  /// One for each row.
  func answers() throws -> [HeadAnswer]
}

extension AnsweringHead {
  /// What reads the head's scores of some rows.
  ///
  /// - Throws: `GraftError` when it says nothing about a text, or a row lacks what it reads.
  func reader(_ rows: [TextRow], _ tagging: TaggingOptions) throws -> any AnswerReader {
    for head in model.heads { try rows.forEach { try $0.requireText(of: head) } }
    guard let tagger = model.heads.first(where: { type(of: $0.task).labelsTokens }) else {
      let data = try Dataset(rows, for: model, maxLength: maxLength, stride: stride, requiringLabels: false)
      return try PredictionReader(model.requireHead(), data)
    }
    var options = tagging
    (options.maxLength, options.stride) = (maxLength, stride)
    return try EntityAnswerReader(rows.map { try $0.shown(by: tagger.task) }, with: model, options)
  }
}

extension TextRow {
  /// The row as results show it: what a head reads of it, where its text or its words stand in columns of their own.
  package func shown(by task: any Task) throws -> TextRow {
    guard !fields.isEmpty, let first = try task.sequences(of: self).first else { return self }
    let own = type(of: task).columns.filter(\.replacesText).map(\.name)
    guard type(of: task).labelsTokens || replacement(among: own) != nil else { return self }
    return TextRow(first.text, place: place)
  }

  /// - Throws: `GraftError` for a row without a text that has one for other heads alone, as their words.
  fileprivate func requireText(of head: Model.ActiveHead) throws {
    guard text.isEmpty, !fields.isEmpty, !type(of: head.task).columns.contains(where: \.replacesText) else {
      return
    }
    throw GraftError(
      .missing, "there is no text for the head '\(head.name)'",
      found: "'\(fields.keys.joined(separator: "', '"))'",
      advice: "Ask it for other data, or name the column of its texts: \(option: "text-column")."
    ).inRow(self)
  }
}

private final class PredictionReader: AnswerReader {
  let head: String
  private let data: Dataset
  private let collector: any PredictionCollecting

  init(_ active: Model.ActiveHead, _ data: Dataset) throws {
    (head, self.data) = (active.name, data)
    collector = try active.task.collector(data)
  }

  var facts: DatasetFacts { data.facts }
  var count: Int { data.count }
  func example(_ index: Int) throws -> Example { try data.example(index) }

  func add(_ scores: Tensor, _ batch: Batch, at indices: [Int], _ backend: any ComputeBackend) throws {
    try collector.add(scores, batch, indices.map(data.example), at: indices)
  }

  func answers() throws -> [HeadAnswer] { try collector.predictions().map { .prediction($0) } }
}

private final class EntityAnswerReader: AnswerReader {
  private let rows: [TextRow]
  private let tagger: EntityTagger
  let facts: DatasetFacts

  init(_ rows: [TextRow], with model: Model, _ options: TaggingOptions) throws {
    self.rows = rows
    tagger = try EntityTagger(rows, with: model, options)
    facts = DatasetFacts(
      rows: rows.count, examples: tagger.encodings.count, maximumLength: tagger.maximumLength)
  }

  var head: String { tagger.active.name }
  var count: Int { tagger.encodings.count }
  func example(_ index: Int) throws -> Example { Example(tagger.encodings[index]) }

  func add(_ scores: Tensor, _ batch: Batch, at indices: [Int], _ backend: any ComputeBackend) throws {
    try tagger.add(scores, batch, at: indices, backend)
  }

  func answers() throws -> [HeadAnswer] { zip(tagger.entities, rows).map { .entities($0, of: $1.text) } }
}
