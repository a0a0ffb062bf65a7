import GraftCompute
import GraftCore
import GraftTensors

/// A text with its score for a query.
public struct RankedText: Sendable, Equatable {
  /// Its place among the texts that were given.
  public let index: Int
  public let score: Float
}

/// Sorts texts by how well they answer a query, as a classifier of pairs scores them: the CrossEncoder of
/// sentence-transformers.
///
/// - Parameters:
///   - texts: What is scored.
///   - query: The first text of each pair.
///   - session: Of a model whose first head labels pairs; its scores are `crossEncoder`'s.
///   - crossEncoder: What becomes of the logits.
///   - label: The output that texts are sorted by; needed of several.
///   - batchSize: How many pairs run together; `nil` is as many as make some 2,048 tokens.
///   - maximumLength: The most tokens of a pair; `nil` is the limit of `crossEncoder` and of the model.
///   - progress: Called after each batch with the number of pairs done.
/// - Returns: All texts, the best first; those with equal scores in their order.
/// - Throws: `GraftError` when the head does not label pairs, or has several labels and none is named.
public func rerank(
  _ texts: [String],
  query: String,
  with session: InferenceSession,
  _ crossEncoder: CrossEncoder,
  label: String? = nil,
  batchSize: Int? = nil,
  maximumLength: Int? = nil,
  progress: (Int) throws -> Void = { _ in }
) throws -> [RankedText] {
  ranked(
    try pairScores(
      texts, query: query, with: session, crossEncoder, output: rankingOutput(of: session.model, label),
      batchSize: batchSize, maximumLength: maximumLength, progress: progress))
}

/// Texts with these scores, the best first; those with equal scores in their order.
package func ranked(_ scores: [Float]) -> [RankedText] {
  scores.enumerated().map { RankedText(index: $0, score: $1) }
    .sorted { ($1.score, $0.index) < ($0.score, $1.index) }
}

/// The scores that ``rerank(_:query:with:_:label:batchSize:maximumLength:progress:)`` sorts by, in the order of the texts.
///
/// - Parameter output: What ``rankingOutput(of:_:)`` is of the model.
package func pairScores(
  _ texts: [String],
  query: String,
  with session: InferenceSession,
  _ crossEncoder: CrossEncoder,
  output: Int,
  batchSize: Int?,
  maximumLength: Int?,
  progress: (Int) throws -> Void
) throws -> [Float] {
  let model = session.model
  let tokenizer = try model.requireTokenizer()
  let limit = min(maximumLength ?? crossEncoder.maximumLength ?? .max, model.backbone.maximumLength)
  let logits = try headLogits(
    session, lengths: texts.map(\.utf8.count), batchSize: batchSize, progress: progress
  ) {
    tokenizer.encode(query, pair: texts[$0], maximumLength: limit, addSpecialTokens: true)
  }
  return logits.map { crossEncoder.scores($0)[output] }
}

/// The output of a head that texts are sorted by.
///
/// - Parameter label: The label whose output it is; needed of several.
/// - Throws: `GraftError` when the head does not label pairs, has no such label, or has several and none is named.
package func rankingOutput(of model: Model, _ label: String?) throws -> Int {
  try model.requireHead("does not label pairs as a whole, and cannot sort texts") { $0.labelsTexts }
  let names = try model.configuration.labels()
  guard let label else {
    guard names.count == 1 else {
      throw GraftError(
        .missing, "the head has several labels",
        expected: "the label to sort by: \(names.joined(separator: ", "))",
        advice: "Name it with \(option: "label").")
    }
    return 0
  }
  guard let output = names.firstIndex(of: label) else {
    throw GraftError(
      .unknownName, "the head has no such label", subject: "'\(label)'",
      expected: names.joined(separator: ", "))
  }
  return output
}
