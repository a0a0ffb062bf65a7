import Foundation

/// How the learning rate rises and falls over a run, as transformers' schedulers compute it and under their names.
///
/// Warm-up rises linearly from 0, so that the first step of a run with warm-up changes nothing.
///
/// https://github.com/huggingface/transformers/blob/v5.0.0/src/transformers/optimization.py
public enum LearningRateSchedule: String, Sendable, CaseIterable {
  /// Falls linearly to 0 at the end of the run.
  case linear
  /// Stays where warm-up has brought it, as ``constantWithWarmup``. transformers' `constant` has no warm-up.
  case constant
  /// Stays where warm-up has brought it.
  case constantWithWarmup = "constant_with_warmup"
  /// Falls to 0 along half a cosine.
  case cosine
  /// Falls to 0 along half a cosine several times, each time from the highest rate.
  case cosineWithRestarts = "cosine_with_restarts"
  /// Falls as a power of what is left of the run.
  case polynomial
  /// Falls with the root of the step.
  case inverseSquareRoot = "inverse_sqrt"

  /// What the learning rate is multiplied by.
  ///
  /// - Parameters:
  ///   - step: From 0.
  ///   - warmupSteps: How long it rises.
  ///   - totalSteps: The length of the run.
  ///   - shape: What shapes the curve.
  ///   - learningRate: The highest rate, which ``polynomial`` compares its last one with.
  public func factor(
    step: Int, warmupSteps: Int, totalSteps: Int, shape: ScheduleShape = ScheduleShape(),
    learningRate: Double = 1
  ) -> Double {
    if step < warmupSteps { return Double(step) / Double(max(1, warmupSteps)) }
    let remaining = Double(max(1, totalSteps - warmupSteps))
    let progress = Double(step - warmupSteps) / remaining
    switch self {
    case .constant, .constantWithWarmup: return 1
    case .linear: return max(0, Double(totalSteps - step) / remaining)
    case .cosine: return max(0, 0.5 * (1 + cos(.pi * (shape.cycles ?? 0.5) * 2 * progress)))
    case .cosineWithRestarts:
      guard progress < 1 else { return 0 }
      let place = ((shape.cycles ?? 1) * progress).truncatingRemainder(dividingBy: 1)
      return max(0, 0.5 * (1 + cos(.pi * place)))
    case .polynomial:
      let last = shape.lastRate ?? ScheduleShape.defaultLastRate
      guard learningRate > 0 else { return 1 }
      let decay = (learningRate - last) * pow(max(0, 1 - progress), shape.power ?? 1) + last
      return decay / learningRate
    case .inverseSquareRoot:
      let timescale = shape.timescale ?? (warmupSteps > 0 ? Double(warmupSteps) : 10_000)
      return 1 / ((Double(step) + timescale - Double(warmupSteps)) / timescale).squareRoot()
    }
  }

  /// The names of what shapes this curve.
  var shapeKeys: [String] {
    switch self {
    case .linear, .constant, .constantWithWarmup: []
    case .cosine, .cosineWithRestarts: [ScheduleShape.cyclesKey]
    case .polynomial: [ScheduleShape.lastRateKey, ScheduleShape.powerKey]
    case .inverseSquareRoot: [ScheduleShape.timescaleKey]
    }
  }
}

/// What shapes a ``LearningRateSchedule``. What is `nil` is transformers' default.
public struct ScheduleShape: Sendable, Equatable {
  /// `num_cycles`: of ``LearningRateSchedule/cosine`` the number of waves, 0.5; of
  /// ``LearningRateSchedule/cosineWithRestarts`` the number of falls, 1.
  public var cycles: Double?
  /// `power` of ``LearningRateSchedule/polynomial``: 1.
  public var power: Double?
  /// `lr_end` of ``LearningRateSchedule/polynomial``, the rate at the end: 1e-7.
  public var lastRate: Double?
  /// `timescale` of ``LearningRateSchedule/inverseSquareRoot``, in steps: the warm-up's, or 10,000 without.
  public var timescale: Double?

  static let cyclesKey = "num_cycles"
  static let powerKey = "power"
  static let lastRateKey = "lr_end"
  static let timescaleKey = "timescale"
  static let defaultLastRate = 1e-7

  public init(
    cycles: Double? = nil, power: Double? = nil, lastRate: Double? = nil, timescale: Double? = nil
  ) {
    (self.cycles, self.power, self.lastRate, self.timescale) = (cycles, power, lastRate, timescale)
  }

  /// By transformers' names.
  static let members: KeyValuePairs<String, any WritableKeyPath<ScheduleShape, Double?> & Sendable> = [
    cyclesKey: \.cycles, lastRateKey: \.lastRate, powerKey: \.power, timescaleKey: \.timescale,
  ]
}
