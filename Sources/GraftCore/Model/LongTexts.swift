import GraftTensors

/// What a head that labels texts as a whole makes of a text that is longer than the model reads.
///
/// It is kept with the head, under `long_texts` in `config.json`, so that a text is read as it was in training.
public enum LongTexts: String, Sendable, CaseIterable {
  /// The start of the text.
  case truncate
  /// A quarter of the room for the start of the text, the rest for its end: Sun et al., arXiv:1905.05583, 5.3.1, have
  /// 128 and 382 of 510 tokens.
  case headTail = "head-tail"
  /// The whole text, in windows that overlap. In training each has the label of the text. What is said about the text
  /// comes from the mean of their logits: of a linear layer on pooled states, that is the layer on the mean of the
  /// states, and of a regression the mean of its values.
  case windows

  /// The key in a head's settings.
  public static let key = "long_texts"

  /// What a configuration says; ``truncate`` when it says nothing.
  ///
  /// - Throws: ``GraftError`` naming the key.
  public init(_ configuration: Configuration) throws {
    guard let value = configuration[Self.key], value != .null else {
      self = .truncate
      return
    }
    guard let known = value.string.flatMap(Self.init(rawValue:)) else {
      throw GraftError(
        .malformed, "wrong value", subject: "key '\(Self.key)'",
        expected: Self.allCases.map(\.rawValue).joined(separator: ", "), found: value.text())
    }
    self = known
  }

  /// The encodings that a row becomes: several only as ``windows``.
  ///
  /// - Throws: ``GraftError`` naming the row when a pair leaves no room for windows.
  public func encodings(of row: TextRow, _ encoder: TextEncoder) throws -> [Encoding] {
    switch self {
    case .truncate: return [encoder.encode(row.text, row.pair)]
    case .headTail:
      let whole = encoder.tokenizer.encode(
        row.text, pair: row.pair, maximumLength: nil, addSpecialTokens: true)
      return [whole.headAndTail(encoder.maximumLength) ?? encoder.encode(row.text, row.pair)]
    case .windows:
      // Of a pair the longer text is gone through, with the other beside each part of it.
      let longer = (row.pair?.utf8.count ?? 0) > row.text.utf8.count ? 1 : 0
      do {
        return try encoder.windows(of: row.text, row.pair, over: longer)
      } catch let error as GraftError {
        throw error.inRow(row)
      }
    }
  }
}

extension Encoding {
  /// The encoding without the middle of its longest text, so that it has at most so many tokens: a quarter of the room
  /// is for the text's start.
  ///
  /// - Returns: `nil` when the other tokens leave no room.
  func headAndTail(_ most: Int) -> Encoding? {
    let excess = ids.count - most
    guard excess > 0 else { return self }
    guard let longest = sequences.indices.max(by: { sequences[$0].count < sequences[$1].count }) else {
      return nil
    }
    let range = sequences[longest]
    let room = range.count - excess
    guard room > 1 else { return nil }
    let start = range.lowerBound + max(1, room / 4)
    let cut = start..<start + excess
    var result = self
    result.ids.removeSubrange(cut)
    result.tokenTypes.removeSubrange(cut)
    result.offsets.removeSubrange(cut)
    result.isSpecial.removeSubrange(cut)
    result.sequences = sequences.map { sequence in
      let lower = sequence.lowerBound >= cut.upperBound ? sequence.lowerBound - excess : sequence.lowerBound
      let upper = sequence.upperBound >= cut.upperBound ? sequence.upperBound - excess : sequence.upperBound
      return lower..<upper
    }
    return result
  }
}
