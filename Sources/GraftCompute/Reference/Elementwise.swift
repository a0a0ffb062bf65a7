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
    case .quickGELU: x * Activation.sigmoid(1.702 * x)
    case .clippedGELU: min(10, max(-10, Activation.gelu.value(x)))
    case .relu: max(0, x)
    case .silu: x * Activation.sigmoid(x)
    case .mish: x * Foundation.tanh(Activation.softplus(x))
    case .tanh: Foundation.tanh(x)
    case .sigmoid: Activation.sigmoid(x)
    case .identity: x
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
    case .quickGELU:
      let s = Activation.sigmoid(1.702 * x)
      return s + 1.702 * x * s * (1 - s)
    case .clippedGELU:
      return abs(Activation.gelu.value(x)) < 10 ? Activation.gelu.derivative(x) : 0
    case .relu: return x > 0 ? 1 : 0
    case .silu:
      let s = Activation.sigmoid(x)
      return s + x * s * (1 - s)
    case .mish:
      let t = Foundation.tanh(Activation.softplus(x))
      return t + x * (1 - t * t) * Activation.sigmoid(x)
    case .tanh:
      let c = cosh(x)
      return 1 / (c * c)
    case .sigmoid:
      let s = Activation.sigmoid(x)
      return s * (1 - s)
    case .identity: return 1
    }
  }

  private static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  /// `log(1 + eˣ)`, which is `x` where `eˣ` would overflow.
  private static func softplus(_ x: Double) -> Double { x > 40 ? x : log1p(exp(x)) }

  /// Φ(x); by `erfc`, which keeps its digits where Φ is nearly 0.
  private static func normalDistribution(_ x: Double) -> Double { 0.5 * erfc(-x * 0.5.squareRoot()) }

  private static func geluTanhArgument(_ x: Double) -> Double {
    (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)
  }
}
