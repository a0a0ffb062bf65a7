import GraftCompute
import GraftCore
import GraftTensors

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
  /// Of a head that labels tokens, with the text that they are places of: what it read of the row.
  case entities([TaggedEntity], of: String)
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
///   - batchSize: How many texts or windows run together; `nil` is as many as make some 2,048 tokens.
///   - session: Of the first head's model. Its packed weights serve all heads.
///   - progress: Called after each batch with the number of texts and windows done, and of all; may throw to stop.
/// - Returns: For each row the answers, and for each head what became of the rows, in the order of the heads.
/// - Throws: `GraftError` when a head says nothing about a text, or a row lacks what it reads.
public func answers(
  to rows: [TextRow], of heads: [AnsweringHead], tagging: TaggingOptions = TaggingOptions(),
  batchSize: Int? = nil, session: InferenceSession,
  progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
) throws -> (answers: [[HeadAnswer]], facts: [DatasetFacts]) {
  guard let first = heads.first else { throw GraftError(.missing, "no head is named", option: "heads") }
  let embedding = first.model.backbone.wordEmbedding
  guard session.model.parameters[embedding] === first.model.parameters[embedding] else {
    throw GraftError(.mismatch, "the session is of another model than the heads")
  }
  let readers = try heads.map { try $0.reader(rows, tagging) }
  let batches = try SharedInputs(readers).batches(ofSize: batchSize)
  let total = batches.reduce(0) { $0 + $1.count }
  var done = 0
  for batch in batches {
    let prepared = PreparedBatch(Batch(of: batch.examples))
    let models = batch.indices.keys.map { heads[$0].model }
    try session.run { tape in
      let states = try first.model.encode(
        prepared.inputs, tape, pooling: models.contains(where: \.readsPooled),
        firstTokensAlone: models.allSatisfy(\.readsFirstTokensAlone))
      for (place, indices) in batch.indices {
        let scores = try heads[place].model.scores(of: states, prepared, tape)
        guard let own = scores[readers[place].head]?.value else {
          throw GraftError(.missing, "the head '\(heads[place].name)' says nothing")
        }
        try requireNumbers(own, "scores of the head '\(heads[place].name)'")
        try readers[place].add(own, prepared.inputs, at: indices, session.backend)
      }
    }
    done += batch.count
    try progress(done, total)
  }
  let answers = try readers.map { try $0.answers() }
  return (rows.indices.map { row in answers.map { $0[row] } }, readers.map(\.facts))
}
