import GraftCompute

/// How a new parameter starts.
///
/// The initializers that published models use are ready-made. A plugin makes its own from a closure:
///
///     let small = Initializer { shape, generator in
///       (0..<shape.reduce(1, *)).map { _ in 0.01 * generator.normal() }
///     }
public struct Initializer: Sendable {
  private let draw: @Sendable (_ shape: [Int], _ generator: inout Philox) -> [Float]

  /// - Parameter draw: Makes the values of a parameter of a shape, in row-major order, as many as the shape
  ///   has. It takes its randomness from the generator alone, so that a seed gives the same model everywhere.
  public init(_ draw: @escaping @Sendable (_ shape: [Int], _ generator: inout Philox) -> [Float]) {
    self.draw = draw
  }

  /// The values of a new parameter, in row-major order.
  ///
  /// - Parameters:
  ///   - shape: The parameter's extents.
  ///   - generator: The randomness; each parameter has a stream of its own.
  public func values(_ shape: [Int], _ generator: inout Philox) -> [Float] {
    let values = draw(shape, &generator)
    precondition(values.count == shape.reduce(1, *), "initializer: \(values.count) values for \(shape)")
    return values
  }

  /// Every value is one number.
  public static func constant(_ value: Float) -> Initializer {
    Initializer { shape, _ in [Float](repeating: value, count: shape.reduce(1, *)) }
  }

  public static let zeros = constant(0)
  public static let ones = constant(1)

  /// Normally distributed around 0.
  public static func normal(deviation: Double) -> Initializer {
    Initializer { shape, generator in
      (0..<shape.reduce(1, *)).map { _ in Float(deviation) * generator.normal() }
    }
  }

  /// Normally distributed around 0, with what lies further out drawn again.
  ///
  /// - Parameters:
  ///   - deviation: The standard deviation before truncation.
  ///   - cutoff: The largest distance from 0 that is kept, in standard deviations; above 0.
  public static func truncatedNormal(deviation: Double, cutoff: Double = 2) -> Initializer {
    precondition(cutoff > 0, "truncatedNormal: cutoff \(cutoff)")
    return Initializer { shape, generator in
      (0..<shape.reduce(1, *)).map { _ in
        var value = generator.normal()
        while abs(Double(value)) > cutoff { value = generator.normal() }
        return Float(deviation) * value
      }
    }
  }

  /// The same with one row of zeros, as an embedding has for the padding token.
  ///
  /// - Parameter row: The row's number. A table without it stays as it is.
  public func zeroingRow(_ row: Int) -> Initializer {
    Initializer { shape, generator in
      var values = values(shape, &generator)
      let columns = shape.dropFirst().reduce(1, *)
      if row >= 0, row < shape.first ?? 0 {
        for column in 0..<columns { values[row * columns + column] = 0 }
      }
      return values
    }
  }
}
