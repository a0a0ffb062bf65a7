import Foundation

extension Collection<Float> {
  /// The probabilities of logits, in single precision: `exp(xᵢ - max) / Σ exp(xⱼ - max)`.
  package func softmax() -> [Float] {
    let largest = self.max() ?? 0
    let powers = map { exp($0 - largest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }
}
