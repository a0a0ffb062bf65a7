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
    guard let tagger = model.heads.first(where: { type(of: $0.task).labelsTokens }) else {
      let data = try Dataset(rows, for: model, maxLength: maxLength, stride: stride, requiringLabels: false)
      return PredictionReader(try model.requireHead(), data)
    }
    var options = tagging
    (options.maxLength, options.stride) = (maxLength, stride)
    let texts = try rows.map { try tagger.task.sequences(of: $0).first?.text ?? $0.text }
    return EntityAnswerReader(try EntityTagger(texts, with: model, options), rows: rows.count)
  }
}

private final class PredictionReader: AnswerReader {
  let head: String
  private let data: Dataset
  private let collector: any PredictionCollecting

  init(_ active: Model.ActiveHead, _ data: Dataset) {
    (head, self.data) = (active.name, data)
    collector = active.task.collector(data)
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
  private let tagger: EntityTagger
  let facts: DatasetFacts

  init(_ tagger: EntityTagger, rows: Int) {
    self.tagger = tagger
    facts = DatasetFacts(
      rows: rows, examples: tagger.encodings.count, maximumLength: tagger.maximumLength)
  }

  var head: String { tagger.head }
  var count: Int { tagger.encodings.count }
  func example(_ index: Int) throws -> Example { Example(tagger.encodings[index]) }

  func add(_ scores: Tensor, _ batch: Batch, at indices: [Int], _ backend: any ComputeBackend) throws {
    try tagger.add(scores, batch, at: indices, backend)
  }

  func answers() throws -> [HeadAnswer] { tagger.entities.map { .entities($0) } }
}
