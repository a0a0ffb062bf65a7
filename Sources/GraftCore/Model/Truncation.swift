/// How an encoding is made to fit a length.
///
/// The strategies are those of `tokenizers`.
public struct Truncation: Sendable, Equatable {
  /// Which sequence of a pair is cut.
  public enum Strategy: Sendable {
    /// The longer one, and both once they are equally long.
    case longestFirst
    case onlyFirst
    /// The second; the first when there is no second.
    case onlySecond
  }

  /// The end at which a sequence is cut.
  public enum Direction: Sendable {
    case right
    case left
  }

  /// The most ids, special tokens included.
  public var maximumLength: Int
  public var strategy: Strategy
  public var direction: Direction

  public init(_ maximumLength: Int, strategy: Strategy = .longestFirst, direction: Direction = .right) {
    self.maximumLength = maximumLength
    self.strategy = strategy
    self.direction = direction
  }

  /// How many tokens of each sequence stay; none of either when special tokens take all the room.
  ///
  /// A strategy that spares one sequence may not be able to keep within the length by cutting the other; then
  /// nothing of the other stays, and whoever joins them has to cut the result.
  ///
  /// - Parameters:
  ///   - lengths: The tokens of the first sequence and of the second, 0 when there is none.
  ///   - hasPair: Whether there is a second.
  ///   - added: How many special tokens are added.
  public func lengths(_ lengths: (Int, Int), hasPair: Bool, added: Int) -> (Int, Int) {
    let maximum = max(0, maximumLength - added)
    guard maximum > 0 else { return (0, 0) }
    let excess = lengths.0 + lengths.1 - maximum
    guard excess > 0 else { return lengths }
    switch strategy {
    case .onlySecond where hasPair: return (lengths.0, max(0, lengths.1 - excess))
    case .onlyFirst, .onlySecond: return (max(0, lengths.0 - excess), lengths.1)
    case .longestFirst:
      let shorter = min(lengths.0, lengths.1)
      // An odd place goes to the longer one, and to the second of two that are equally long.
      let (few, many) =
        2 * shorter > maximum ? (maximum / 2, maximum - maximum / 2) : (shorter, maximum - shorter)
      return lengths.0 > lengths.1 ? (many, few) : (few, many)
    }
  }
}
