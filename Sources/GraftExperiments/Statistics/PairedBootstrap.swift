/// How sure the difference between two arms' scores is: a bootstrap interval over test rows and seeds.
///
/// A resample draws test rows with replacement, the same for both arms, and seeds with replacement; its
/// difference is that of the means, over the drawn seeds, of the score on the drawn rows. Where both arms have the same seeds,
/// in the same order, they are drawn in pairs, for a seed then stands for the same data order and the same new
/// weights in both; else each arm draws its own. With one seed only rows vary, and nothing is said about other
/// seeds. The interval is the percentile interval, its ends interpolated linearly between resamples.
///
/// Sellam et al., "The MultiBERTs", ICLR 2022, arXiv:2106.16163, section 4 (the Multi-Bootstrap); Efron and
/// Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3. With few seeds the interval is somewhat too
/// narrow, as any bootstrap of few values is.
public struct PairedBootstrap: Sendable, Equatable {
  /// The difference of the mean scores, second minus first.
  public let difference: Double
  /// Where the difference is with probability `level`.
  public let interval: ClosedRange<Double>
  public let level: Double
  public let resamples: Int
  /// How many seeds were resampled, of the arm with fewer.
  public let seeds: Int

  /// The difference of accuracies.
  ///
  /// - Parameters:
  ///   - first: Whether each row is right, `[seed][row]`.
  ///   - second: The same of the other arm, on the same rows.
  ///   - paired: Whether the arms' seeds are the same, in the same order.
  ///   - resamples: How many; each takes as long as there are rows times seeds.
  ///   - level: The share of resamples inside the interval.
  ///   - seed: The randomness of the resamples.
  /// - Precondition: there is a seed and a row, all seeds have as many rows, and paired arms as many seeds.
  public init(
    _ first: [[Bool]], _ second: [[Bool]], paired: Bool, resamples: Int = 10_000, level: Double = 0.95,
    seed: UInt64 = 42
  ) {
    func terms(_ hits: [[Bool]]) -> [[[Double]]] { hits.map { $0.map { [$0 ? 1 : 0] } } }
    self.init(
      terms(first), terms(second), paired: paired, resamples: resamples, level: level, seed: seed
    ) { sums, rows in sums[0] / Double(rows) }
  }

  /// The difference of a score that follows from sums over rows, such as F1 or R².
  ///
  /// - Parameters:
  ///   - first: What goes into the sums, `[seed][row][term]`.
  ///   - second: The same of the other arm, on the same rows.
  ///   - paired: Whether the arms' seeds are the same, in the same order.
  ///   - resamples: How many; each takes as long as there are rows times seeds times terms.
  ///   - level: The share of resamples inside the interval.
  ///   - seed: The randomness of the resamples.
  ///   - score: The score of the sums over as many rows.
  /// - Precondition: there is a seed and a row, all seeds have as many rows, all rows as many terms, and paired arms as
  ///   many seeds.
  public init(
    _ first: [[[Double]]], _ second: [[[Double]]], paired: Bool, resamples: Int = 10_000,
    level: Double = 0.95, seed: UInt64 = 42, score: (_ sums: [Double], _ rows: Int) -> Double
  ) {
    let rows = first.first?.count ?? 0
    precondition(rows > 0 && !second.isEmpty && (first + second).allSatisfy { $0.count == rows })
    let terms = Terms(first, second, rows: rows)
    self.init(
      rows: rows, seeds: (first.count, second.count), paired: paired, resamples: resamples, level: level,
      seed: seed
    ) { terms.difference(rows: $0, firstSeeds: $1, secondSeeds: $2, score) }
  }

