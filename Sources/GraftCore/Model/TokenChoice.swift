import GraftCompute
import GraftTensors

extension BatchContext {
  /// The tokens of a batch that are chosen to be predicted or replaced, each with the probability
  /// ``mlmProbability``: never special ones, and at least one other.
  ///
  /// - Parameters:
  ///   - batch: The batch of `examples`' encodings.
  ///   - examples: The examples, in the batch's order.
  /// - Throws: `GraftError` naming the row when there is none that could be chosen.
  public func chosenTokens(of batch: Batch, _ examples: [Example]) throws -> [Int] {
    let isSpecial = examples.flatMap(\.encoding.isSpecial)
    let candidates = batch.ids.indices.filter { !isSpecial[$0] }
    guard !candidates.isEmpty else {
      let error = GraftError(
        .mismatch, "a batch has no token that could be masked",
        advice: "Remove empty texts from the data.")
      throw examples.first.map { error.inRow($0.row) } ?? error
    }
    let chosen = candidates.filter { fraction(words(ofToken: $0).x) < mlmProbability }
    guard chosen.isEmpty else { return chosen }
    return [candidates[Int(key.words(UInt32(batch.tokenCount)).x) % candidates.count]]
  }

  /// Four random numbers of a token: from its own place, so that one choice does not shift the others.
  public func words(ofToken token: Int) -> SIMD4<UInt32> { key.words(UInt32(token)) }

  /// A random number as one in `0 ..< 1`.
  public func fraction(_ word: UInt32) -> Float { Float(word >> 8) * 0x1p-24 }
}

/// Tokens that a generator fills.
public struct HiddenTokens: Sendable, Equatable {
  /// Where they stand, as rows of the hidden states.
  public let places: [Int32]
  /// The text's own token at each place.
  public let ids: [Int32]

  public init(places: [Int32] = [], ids: [Int32] = []) {
    self.places = places
    self.ids = ids
  }
}
