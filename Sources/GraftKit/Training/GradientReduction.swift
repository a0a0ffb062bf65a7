import GraftCompute

/// How processes that train one model together ("ranks") make one gradient of theirs.
///
/// ``TrainingStep`` adds up the ranks' predictions before it computes anything, so that each rank weighs its losses by
/// their share in the whole; between the backward pass and the norm it adds up the gradients. What follows, clipping and
/// the update, is then the same everywhere, or each rank does a part of it. Each rank trains on batches of its own.
public protocol GradientReduction {
  /// Adds up what each rank counts in this step.
  ///
  /// - Parameter counts: For each of the model's heads in their order, how many predictions this rank makes, which may be
  ///   0; then, for each again, what its loss is a mean over, the same number unless classes are weighted.
  /// - Returns: The sums over all ranks.
  /// - Throws: What went wrong between ranks.
  func total(_ counts: [Double]) throws -> [Double]

  /// A step begins, of which these parameters have gradients. They may be added up as soon as they are complete.
  ///
  /// - Parameter parameters: All that are trained, in the model's order, which is that of every rank.
  func begin(_ parameters: [Parameter])

  /// A gradient of this rank is complete, while the backward pass goes on. Not every parameter is told of.
  func complete(_ parameter: Parameter)

  /// Replaces each gradient by the sum of all ranks'.
  ///
  /// Where a rank has no gradient and another one has, it gets one. Every rank has to leave with the same bits, or
  /// the models drift apart.
  ///
  /// A gradient is changed through its slot, which forgets what was known of it:
  ///
  ///     parameter.slot.add(pool: nil) { gradient, isNew in … }
  ///
  /// - Parameters:
  ///   - parameters: All that are trained, in the model's order, which is that of every rank; also those that no
  ///     gradient has reached on this one.
  ///   - loss: This rank's part of the loss; it may be infinite or not a number, and so may gradients.
  /// - Returns: The loss: the sum of all ranks' parts.
  /// - Throws: What went wrong between ranks; the weights stay as they were.
  func reduce(_ parameters: [Parameter], loss: Double) throws -> Double

  /// The norm of all gradients together.
  ///
  /// - Parameter own: That of the gradients that this rank's optimizer has.
  /// - Returns: The same, unless each rank's optimizer has a part of the parameters.
  /// - Throws: What went wrong between ranks; the weights stay as they were.
  func norm(_ own: Double) throws -> Double

  /// This rank's optimizer has changed the weights that it has, and others have changed others.
  ///
  /// - Throws: What went wrong between ranks, whose weights then are not the same.
  func exchangeWeights() throws

  /// The share of the weights that this rank's optimizer changes.
  var shareOfUpdate: Double { get }
}

extension GradientReduction {
  public func begin(_ parameters: [Parameter]) {}
  public func complete(_ parameter: Parameter) {}
  public func norm(_ own: Double) throws -> Double { own }
  public func exchangeWeights() throws {}
  public var shareOfUpdate: Double { 1 }
}

/// One process alone: the gradient is what it is.
public struct NoReduction: GradientReduction {
  public init() {}

  public func total(_ counts: [Double]) -> [Double] { counts }

  public func reduce(_ parameters: [Parameter], loss: Double) -> Double { loss }
}
