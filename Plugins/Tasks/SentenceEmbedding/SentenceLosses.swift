import Foundation
import GraftCore

/// A loss over the vectors of a batch, with its derivative, in double precision.
///
/// The formulas are those of sentence-transformers:
/// https://sbert.net/docs/package_reference/sentence_transformer/losses.html.
struct SentenceLossFunction {
  let loss: SentenceLoss
  let options: SentenceLossOptions

  /// - Parameters:
  ///   - vectors: Those of each row's texts, one row after another.
  ///   - texts: How many texts a row has.
  ///   - scores: One for each row, for losses that learn from them.
  /// - Returns: The loss, and its derivative with respect to the vectors.
  func callAsFunction(
    _ vectors: VectorMatrix, texts: Int, scores: [Double]
  ) -> (value: Double, gradient: VectorMatrix) {
    guard let widths = options.widths else { return whole(vectors, texts, scores) }
    var (value, gradient) = (0.0, VectorMatrix(rows: vectors.rows, width: vectors.width))
    for (width, weight) in widths.weights {
      let (normalized, lengths) = vectors.truncated(to: width).normalized()
      let own = whole(normalized, texts, scores)
      value += weight * own.value
      let slopes = own.gradient.backThroughNormalizing(normalized, lengths: lengths)
      for row in 0..<vectors.rows {
        for column in 0..<slopes.width {
          gradient.values[row * vectors.width + column] +=
            weight * slopes.values[row * slopes.width + column]
        }
      }
    }
    return (value, gradient)
  }

  /// The loss of vectors of one width.
  private func whole(
    _ vectors: VectorMatrix, _ texts: Int, _ scores: [Double]
  ) -> (value: Double, gradient: VectorMatrix) {
    var similarity = RowSimilarity(options.similarity ?? loss.usualSimilarity, vectors)
    let rows = vectors.rows / texts
    let value =
      switch loss {
      case .multipleNegatives: multipleNegatives(&similarity, rows, texts)
      case .cosent: cosent(&similarity, scores.map { Float($0) })
      case .cosine: squaredDifference(&similarity, scores)
      case .triplet: triplet(&similarity, rows)
      }
    return (value, similarity.gradient)
  }

  private func multipleNegatives(_ similarity: inout RowSimilarity, _ rows: Int, _ texts: Int) -> Double {
    // Every text but anchors, whichever row it is of.
    let candidates = (1..<texts).flatMap { text in (0..<rows).map { $0 * texts + text } }
    var sum = 0.0
    for row in 0..<rows {
      let anchor = row * texts
      let logits = candidates.map { options.scale * similarity(anchor, $0) }
      let largest = logits.max() ?? 0
      let weights = logits.map { exp($0 - largest) }
      let total = weights.reduce(0, +)
      sum += largest + log(total) - logits[row]
      for (place, candidate) in candidates.enumerated() {
        let slope = weights[place] / total - (place == row ? 1 : 0)
        similarity.addGradient(anchor, candidate, factor: slope * options.scale / Double(rows))
      }
    }
    return sum / Double(rows)
  }

  /// `log(1 + Σ exp(sᵢ - sⱼ))` over all pairs of rows whose first has the lower score.
  private func cosent(_ similarity: inout RowSimilarity, _ scores: [Float]) -> Double {
    let values = scores.indices.map { options.scale * similarity(2 * $0, 2 * $0 + 1) }
    let pairs = scores.indices.flatMap { low in
      scores.indices.filter { scores[low] < scores[$0] }.map { (low: low, high: $0) }
    }
    let differences = pairs.map { values[$0.low] - values[$0.high] }
    let largest = max(0, differences.max() ?? 0)
    let weights = differences.map { exp($0 - largest) }
    let total = exp(-largest) + weights.reduce(0, +)
    var slopes = [Double](repeating: 0, count: scores.count)
    for (pair, weight) in zip(pairs, weights) {
      slopes[pair.low] += weight / total
      slopes[pair.high] -= weight / total
    }
    for row in scores.indices {
      similarity.addGradient(2 * row, 2 * row + 1, factor: slopes[row] * options.scale)
    }
    return largest + log(total)
  }

  private func squaredDifference(_ similarity: inout RowSimilarity, _ scores: [Double]) -> Double {
    var sum = 0.0
    for (row, score) in scores.enumerated() {
      let difference = similarity(2 * row, 2 * row + 1) - score
      sum += difference * difference
      similarity.addGradient(2 * row, 2 * row + 1, factor: 2 * difference / Double(scores.count))
    }
    return sum / Double(scores.count)
  }

  private func triplet(_ similarity: inout RowSimilarity, _ rows: Int) -> Double {
    var sum = 0.0
    for row in 0..<rows {
      let anchor = 3 * row
      let loss = similarity(anchor, anchor + 2) - similarity(anchor, anchor + 1) + options.margin
      guard loss > 0 else { continue }
      sum += loss
      similarity.addGradient(anchor, anchor + 2, factor: 1 / Double(rows))
      similarity.addGradient(anchor, anchor + 1, factor: -1 / Double(rows))
    }
    return sum / Double(rows)
  }
}
