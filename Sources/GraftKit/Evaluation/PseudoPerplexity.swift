import Foundation
import GraftCompute
import GraftCore
import GraftTensors

/// How well a masked-language model knows a text: each token is hidden in turn, and the rest of the text has to
/// tell it.
///
/// The pseudo-log-likelihood of a text is the sum over its tokens, special ones left out, of the logarithm of
/// the probability given all others; the pseudo-perplexity of a corpus is the exponential of minus its mean over
/// all tokens. Salazar et al., "Masked Language Model Scoring", ACL 2020, arXiv:1910.14659.
public struct PseudoPerplexity: Sendable, Equatable {
  /// How many tokens were hidden.
  public let tokens: Int
  /// The sum of the natural logarithms of their probabilities.
  public let logLikelihood: Double

  /// `exp(-logLikelihood / tokens)`.
  public var value: Double { exp(-logLikelihood / Double(max(1, tokens))) }
}

/// Computes the pseudo-perplexity of a corpus. Nothing in it is random.
///
/// - Parameters:
///   - session: Of a model with a masked-language-model head.
///   - data: The corpus; labels are not looked at.
///   - batchSize: How many copies of texts run together, each with one token hidden.
///   - group: The ranks that share the batches, each of which calls this with the same; all have the whole result, which is
///     that of one process.
///   - progress: Called after each batch, or after one of each rank, with the number of examples begun; may throw to stop.
/// - Throws: `GraftError` when the head does not predict tokens, the tokenizer has no mask, or the corpus has no
///   token that could be hidden; what `progress` throws.
public func pseudoPerplexity(
  _ session: InferenceSession,
  on data: Dataset,
  batchSize: Int = 32,
  group: any ProcessGroup = SingleProcess(),
  progress: (Int) throws -> Void = { _ in }
) throws -> PseudoPerplexity {
  let model = session.model
  guard let mask = try model.requireTokenizer().specialTokens.mask else {
    throw GraftError(.missing, "the tokenizer has no mask token")
  }
  let head = try model.requireTokenHead()
  var (tokens, logLikelihood) = (0, 0.0)
  var batch = Batch()
  var (places, hidden) = ([Int32](), [Int32]())
  /// Batches since ranks last told each other what they found, and what this one found: loss and tokens.
  var (count, own) = (0, [Double]())

  func score() throws {
    defer { (batch, places, hidden) = (Batch(), [], []) }
    count += 1
    guard count - 1 == group.rank else { return }
    var prepared = PreparedBatch(batch)
    prepared.select(places, for: type(of: head.task))
    try session.run { tape in
      let logits = try model.scores(of: head, prepared, tape)
      own = [Double(tape.crossEntropy(logits, classes: hidden).value.item), Double(hidden.count)]
    }
  }

  /// Adds up what all ranks found, in the order of batches.
  func share() throws {
    for bytes in try group.gather(Shared.bytes(own), for: .batch) {
      let found: [Double] = try Shared.value(bytes)
      guard found.count == 2 else { continue }
      logLikelihood -= found[0] * found[1]
      tokens += Int(found[1])
    }
    (count, own) = (0, [])
  }

  for (begun, index) in Batching.sortedByLength(data, batchSize: 1).joined().enumerated() {
    let encoding = try data.example(index).encoding
    try model.backbone.check(Batch([encoding]))
    for place in encoding.ids.indices where !encoding.isSpecial[place] {
      hidden.append(encoding.ids[place])
      places.append(Int32(batch.tokenCount + place))
      var copy = encoding
      copy.ids[place] = mask
      batch.append(ids: copy.ids, tokenTypes: copy.tokenTypes, positions: Array(0..<Int32(copy.ids.count)))
      if hidden.count >= batchSize {
        try score()
        guard count == group.size else { continue }
        try share()
        try progress(begun + 1)
      }
    }
  }
  if !hidden.isEmpty { try score() }
  if count > 0 { try share() }
  try progress(data.count)
  guard tokens > 0 else {
    throw GraftError(
      .mismatch, "the data has no token that could be masked", advice: "Remove empty texts from the data.")
  }
  return PseudoPerplexity(tokens: tokens, logLikelihood: logLikelihood)
}
