/// Several measurements of one quantity, such as the accuracies of several seeds.
public struct Summary: Sendable, Equatable {
  public let values: [Double]
  public let mean: Double
  /// The sample standard deviation, with `n − 1` in the denominator; `nil` for a single value.
  public let deviation: Double?
  public let range: ClosedRange<Double>

  /// - Precondition: there is a value, and none is NaN.
  public init(_ values: [Double]) {
    precondition(!values.isEmpty)
    self.values = values
    let mean = values.reduce(0, +) / Double(values.count)
    self.mean = mean
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    deviation = values.count > 1 ? (squares / Double(values.count - 1)).squareRoot() : nil
    range = (values.min() ?? mean)...(values.max() ?? mean)
  }
}
