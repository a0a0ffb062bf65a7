import GraftCore

/// A tokenizer that makes pieces of a text, and leaves everything around them to a ``TokenizerCore``.
public protocol CoreTokenizer: Tokenizer {
  var core: TokenizerCore { get }

  /// The pieces of a text, at least as many of them as `limit` if there are so many.
  func pieces(of text: String, limit: Int) -> Pieces
}

extension CoreTokenizer {
  public var specialTokens: SpecialTokens { core.specialTokens }

  public var notes: [String] { core.notes }

  public var truncationDirection: Truncation.Direction {
    core.configuration["truncation_side"] == "left" ? .left : .right
  }

  public var vocabularySize: Int { core.vocabularySize }

  public func id(of token: String) -> Int32? { core.vocabulary.id(of: token) }

  public func token(of id: Int32) -> String? { core.token(of: id) }

  public func encode(_ text: String, pair: String?, truncation: Truncation?, addSpecialTokens: Bool)
    -> Encoding
  {
    // A method passed by name would copy the whole tokenizer for each text.
    core.encode(
      text, pair: pair, truncation: truncation, addSpecialTokens: addSpecialTokens,
      pieces: { pieces(of: $0, limit: $1) })
  }

  public func windows(of text: String, pair: String?, over sequence: Int, maximumLength: Int, stride: Int)
    throws -> [Encoding]
  {
    try core.windows(
      of: text, pair: pair, over: sequence, maximumLength: maximumLength, stride: stride,
      pieces: { pieces(of: $0, limit: $1) })
  }

  public func decode(_ ids: [Int32], skippingSpecialTokens: Bool) -> String {
    text(of: Array(core.tokens(of: ids, skippingSpecialTokens: skippingSpecialTokens)))
  }
}
