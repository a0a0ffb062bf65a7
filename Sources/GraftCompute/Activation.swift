/// What a layer does to each element.
///
/// Backends have fast kernels for those that BERT computes with; the others may be naive ones.
public enum Activation: String, Sendable, CaseIterable {
  /// `x · Φ(x)` with the error function. Hendrycks & Gimpel, arXiv:1606.08415.
  case gelu
  /// The tanh approximation of the same paper, which Google's and Keras' BERT use.
  case geluTanh
  /// `x · σ(1.702 x)`, the sigmoid approximation of the same paper.
  case quickGELU
  /// GELU cut to −10 … 10, for quantized models. Wu et al., arXiv:2004.09602.
  case clippedGELU
  case relu
  /// `x · σ(x)`, also called swish. Elfwing et al., arXiv:1702.03118.
  case silu
  /// `x · tanh(log(1 + eˣ))`. Misra, arXiv:1908.08681.
  case mish
  case tanh
  /// `σ(x) = 1 / (1 + e⁻ˣ)`.
  case sigmoid
  /// `x` itself.
  case identity
}
