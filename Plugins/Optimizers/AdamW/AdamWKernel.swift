import CAdamW
import GraftCompute
import GraftTensors
import VectorKernels

/// The numbers of one AdamW step, the same for every weight of a parameter.
struct AdamWUpdate: Sendable, Equatable {
  var learningRate: Float
  var beta1: Float
  var beta2: Float
  var epsilon: Float
  /// 0 for parameters exempt from decay.
  var weightDecay: Float
  /// `1 − beta1ᵗ`.
  var biasCorrection1: Float
  /// `1 − beta2ᵗ`.
  var biasCorrection2: Float
  /// What the gradient is multiplied by first: clipping and averaging.
  var gradientScale: Float
}

/// One AdamW update of `count` weights: `w ← w · (1 − lr · decay)`, `m ← m + (g − m)(1 − β₁)`,
/// `v ← β₂ v + (1 − β₂) g²`, `w ← w − lr / c₁ · m / (√v / √c₂ + ε)` with `g` scaled by
/// ``AdamWUpdate/gradientScale``.
///
/// `rounded` receives the new weights in bfloat16, unless it is `nil`.
protocol AdamWKernel: Sendable {
  func update(
    _ update: AdamWUpdate,
    weights: UnsafeMutablePointer<Float>,
    gradient: UnsafePointer<Float>,
    firstMoment: UnsafeMutablePointer<Float>,
    secondMoment: UnsafeMutablePointer<Float>,
    rounded: UnsafeMutablePointer<BFloat16>?,
    count: Int
  )
}

/// The formulas as they stand: the oracle that the vector kernel is tested against, and what the reference backend
/// trains with.
struct NaiveAdamWKernel: AdamWKernel {
  func update(
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

/// The update in the CPU's widest vectors, chosen when the program runs.
struct VectorAdamWKernel: AdamWKernel, @unchecked Sendable {
  // A pointer to a function that has no state.
  private let kernel: GraftAdamWKernel

  /// The kernel for an instruction set, unless this CPU lacks it.
  init?(_ set: InstructionSet = .best) {
    guard let kernel = graft_adamw_kernel(set.level) else { return nil }
    self.kernel = kernel
  }

  func update(
    _ update: AdamWUpdate,
    weights: UnsafeMutablePointer<Float>,
    gradient: UnsafePointer<Float>,
    firstMoment: UnsafeMutablePointer<Float>,
    secondMoment: UnsafeMutablePointer<Float>,
    rounded: UnsafeMutablePointer<BFloat16>?,
    count: Int
  ) {
    var numbers = GraftAdamW(
      learning_rate: update.learningRate, beta1: update.beta1, beta2: update.beta2, epsilon: update.epsilon,
      weight_decay: update.weightDecay, bias_correction1: update.biasCorrection1,
      bias_correction2: update.biasCorrection2, gradient_scale: update.gradientScale)
    // A BFloat16 is its bits.
    let bits = UnsafeMutableRawPointer(rounded)?.assumingMemoryBound(to: UInt16.self)
    kernel(&numbers, weights, gradient, firstMoment, secondMoment, bits, count)
  }
}

extension ComputeBackend {
  /// The naive kernel where all other kernels are naive, the vector kernel everywhere else.
  var adamW: any AdamWKernel {
    if !(kernels is ReferenceKernels), let kernel = VectorAdamWKernel() { return kernel }
    return NaiveAdamWKernel()
  }
}
