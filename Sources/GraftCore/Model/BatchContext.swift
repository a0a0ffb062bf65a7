import GraftCompute

/// The facts and the randomness that preparing a batch may need.
public struct BatchContext: Sendable {
  /// A random number of an example by its place in the batch: from another end than those of tokens.
  public func word(ofExample place: Int) -> UInt32 {
    exampleKeys?[place].words(.max).x ?? key.words(.max - UInt32(place)).x
  }

  /// The randomness of this batch, the same whenever this batch of this step is prepared again.
  public let key: RandomKey
  /// Ids of the tokens with a role.
  public let specialTokens: SpecialTokens
  /// The number of ids that random replacement draws from.
  public let vocabularySize: Int
  /// The share of tokens that masked-language modelling predicts.
  public let mlmProbability: Float
  /// The randomness of each example of an evaluation, which is the same in batches of any size; `nil` in training, where
  /// every step has others.
  public let exampleKeys: [RandomKey]?

  public init(
    key: RandomKey, specialTokens: SpecialTokens, vocabularySize: Int, mlmProbability: Float = 0.15,
    exampleKeys: [RandomKey]? = nil
  ) {
    self.key = key
    self.exampleKeys = exampleKeys
    self.specialTokens = specialTokens
    self.vocabularySize = vocabularySize
    self.mlmProbability = mlmProbability
  }
}
