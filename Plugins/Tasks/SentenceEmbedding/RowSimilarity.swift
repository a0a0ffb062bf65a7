import GraftCore

/// The similarity of rows of a matrix, and its derivative.
///
/// The cosine is the dot product of rows of length 1, whose derivative goes on through their lengths.
struct RowSimilarity {
  /// What rows are compared as: of length 1 for the cosine.
  private let compared: VectorMatrix
  private let lengths: [Double]?
  private let kind: VectorSimilarity
  /// With respect to ``compared``.
  private var slopes: VectorMatrix

  init(_ kind: VectorSimilarity, _ matrix: VectorMatrix) {
    self.kind = kind
    if kind == .cosine {
      let (normalized, lengths) = matrix.normalized()
      (compared, self.lengths) = (normalized, lengths)
    } else {
      (compared, lengths) = (matrix, nil)
    }
    slopes = VectorMatrix(rows: matrix.rows, width: matrix.width)
  }

  /// The similarity of two rows.
  func callAsFunction(_ first: Int, _ second: Int) -> Double {
    switch kind {
    case .cosine, .dot: compared.dot(first, compared, second)
    case .euclidean: -distance(first, second)
    case .manhattan:
      -(0..<compared.width).reduce(0) { sum, column in
        sum + abs(difference(first, second, column))
      }
    }
  }

  /// Adds the derivative of `factor` times the similarity of two rows.
  mutating func addGradient(_ first: Int, _ second: Int, factor: Double) {
    guard factor != 0 else { return }
    let width = compared.width
    let (one, two) = (first * width, second * width)
    switch kind {
    case .cosine, .dot:
      for column in 0..<width {
        slopes.values[one + column] += factor * compared.values[two + column]
        slopes.values[two + column] += factor * compared.values[one + column]
      }
    case .euclidean:
      let distance = distance(first, second)
      // At no distance, where there is no derivative, it is 0, as PyTorch has it.
      guard distance > 0 else { return }
      for column in 0..<width {
        let slope = -factor * difference(first, second, column) / distance
        slopes.values[one + column] += slope
        slopes.values[two + column] -= slope
      }
    case .manhattan:
      for column in 0..<width {
        let difference = difference(first, second, column)
        let slope = difference > 0 ? -factor : difference < 0 ? factor : 0
        slopes.values[one + column] += slope
        slopes.values[two + column] -= slope
      }
    }
  }

  /// The sum of what was added, with respect to the matrix.
  var gradient: VectorMatrix {
    lengths.map { slopes.backThroughNormalizing(compared, lengths: $0) } ?? slopes
  }

  private func difference(_ first: Int, _ second: Int, _ column: Int) -> Double {
    compared.values[first * compared.width + column] - compared.values[second * compared.width + column]
  }

  private func distance(_ first: Int, _ second: Int) -> Double {
    (0..<compared.width).reduce(0) { sum, column in
      let difference = difference(first, second, column)
      return sum + difference * difference
    }.squareRoot()
  }
}
