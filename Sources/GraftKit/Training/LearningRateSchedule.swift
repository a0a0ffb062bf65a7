import Foundation

/// How the learning rate rises and falls over a run, as transformers' schedulers compute it.
///
/// Warm-up rises linearly from 0, so that the first step of a run with warm-up changes nothing.
///
/// https://github.com/huggingface/transformers/blob/v5.0.0/src/transformers/optimization.py
public enum LearningRateSchedule: String, Sendable, CaseIterable {
  /// Falls linearly to 0 at the end of the run.
  case linear
  /// Stays where warm-up has brought it.
  case constant
  /// Falls to 0 along half a cosine.
  case cosine

  /// What the learning rate is multiplied by.
  ///
  /// - Parameters:
  ///   - step: From 0.
  ///   - warmupSteps: How long it rises.
  ///   - totalSteps: The length of the run.
  public func factor(step: Int, warmupSteps: Int, totalSteps: Int) -> Double {
    if step < warmupSteps { return Double(step) / Double(max(1, warmupSteps)) }
    let remaining = Double(max(1, totalSteps - warmupSteps))
    switch self {
    case .constant: return 1
    case .linear: return max(0, Double(totalSteps - step) / remaining)
    case .cosine: return max(0, 0.5 * (1 + cos(.pi * (Double(step - warmupSteps) / remaining))))
    }
  }
}
