import GraftCompute
import GraftCore
import GraftTensors
import OrderedCollections

/// A head that answers beside others on one backbone.
public struct AnsweringHead {
  /// What its answers are called by.
  public let name: String
  /// The head on the backbone that all share; see `Checkpoint.makeModel(frozen:sharing:qualifier:)`.
  public let model: Model
  /// The most tokens of a text; `nil` is the model's own limit.
  public var maxLength: Int?
  /// How many tokens the windows of a long text share; `nil` is a quarter of a window.
  public var stride: Int?

  public init(_ name: String, _ model: Model, maxLength: Int? = nil, stride: Int? = nil) {
    (self.name, self.model, self.maxLength, self.stride) = (name, model, maxLength, stride)
  }

  fileprivate var labelsTokens: Bool { model.heads.contains { type(of: $0.task).labelsTokens } }
}

extension Checkpoint {
  /// Some of its heads, active or parked, each as a model; all models share one backbone.
  ///
  /// - Parameter names: The heads as the list of heads shows them.
  /// - Throws: `GraftError` for a head that it does not have, a head that is named twice, and when a tensor cannot be read.
  public func makeHeads(_ names: [String]) throws -> [AnsweringHead] {
    guard !names.isEmpty else { throw GraftError(.missing, "no head is named", option: "heads") }
    var heads: [AnsweringHead] = []
    for name in names {
      guard !heads.contains(where: { $0.name == name }) else {
        throw GraftError(.refused, "the head '\(name)' is named twice", option: "heads")
      }
      let selected = try selecting(head: name)
      let model = try selected.makeModel(sharing: heads.first?.model)
      heads.append(
        AnsweringHead(
          name, model, maxLength: selected.trainedInputs?.maxLength, stride: selected.trainedInputs?.stride))
    }
    return heads
  }
}

/// What a head says about a text.
public enum HeadAnswer: Sendable {
  /// Of a head that says something about a text as a whole.
  case prediction(any TaskPrediction)
  /// Of a head that labels tokens.
  case entities([TaggedEntity])
}

/// What several heads say about each row. A text runs through the backbone once for all heads.
///
/// A text that is too long for a model is cut for some heads and read in windows for others. Only where what heads read of a
/// text differs does it run more than once. Each head's answers are those that it gives alone.
///
/// - Parameters:
///   - rows: Texts or pairs; heads that label tokens read the first text.
///   - heads: On one backbone, as ``GraftCore/Checkpoint/makeHeads(_:)`` makes them.
///   - tagging: How tokens become entities. Lengths and strides are those of the heads.
///   - batchSize: How many texts or windows run together.
///   - backend: The compute kernels.
///   - progress: Called after each batch with the number of texts and windows done, and of all; may throw to stop.
/// - Returns: For each row the answers, in the order of the heads.
/// - Throws: `GraftError` when a head says nothing about a text, or a row lacks what it reads.
public func answers(
  to rows: [TextRow], of heads: [AnsweringHead], tagging: TaggingOptions = TaggingOptions(),
  batchSize: Int = 32, backend: any ComputeBackend,
  progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
) throws -> [[HeadAnswer]] {
  guard let first = heads.first else { throw GraftError(.missing, "no head is named", option: "heads") }
  let readers = try heads.map { try $0.reader(rows, tagging) }
  let batches = try SharedInputs(readers).batches(ofSize: max(1, batchSize))
  let total = batches.reduce(0) { $0 + $1.count }
  let pool = MemoryPool()
  var done = 0
  for batch in batches {
    let tape = Tape(backend, recording: false, pool: pool)
    let prepared = PreparedBatch(Batch(of: batch.examples))
    let readsPooled = batch.indices.keys.contains { heads[$0].model.readsPooled }
    let states = try first.model.encode(prepared.inputs, tape, pooling: readsPooled)
    for (place, indices) in batch.indices {
      let scores = try heads[place].model.scores(of: states, prepared, tape)
      guard let own = scores[readers[place].head]?.value else {
        throw GraftError(.missing, "the head '\(heads[place].name)' says nothing")
      }
      try requireNumbers(own, "scores of the head '\(heads[place].name)'")
      try readers[place].add(own, prepared.inputs, at: indices, backend)
    }
    done += batch.count
    try progress(done, total)
  }
  let answers = try readers.map { try $0.answers() }
  return rows.indices.map { row in answers.map { $0[row] } }
}

