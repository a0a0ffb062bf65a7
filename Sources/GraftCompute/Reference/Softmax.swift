import Foundation

extension Kernels {
  public func softmax(_ x: UnsafeMutablePointer<Float>, scale: Float, rows: Int, columns: Int) {
    for r in 0..<rows {
      let x = x + r * columns
      let largest = (0..<columns).reduce(-Double.infinity) { max($0, Double(scale) * Double(x[$1])) }
      var sum = 0.0
      for c in 0..<columns { sum += exp(Double(scale) * Double(x[c]) - largest) }
      for c in 0..<columns { x[c] = Float(exp(Double(scale) * Double(x[c]) - largest) / sum) }
    }
  }

  public func softmaxGradient(
    p: UnsafePointer<Float>,
    dp: UnsafeMutablePointer<Float>,
    scale: Float,
    rows: Int,
    columns: Int
  ) {
    for r in 0..<rows {
      let (p, dp) = (p + r * columns, dp + r * columns)
      var sum = 0.0
      for c in 0..<columns { sum += Double(p[c]) * Double(dp[c]) }
      for c in 0..<columns { dp[c] = Float(Double(scale) * Double(p[c]) * (Double(dp[c]) - sum)) }
    }
  }

  public func softmaxStatistics(
    _ x: UnsafePointer<Float>,
    to statistics: UnsafeMutablePointer<Double>,
    rows: Int,
    columns: Int
  ) {
    for r in 0..<rows {
      let x = x + r * columns
      let largest = (0..<columns).reduce(-Double.infinity) { max($0, Double(x[$1])) }
      var sum = 0.0
      for c in 0..<columns { sum += exp(Double(x[c]) - largest) }
      (statistics[2 * r], statistics[2 * r + 1]) = (largest, sum)
    }
  }

  public func crossEntropyGradient(
    _ logits: UnsafePointer<Float>,
    classes: UnsafePointer<Int32>,
    statistics: UnsafePointer<Double>,
    scale: Float,
    to gradient: UnsafeMutablePointer<Float>,
    rows: Int,
    columns: Int
  ) {
    for r in 0..<rows {
      let (x, gradient) = (logits + r * columns, gradient + r * columns)
      guard classes[r] >= 0 else {
        gradient.update(repeating: 0, count: columns)
        continue
      }
      for c in 0..<columns {
        let p = exp(Double(x[c]) - statistics[2 * r]) / statistics[2 * r + 1]
        gradient[c] = Float(Double(scale) * (p - (c == Int(classes[r]) ? 1 : 0)))
      }
    }
  }
}
