import GraftCompute

/// How sure the difference between two arms' accuracies is: a bootstrap interval over test rows and seeds.
///
/// A resample draws test rows with replacement, the same for both arms, and seeds with replacement; its
/// difference is that of the mean accuracies over the drawn seeds and rows. Where both arms have the same seeds,
/// in the same order, they are drawn in pairs, for a seed then stands for the same data order and the same new
/// weights in both; else each arm draws its own. With one seed only rows vary, and nothing is said about other
/// seeds. The interval is the percentile interval, its ends interpolated linearly between resamples.
///
/// Sellam et al., "The MultiBERTs", ICLR 2022, arXiv:2106.16163, section 4 (the Multi-Bootstrap); Efron and
/// Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3. With few seeds the interval is somewhat too
/// narrow, as any bootstrap of few values is.
public struct PairedBootstrap: Sendable, Equatable {
  /// The difference of the mean accuracies, second minus first.
  public let difference: Double
  /// Where the difference is with probability `level`.
  public let interval: ClosedRange<Double>
  public let level: Double
  public let resamples: Int
  /// How many seeds were resampled, of the arm with fewer.
  public let seeds: Int

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
    let rows = first.first?.count ?? 0
    precondition(rows > 0 && !second.isEmpty && (first + second).allSatisfy { $0.count == rows })
    precondition(!paired || first.count == second.count)
    let hits = Hits(first, second, rows: rows)
    difference = hits.difference(
      rows: 0..<rows, firstSeeds: Array(first.indices), secondSeeds: Array(second.indices))
    var draw = Draw(RandomKey(seed: seed).generator)
    var drawn = [Int](repeating: 0, count: rows)
    let differences = (0..<resamples).map { _ in
      for index in drawn.indices { drawn[index] = draw(below: rows) }
      let firstSeeds = first.indices.map { _ in draw(below: first.count) }
      let secondSeeds = paired ? firstSeeds : second.indices.map { _ in draw(below: second.count) }
      return hits.difference(rows: drawn, firstSeeds: firstSeeds, secondSeeds: secondSeeds)
    }.sorted()
    interval =
      differences.quantile((1 - level) / 2)...differences.quantile((1 + level) / 2)
    self.level = level
    self.resamples = resamples
    seeds = min(first.count, second.count)
  }

  /// Whether zero is outside the interval.
  public var isClear: Bool { !interval.contains(0) }

  /// Which rows are right, row by row, so that a drawn row is read in one place.
  private struct Hits {
    /// `[row][seed]`, the first arm's seeds before the second's.
    let values: [Int32]
    let (firstCount, width): (Int, Int)

    init(_ first: [[Bool]], _ second: [[Bool]], rows: Int) {
      let all = first + second
      (firstCount, width) = (first.count, all.count)
      values = (0..<rows).flatMap { row in all.map { $0[row] ? 1 : 0 } }
    }

    /// The difference of mean accuracies over rows and seeds, either perhaps several times.
    func difference(rows: some Collection<Int>, firstSeeds: [Int], secondSeeds: [Int]) -> Double {
      var sums = [Int32](repeating: 0, count: width)
      values.withUnsafeBufferPointer { values in
        sums.withUnsafeMutableBufferPointer { sums in
          for row in rows {
            for seed in 0..<width { sums[seed] &+= values[row &* width &+ seed] }
          }
        }
      }
      func mean(_ seeds: [Int], from start: Int) -> Double {
        Double(seeds.reduce(0) { $0 + Int(sums[start + $1]) }) / Double(seeds.count * rows.count)
      }
      return mean(secondSeeds, from: firstCount) - mean(firstSeeds, from: 0)
    }
  }

  /// Numbers below a bound, uniform to one part in 2³² / bound.
  private struct Draw {
    private var generator: Philox

    init(_ generator: Philox) { self.generator = generator }

    mutating func callAsFunction(below bound: Int) -> Int {
      Int((UInt64(generator.nextWord()) * UInt64(bound)) >> 32)
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