  /// The difference of a score that has to be computed anew for each resample, such as macro F1 or a rank correlation.
  ///
  /// - Parameters:
  ///   - first: For each seed, the score of rows of which each counts as often as said.
  ///   - second: The same of the other arm, on the same rows.
  ///   - rows: How many rows there are.
  ///   - paired: Whether the arms' seeds are the same, in the same order.
  ///   - resamples: How many; each computes the score of every seed.
  ///   - level: The share of resamples inside the interval.
  ///   - seed: The randomness of the resamples.
  /// - Precondition: there is a seed and a row, and paired arms have as many seeds.
  public init(
    counting first: [(_ counts: [Int]) -> Double], _ second: [(_ counts: [Int]) -> Double], rows: Int,
    paired: Bool, resamples: Int = 10_000, level: Double = 0.95, seed: UInt64 = 42
  ) {
    precondition(rows > 0 && !first.isEmpty && !second.isEmpty)
    self.init(
      rows: rows, seeds: (first.count, second.count), paired: paired, resamples: resamples, level: level,
      seed: seed
    ) { drawn, firstSeeds, secondSeeds in
      var counts = [Int](repeating: 0, count: rows)
      for row in drawn { counts[row] += 1 }
      func mean(_ arm: [([Int]) -> Double], _ seeds: [Int]) -> Double {
        // A seed that is drawn twice has one score.
        var known: [Int: Double] = [:]
        return seeds.reduce(0) { sum, seed in
          let own = known[seed] ?? arm[seed](counts)
          known[seed] = own
          return sum + own
        } / Double(seeds.count)
      }
      return mean(second, secondSeeds) - mean(first, firstSeeds)
    }
  }

  /// - Parameter difference: Of the mean scores of drawn rows and drawn seeds of each arm.
  private init(
    rows: Int, seeds: (first: Int, second: Int), paired: Bool, resamples: Int, level: Double, seed: UInt64,
    difference: (_ rows: [Int], _ firstSeeds: [Int], _ secondSeeds: [Int]) -> Double
  ) {
    precondition(!paired || seeds.first == seeds.second)
    self.difference = difference(Array(0..<rows), Array(0..<seeds.first), Array(0..<seeds.second))
    var draw = Draw(seed: seed)
    var drawn = [Int](repeating: 0, count: rows)
    let differences = (0..<resamples).map { _ in
      for index in drawn.indices { drawn[index] = draw(below: rows) }
      let firstSeeds = (0..<seeds.first).map { _ in draw(below: seeds.first) }
      let secondSeeds = paired ? firstSeeds : (0..<seeds.second).map { _ in draw(below: seeds.second) }
      return difference(drawn, firstSeeds, secondSeeds)
    }.sorted()
    interval =
      differences.quantile((1 - level) / 2)...differences.quantile((1 + level) / 2)
    self.level = level
    self.resamples = resamples
    self.seeds = min(seeds.first, seeds.second)
  }

  /// Whether zero is outside the interval.
  public var isClear: Bool { !interval.contains(0) }

  /// The terms, row by row, so that a drawn row is read in one place.
  private struct Terms {
    /// `[row][seed][term]`, the first arm's seeds before the second's.
    let values: [Double]
    let (firstCount, count, width): (Int, Int, Int)

    init(_ first: [[[Double]]], _ second: [[[Double]]], rows: Int) {
      let all = first + second
      (firstCount, count) = (first.count, first[0][0].count)
      width = all.count * count
      values = (0..<rows).flatMap { row in all.flatMap { $0[row] } }
      precondition(values.count == rows * all.count * count)
    }

    /// The difference of mean scores over rows and seeds, either perhaps several times.
    func difference(
      rows: some Collection<Int>, firstSeeds: [Int], secondSeeds: [Int], _ score: ([Double], Int) -> Double
    ) -> Double {
      var sums = [Double](repeating: 0, count: width)
      values.withUnsafeBufferPointer { values in
        sums.withUnsafeMutableBufferPointer { sums in
          for row in rows {
            for index in 0..<width { sums[index] += values[row &* width &+ index] }
          }
        }
      }
      func mean(_ seeds: [Int], from start: Int) -> Double {
        let scores = seeds.map { seed in
          score(Array(sums[((start + seed) * count)..<((start + seed + 1) * count)]), rows.count)
        }
        return scores.reduce(0, +) / Double(seeds.count)
      }
      return mean(secondSeeds, from: firstCount) - mean(firstSeeds, from: 0)
    }
  }
}

extension [Double] {
  /// A quantile of sorted numbers, interpolated linearly between neighbours, as NumPy does by default.
  ///
  /// - Precondition: they are sorted and not none.
  func quantile(_ share: Double) -> Double {
    let place = share * Double(count - 1)
    let lower = Int(place.rounded(.down))
    let upper = Swift.min(lower + 1, count - 1)
    return self[lower] + (place - Double(lower)) * (self[upper] - self[lower])
  }
}
