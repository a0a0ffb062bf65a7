/// The type in which the linear layers of an encoder and, in bfloat16, its attention multiply in inference. Sums are exact in
/// int8 and in float32 otherwise; everything else, heads too, is in float32.
public enum WeightPrecision: String, Sendable, CaseIterable {
  case float32
  /// Operands are rounded to bfloat16, to the nearest, ties to even.
  case bfloat16
  /// Operands are rounded to whole numbers from −127 to 127, times a scale: one for each output of a weight and one
  /// for each row of what it is multiplied by, so that a token's result does not depend on other tokens.
  case int8
}
