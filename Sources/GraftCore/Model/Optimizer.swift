import GraftCompute
import GraftTensors

/// An update rule: changes parameters by their gradients.
///
/// Data, schedule, clipping, evaluation and saving are the training loop's, in GraftKit. An optimizer brings the
/// kernels that it needs.
public protocol Optimizer: AnyObject, SendableMetatype {
  /// The name by which it is registered and chosen, such as `adamw`.
  static var name: String { get }

  /// - Parameters:
  ///   - parameters: What is trained, in a fixed order; frozen ones are left out.
  ///   - options: Decay and moment settings.
  init(_ parameters: [Parameter], options: OptimizerOptions)

  /// The norm of all gradients together, before clipping. The squares of many were summed on the way:
  /// `GradientSlot.squaredNorm`.
  func gradientNorm(backend: any ComputeBackend) -> Double

  /// Changes every parameter by its gradient, then forgets the gradients.
  ///
  /// - Parameters:
  ///   - learningRate: This step's; each parameter multiplies it by its `learningRateScale`.
  ///   - gradientScale: What gradients are multiplied by first: averaging and clipping in one.
  ///   - backend: The kernels.
  func update(learningRate: Float, gradientScale: Float, backend: any ComputeBackend)

  /// How many bytes an update reads and writes for each weight, for the profile; 0 when that is not known.
  static var bytesPerWeight: Int { get }

  /// Whether the update of an element depends on nothing but this element's weight and gradients, and on how many steps
  /// its parameter has taken.
  ///
  /// Ranks that train together then divide the work and the memory: each has an optimizer over flat parts of the
  /// parameters, under the parameters' names. What ``state`` has of a parameter has to be called `KIND.NAME`, without a dot
  /// in `KIND`, in tensors of the parameter's shape and in metadata that do not depend on which part it is. Otherwise, as
  /// by default, every rank makes the whole update.
  static var isElementwise: Bool { get }

  /// What has to be saved to go on exactly: moments by parameter, and counters in the metadata.
  var state: Weights { get }

  /// Takes up a saved state.
  ///
  /// - Throws: `GraftError` when it belongs to another set of parameters.
  func restore(_ state: Weights) throws
}

extension Optimizer {
  public static var bytesPerWeight: Int { 0 }
  public static var isElementwise: Bool { false }
}

/// Settings of an update rule.
public struct OptimizerOptions: Sendable, Equatable {
  public var weightDecay: Float
  public var beta1: Float
  public var beta2: Float
  public var epsilon: Float

  public init(weightDecay: Float = 0, beta1: Float = 0.9, beta2: Float = 0.999, epsilon: Float = 1e-8) {
    self.weightDecay = weightDecay
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
  }
}
