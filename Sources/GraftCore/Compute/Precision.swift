/// The type in which matrix products multiply. Their sums, and everything else, are in float32.
public enum Precision: String, Sendable, CaseIterable {
  case float32
  /// Operands are rounded to bfloat16, to the nearest, ties to even.
  case bfloat16
}
