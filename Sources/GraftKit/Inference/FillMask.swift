import GraftCompute
import GraftCore
import GraftTensors

/// One suggestion for a masked token.
public struct MaskFill: Sendable, Equatable {
  public let token: String
  public let id: Int32
  /// The probability among all tokens of the vocabulary.
  public let score: Float
  /// The text with the suggestion in the mask's place, and its other masks as they are.
  public let sequence: String
}

/// The most likely tokens for each `[MASK]` of a text.
///
/// - Parameters:
///   - text: Contains the tokenizer's mask token at least once.
///   - session: Of a model with a masked-language-model head and a tokenizer.
///   - topK: How many suggestions for each mask.
/// - Returns: Suggestions by mask, best first.
/// - Throws: `GraftError` when the text has no mask, or one beyond the tokens that the model takes, or the model no
///   masked-language-model head.
public func fillMask(
  _ text: String, with session: InferenceSession, topK: Int = 5
) throws -> [[MaskFill]] {
  let model = session.model
  let tokenizer = try model.requireTokenizer()
  guard let mask = tokenizer.specialTokens.mask, let maskToken = tokenizer.token(of: mask) else {
    throw GraftError(.missing, "the tokenizer has no mask token")
  }
  let limit = model.backbone.maximumLength
  let encoding = tokenizer.encode(text, maximumLength: limit)
  let masks = encoding.ids.indices.filter { encoding.ids[$0] == mask }
  let count = tokenizer.encode(text).ids.count { $0 == mask }
  guard masks.count == count else {
    throw GraftError(
      .mismatch, "a \(maskToken) lies beyond the tokens that the model takes",
      expected: "at most \(limit) tokens up to the last \(maskToken)",
      found: "\(masks.count) of \(count) within them", advice: "Shorten the text before it.")
  }
  guard !masks.isEmpty else {
    throw GraftError(
      .missing, "the text has no \(maskToken)", advice: "Put \(maskToken) where a word is to be guessed.")
  }
  let head = try model.requireTokenHead()
  var batch = PreparedBatch(Batch([encoding]))
  batch.select(masks.map(Int32.init), for: type(of: head.task))
  let logits = try session.run { tape in
    let scores = try model.scores(of: head, batch, tape).value
    try requireNumbers(scores, "scores")
    return Tensor(scores.values, shape: scores.shape)
  }
  session.backend.kernels.softmax(logits.pointer, scale: 1, rows: logits.rows, columns: logits.columns)
  // Without the tokens that were added, and with the masks.
  let shown = encoding.ids.indices.filter { encoding.sequence(ofToken: $0) != nil }
  return masks.enumerated().map { row, place in
    let scores = logits.buffer[(row * logits.columns)..<((row + 1) * logits.columns)]
    // Of equal scores the first.
    let best = scores.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }.prefix(topK)
    return best.map { index in
      let id = Int32(index - scores.startIndex)
      var filled = encoding.ids
      filled[place] = id
      return MaskFill(
        token: tokenizer.token(of: id) ?? "", id: id, score: scores[index],
        sequence: tokenizer.decode(shown.map { filled[$0] }, skippingSpecialTokens: false))
    }
  }
}
