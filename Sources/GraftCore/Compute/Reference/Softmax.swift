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

  public func crossEntropy(
    _ logits: UnsafePointer<Float>,
    classes: UnsafePointer<Int32>,
    loss: UnsafeMutablePointer<Float>,
    gradient: UnsafeMutablePointer<Float>?,
    rows: Int,
    columns: Int
  ) {
    for r in 0..<rows {
      let x = logits + r * columns
      let gradient = gradient.map { $0 + r * columns }
      guard classes[r] >= 0 else {
        loss[r] = 0
        gradient?.update(repeating: 0, count: columns)
        continue
      }
      let label = Int(classes[r])
      let largest = (0..<columns).reduce(-Double.infinity) { max($0, Double(x[$1])) }
      var sum = 0.0
      for c in 0..<columns { sum += exp(Double(x[c]) - largest) }
      loss[r] = Float(log(sum) + largest - Double(x[label]))
      guard let gradient else { continue }
      for c in 0..<columns { gradient[c] = Float(exp(Double(x[c]) - largest) / sum - (c == label ? 1 : 0)) }
    }
  }
}
