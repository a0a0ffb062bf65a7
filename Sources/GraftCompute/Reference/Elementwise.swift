import Foundation
import GraftTensors

// Naive kernels in double precision, rounded once: plain enough to be checked by eye.
extension Kernels {
  public func addBias(
    _ bias: UnsafePointer<Float>,
    to y: UnsafeMutablePointer<Float>,
    rows: Int,
    columns: Int
  ) {
    for r in 0..<rows {
      for c in 0..<columns { y[r * columns + c] += bias[c] }
    }
  }

  public func addColumnSums(
    of x: UnsafePointer<Float>,
    rows: Int,
    columns: Int,
    to sums: UnsafeMutablePointer<Float>
  ) {
    for r in 0..<rows {
      for c in 0..<columns { sums[c] += x[r * columns + c] }
    }
  }

  public func add(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, count: Int) {
    for i in 0..<count { y[i] += x[i] }
  }

  public func round(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<BFloat16>, count: Int) {
    for i in 0..<count { y[i] = BFloat16(x[i]) }
  }

  public func squaredNorm(_ x: UnsafePointer<Float>, count: Int) -> Double {
    var sum = 0.0
    for i in 0..<count { sum += Double(x[i]) * Double(x[i]) }
    return sum
  }

  public func activate(
    _ activation: Activation,
    _ x: UnsafePointer<Float>,
    to y: UnsafeMutablePointer<Float>,
    count: Int
  ) {
    for i in 0..<count { y[i] = Float(activation.value(Double(x[i]))) }
  }

  public func activationGradient(
    _ activation: Activation,
    x: UnsafePointer<Float>,
    dy: UnsafePointer<Float>,
    to dx: UnsafeMutablePointer<Float>,
    count: Int
  ) {
    for i in 0..<count { dx[i] = Float(Double(dy[i]) * activation.derivative(Double(x[i]))) }
  }

  public func dropout(
    _ x: UnsafePointer<Float>,
    to y: UnsafeMutablePointer<Float>,
    count: Int,
    probability: Float,
    key: RandomKey,
    start: Int
  ) {
    precondition(start.isMultiple(of: 4), "dropout starts at a multiple of 4, not \(start)")
    let keep = 1 / (1 - probability)
    for i in stride(from: 0, to: count, by: 4) {
      let words = key.words(UInt32(truncatingIfNeeded: (start + i) / 4))
      for j in 0..<min(4, count - i) {
        y[i + j] = Double(words[j]) >= Double(probability) * 0x1p32 ? x[i + j] * keep : 0
      }
    }
  }
}

extension Activation {
  /// `f(x)`.
  func value(_ x: Double) -> Double {
    switch self {
    case .gelu: x * Activation.normalDistribution(x)
    case .geluTanh: 0.5 * x * (1 + Foundation.tanh(Activation.geluTanhArgument(x)))
    case .relu: max(0, x)
    case .tanh: Foundation.tanh(x)
    }
  }

  /// `f'(x)`.
  func derivative(_ x: Double) -> Double {
    switch self {
    case .gelu:
      return Activation.normalDistribution(x) + x * exp(-0.5 * x * x) / (2 * Double.pi).squareRoot()
    case .geluTanh:
      let t = Foundation.tanh(Activation.geluTanhArgument(x))
      let slope = (2 / Double.pi).squareRoot() * (1 + 3 * 0.044715 * x * x)
      return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope
    case .relu: return x > 0 ? 1 : 0
    case .tanh:
      let c = cosh(x)
      return 1 / (c * c)
    }
  }

  /// Φ(x); by `erfc`, which keeps its digits where Φ is nearly 0.
  private static func normalDistribution(_ x: Double) -> Double { 0.5 * erfc(-x * 0.5.squareRoot()) }

  private static func geluTanhArgument(_ x: Double) -> Double {
    (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)
  }
}
