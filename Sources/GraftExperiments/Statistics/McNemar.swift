import Foundation

/// McNemar's test: whether two classifiers differ, from the rows that exactly one of them has right.
///
/// With fewer than 25 such rows the exact binomial test, else chi-squared with Edwards' continuity correction.
/// McNemar, Psychometrika 12, 1947; Edwards, Psychometrika 13, 1948. It is about two trained models: the rows of
/// several seeds must not be thrown together, for they are not independent.
public struct McNemar: Sendable, Equatable {
  /// How many rows the first alone has right.
  public let onlyFirst: Int
  /// How many rows the second alone has right.
  public let onlySecond: Int
  /// The probability of counts at least this unequal, if the classifiers are equally good: two-sided.
  public let p: Double
  /// Whether `p` is the exact binomial test's.
  public var isExact: Bool { onlyFirst + onlySecond < McNemar.fewest }

  private static let fewest = 25

  /// The test of two counts of rows.
  public init(onlyFirst: Int, onlySecond: Int) {
    self.onlyFirst = onlyFirst
    self.onlySecond = onlySecond
    let count = onlyFirst + onlySecond
    if count < McNemar.fewest {
      // Twice the smaller tail of a fair coin, each term from the one before.
      var (term, tail) = (1.0, 0.0)
      for heads in 0...min(onlyFirst, onlySecond) {
        tail += term
        term *= Double(count - heads) / Double(heads + 1)
      }
      p = min(1, 2 * tail / pow(2, Double(count)))
    } else {
      let excess = Double(abs(onlyFirst - onlySecond) - 1)
      // The upper tail of chi-squared with one degree of freedom.
      p = erfc((excess * excess / Double(count) / 2).squareRoot())
    }
  }

  /// The test of two classifiers on the same rows.
  ///
  /// - Parameters:
  ///   - first: Whether each row is right.
  ///   - second: The same, of the same rows.
  public init(_ first: [Bool], _ second: [Bool]) {
    precondition(first.count == second.count)
    let pairs = zip(first, second)
    self.init(onlyFirst: pairs.count { $0 && !$1 }, onlySecond: pairs.count { !$0 && $1 })
  }
}
