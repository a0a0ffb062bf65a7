/// How numbers become whole numbers from −127 to 127, times a scale that a row has.
public enum SymmetricInt8 {
  /// The largest whole number.
  public static let largest: Float = 127

  /// What a whole number stands for, and what a value is multiplied by to become one.
  ///
  /// - Parameter values: A row.
  /// - Returns: A scale that is not a number where a value is not finite; 0 and 0 where all values are 0, or so small
  ///   that nothing could multiply them.
  public static func scale(of values: UnsafeBufferPointer<Float>) -> (scale: Float, inverse: Float) {
    var (peak, strange) = (Float(0), Float(0))
    for value in values {
      peak = max(peak, value.magnitude)
      // Not a number where the value is infinite or none itself.
      strange += value - value
    }
    guard strange == 0 else { return (.nan, 0) }
    let inverse = largest / peak
    return inverse <= 3e38 ? (peak / largest, inverse) : (0, 0)
  }

  /// The nearest whole number, ties to even.
  ///
  /// - Parameters:
  ///   - value: One of a row.
  ///   - inverse: The row's.
  public static func number(_ value: Float, _ inverse: Float) -> Int8 {
    Int8((value * inverse).rounded(.toNearestOrEven))
  }
}