/// Reads one head's scores of examples that it has asked for.
private protocol AnswerReader: AnyObject {
  /// The task's name, by which models have scores.
  var head: String { get }
  /// How many examples it wants to be read.
  var count: Int { get }
  func example(_ index: Int) throws -> Example
  func add(_ scores: Tensor, _ batch: Batch, at indices: [Int], _ backend: any ComputeBackend) throws
  /// One for each row.
  func answers() throws -> [HeadAnswer]
}

extension AnsweringHead {
  fileprivate func reader(_ rows: [TextRow], _ tagging: TaggingOptions) throws -> any AnswerReader {
    guard labelsTokens else {
      let data = try Dataset(rows, for: model, maxLength: maxLength, stride: stride, requiringLabels: false)
      return PredictionReader(try model.requireHead(), data)
    }
    var options = tagging
    (options.maxLength, options.stride) = (maxLength, stride)
    return EntityAnswerReader(try EntityTagger(rows.map(\.text), with: model, options))
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

  var count: Int { data.count }
  func example(_ index: Int) throws -> Example { try data.example(index) }

  func add(_ scores: Tensor, _ batch: Batch, at indices: [Int], _ backend: any ComputeBackend) throws {
    try collector.add(scores, batch, indices.map(data.example), at: indices)
  }

  func answers() throws -> [HeadAnswer] { try collector.predictions().map { .prediction($0) } }
}

private final class EntityAnswerReader: AnswerReader {
  private let tagger: EntityTagger

  init(_ tagger: EntityTagger) { self.tagger = tagger }

  var head: String { tagger.head }
  var count: Int { tagger.encodings.count }
  func example(_ index: Int) throws -> Example { Example(tagger.encodings[index]) }

  func add(_ scores: Tensor, _ batch: Batch, at indices: [Int], _ backend: any ComputeBackend) throws {
    tagger.add(scores, batch, at: indices, backend)
  }

  func answers() throws -> [HeadAnswer] { tagger.entities.map { .entities($0) } }
}

/// What heads read, each sequence once for all that read the same.
private struct SharedInputs {
  /// Sequences that some heads read together.
  struct Group {
    var examples: [Example] = []
    /// For each of these heads the places of the examples among its own.
    var indices: OrderedDictionary<Int, [Int]> = [:]
    var count: Int { examples.count }
  }

  /// What makes inputs equal: their tokens. The second time that a head reads the same is another input.
  private struct Key: Hashable {
    let ids: [[Int32]]
    let tokenTypes: [[Int32]]
    var repetition = 0
  }

  private let groups: [Group]

  init(_ readers: [any AnswerReader]) throws {
    var inputs: OrderedDictionary<Key, (example: Example, indices: OrderedDictionary<Int, Int>)> = [:]
    for (head, reader) in readers.enumerated() {
      var repetitions: [Key: Int] = [:]
      for index in 0..<reader.count {
        let example = try reader.example(index)
        var key = Key(ids: example.encodings.map(\.ids), tokenTypes: example.encodings.map(\.tokenTypes))
        repetitions[key, default: -1] += 1
        key.repetition = repetitions[key] ?? 0
        inputs[key, default: (example, [:])].indices[head] = index
      }
    }
    // Of one length, the longest first; those that the same heads read stand together.
    let sorted = inputs.values.enumerated().sorted {
      (Self.length($1.element.example), $0.offset) < (Self.length($0.element.example), $1.offset)
    }.map(\.element)
    var groups: OrderedDictionary<[Int], Group> = [:]
    for input in sorted {
      let heads = Array(input.indices.keys)
      groups[heads, default: Group()].examples.append(input.example)
      for (head, index) in input.indices {
        groups[heads, default: Group()].indices[head, default: []].append(index)
      }
    }
    self.groups = Array(groups.values)
  }

  private static func length(_ example: Example) -> Int { example.encodings.reduce(0) { $0 + $1.ids.count } }

  func batches(ofSize size: Int) -> [Group] {
    groups.flatMap { group in
      stride(from: 0, to: group.count, by: size).map { start in
        let range = start..<min(start + size, group.count)
        return Group(
          examples: Array(group.examples[range]), indices: group.indices.mapValues { Array($0[range]) })
      }
    }
  }
}
