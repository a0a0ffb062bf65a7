/// The numbers of one AdamW step, the same for every weight of a parameter.
public struct AdamWUpdate: Sendable, Equatable {
  public var learningRate: Float
  public var beta1: Float
  public var beta2: Float
  public var epsilon: Float
  /// 0 for parameters exempt from decay.
  public var weightDecay: Float
  /// `1 − beta1ᵗ`.
  public var biasCorrection1: Float
  /// `1 − beta2ᵗ`.
  public var biasCorrection2: Float
  /// What the gradient is multiplied by first: clipping and averaging.
  public var gradientScale: Float

  public init(
    learningRate: Float,
    beta1: Float,
    beta2: Float,
    epsilon: Float,
    weightDecay: Float,
    biasCorrection1: Float,
    biasCorrection2: Float,
    gradientScale: Float
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.biasCorrection1 = biasCorrection1
    self.biasCorrection2 = biasCorrection2
    self.gradientScale = gradientScale
  }
}
