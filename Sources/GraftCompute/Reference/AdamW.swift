import GraftTensors

extension Kernels {
  public func adamW(
    _ update: AdamWUpdate,
    weights: UnsafeMutablePointer<Float>,
    gradient: UnsafePointer<Float>,
    firstMoment: UnsafeMutablePointer<Float>,
    secondMoment: UnsafeMutablePointer<Float>,
    rounded: UnsafeMutablePointer<BFloat16>?,
    count: Int
  ) {
    let decay = 1 - update.learningRate * update.weightDecay
    let stepSize = update.learningRate / update.biasCorrection1
    let root = update.biasCorrection2.squareRoot()
    for i in 0..<count {
      let g = gradient[i] * update.gradientScale
      firstMoment[i] += (g - firstMoment[i]) * (1 - update.beta1)
      secondMoment[i] = update.beta2 * secondMoment[i] + (1 - update.beta2) * g * g
      let denominator = secondMoment[i].squareRoot() / root + update.epsilon
      weights[i] = weights[i] * decay - stepSize * firstMoment[i] / denominator
      rounded?[i] = BFloat16(weights[i])
    }
  }
}
