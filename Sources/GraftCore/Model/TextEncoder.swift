import GraftTensors

/// A tokenizer, and how long what it makes may be.
public struct TextEncoder: Sendable {
  public let tokenizer: any Tokenizer
  /// The most tokens of an example, special ones included.
  public let maximumLength: Int
  /// How many tokens a window repeats of the one before it.
  public let stride: Int

  /// - Parameters:
  ///   - tokenizer: What splits texts into tokens.
  ///   - maximumLength: The most tokens of an example, special ones included.
  ///   - stride: How many tokens a window repeats of the one before it; `nil` is a quarter of the longest.
  public init(_ tokenizer: any Tokenizer, maximumLength: Int, stride: Int? = nil) {
    self.tokenizer = tokenizer
    self.maximumLength = maximumLength
    // Beside two special tokens a window has to go on by one.
    self.stride = stride ?? max(0, min(maximumLength / 4, maximumLength - 3))
  }

  /// A text, or a pair, cut to the longest that is allowed.
  public func encode(_ text: String, _ pair: String? = nil) -> Encoding {
    tokenizer.encode(text, pair: pair, maximumLength: maximumLength, addSpecialTokens: true)
  }

  /// A text, or a pair, as windows over one of the two, each of the longest that is allowed; see
  /// ``Tokenizer/windows(of:pair:over:maximumLength:stride:)``.
  ///
  /// - Throws: `GraftError` when the stride leaves no room for anything else.
  public func windows(of text: String, _ pair: String? = nil, over sequence: Int = 0) throws -> [Encoding] {
    try tokenizer.windows(
      of: text, pair: pair, over: sequence, maximumLength: maximumLength, stride: stride)
  }
}
