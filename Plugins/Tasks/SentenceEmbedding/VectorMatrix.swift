/// Rows of numbers in double precision.
struct VectorMatrix {
  let rows: Int
  let width: Int
  /// `[rows, width]`.
  var values: [Double]

  init(rows: Int, width: Int, values: [Double]) {
    precondition(values.count == rows * width)
    (self.rows, self.width, self.values) = (rows, width, values)
  }

  /// Zeros.
  init(rows: Int, width: Int) {
    self.init(rows: rows, width: width, values: Array(repeating: 0, count: rows * width))
  }

  /// The first numbers of each row.
  func truncated(to width: Int) -> VectorMatrix {
    guard width < self.width else { return self }
    return VectorMatrix(
      rows: rows, width: width,
      values: (0..<rows).flatMap { values[$0 * self.width..<$0 * self.width + width] })
  }

  /// Each row divided by its length, and the lengths, which are at least 1e-12.
  func normalized() -> (VectorMatrix, lengths: [Double]) {
    var result = self
    let lengths = (0..<rows).map { row in max(dot(row, self, row).squareRoot(), 1e-12) }
    for row in 0..<rows {
      for place in row * width..<(row + 1) * width { result.values[place] /= lengths[row] }
    }
    return (result, lengths)
  }

  /// The derivative with respect to rows, from that with respect to what ``normalized()`` made of them.
  func backThroughNormalizing(_ normalized: VectorMatrix, lengths: [Double]) -> VectorMatrix {
    var result = self
    for row in 0..<rows {
      let along = lengths[row] > 1e-12 ? dot(row, normalized, row) : 0
      for place in row * width..<(row + 1) * width {
        result.values[place] = (values[place] - along * normalized.values[place]) / lengths[row]
      }
    }
    return result
  }

  /// The dot product of a row with one of another matrix of the same width.
  func dot(_ row: Int, _ other: VectorMatrix, _ otherRow: Int) -> Double {
    values.withUnsafeBufferPointer { one in
      other.values.withUnsafeBufferPointer { two in
        var sum = 0.0
        let (first, second) = (row * width, otherRow * width)
        for column in 0..<width { sum += one[first + column] * two[second + column] }
        return sum
      }
    }
  }
}
