/// How many things of each kind there are in some rows, how many were found, and how many of those are right: the
/// entities of texts.
///
/// Scores are those of `seqeval` 1.2.2: a quotient without a denominator is 0, the kinds are those that there are or
/// that were found. https://github.com/chakki-works/seqeval
public struct KindCounts: Sendable, Equatable, Codable {
  private struct Counts: Equatable, Codable {
    var hits = 0
    var predicted = 0
    var actual = 0
  }

  private var counts: [String: Counts] = [:]

  /// Counts of nothing.
  public init() {}

  /// Counts things of one kind.
  ///
  /// - Parameters:
  ///   - kind: What they are called.
  ///   - actual: How many there are.
  ///   - predicted: How many were found.
  ///   - hits: How many of those are there, at their places.
  public mutating func add(_ kind: String, actual: Int, predicted: Int, hits: Int) {
    var own = counts[kind] ?? Counts()
    own.actual += actual
    own.predicted += predicted
    own.hits += hits
    counts[kind] = own
  }

  /// Adds other counts.
  public mutating func add(_ other: KindCounts) {
    for (kind, own) in other.counts {
      add(kind, actual: own.actual, predicted: own.predicted, hits: own.hits)
    }
  }

  /// The scores of each kind, in the order of their names.
  public var kinds: [(name: String, scores: ConfusionMatrix.Scores)] {
    counts.sorted { $0.key < $1.key }.map { ($0.key, scores(of: $0.value)) }
  }

  private func scores(of counts: Counts) -> ConfusionMatrix.Scores {
    ConfusionMatrix.Scores(hits: counts.hits, predicted: counts.predicted, actual: counts.actual)
  }

  /// Over all things, whatever their kind.
  public var micro: ConfusionMatrix.Scores {
    scores(
      of: counts.values.reduce(into: Counts()) {
        $0.hits += $1.hits
        $0.predicted += $1.predicted
        $0.actual += $1.actual
      })
  }

  /// The mean over kinds.
  public var macro: ConfusionMatrix.Scores { mean { _ in 1 } }

  /// The mean over kinds, each as often as there are things of it.
  public var weighted: ConfusionMatrix.Scores { mean { Double($0.actual) } }

  private func mean(_ weight: (Counts) -> Double) -> ConfusionMatrix.Scores {
    var (mean, total) = (ConfusionMatrix.Scores(hits: 0, predicted: 0, actual: micro.support), 0.0)
    // In one order, so that sums are the same bits whenever they are computed again.
    for own in counts.sorted(by: { $0.key < $1.key }).map(\.value) {
      let (scores, weight) = (scores(of: own), weight(own))
      mean.precision += weight * scores.precision
      mean.recall += weight * scores.recall
      mean.f1 += weight * scores.f1
      total += weight
    }
    guard total > 0 else { return mean }
    mean.precision /= total
    mean.recall /= total
    mean.f1 /= total
    return mean
  }

  /// The averages with what is added to the names of their scores.
  var averages: [(suffix: String, scores: ConfusionMatrix.Scores)] {
    [("", micro), ("_macro", macro), ("_weighted", weighted)]
  }
}
