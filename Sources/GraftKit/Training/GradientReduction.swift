import GraftCompute

/// How processes that train one model together ("ranks") make one gradient of theirs.
///
/// ``TrainingStep`` calls it between the backward pass and the norm: what follows, clipping and the update, is then
/// the same everywhere. Each rank trains on batches of its own.
public protocol GradientReduction {
  /// Replaces each gradient by the mean over the predictions of all ranks.
  ///
  /// With `p` predictions, the loss `l` and a gradient `g` on a rank, the loss becomes `Σ p·l / Σ p` and the
  /// gradient `Σ p·g / Σ p`. Where a rank has no gradient and another one has, it gets one. Every rank has to leave
  /// with the same bits, or the models drift apart.
  ///
  /// A gradient is changed through its slot, which forgets what was known of it:
  ///
  ///     parameter.slot.add(pool: nil) { gradient, isNew in … }
  ///
  /// - Parameters:
  ///   - parameters: All that are trained, in the model's order, which is that of every rank.
  ///   - loss: This rank's mean over its predictions; it may be infinite or not a number, and so may gradients.
  ///   - predictions: How many predictions this rank made; it may be 0.
  /// - Returns: The mean loss, and the number of predictions, of all ranks together.
  /// - Throws: What went wrong between ranks; the weights stay as they were.
  func reduce(
    _ parameters: [Parameter], loss: Double, predictions: Int
  ) throws -> (loss: Double, predictions: Int)
}

/// One process alone: the gradient is what it is.
public struct NoReduction: GradientReduction {
  public init() {}

  public func reduce(
    _ parameters: [Parameter], loss: Double, predictions: Int
  ) -> (loss: Double, predictions: Int) {
    (loss, predictions)
  }
}
