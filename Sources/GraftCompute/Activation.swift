/// The smooth activation of BERT, exact or approximated, and the other activations that its heads use.
public enum Activation: String, Sendable, CaseIterable {
  /// `x · Φ(x)` with the error function. Hendrycks & Gimpel, arXiv:1606.08415.
  case gelu
  /// The tanh approximation of the same paper, which Google's and Keras' BERT use.
  case geluTanh
  case relu
  case tanh
}
