/// The type in which the products of linear layers and of attention multiply. Their sums and everything else are in
/// float32.
public enum Precision: String, Sendable, CaseIterable, Codable {
  case float32
  /// Operands are rounded to bfloat16, to the nearest, ties to even.
  case bfloat16
}
