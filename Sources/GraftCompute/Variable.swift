/// A tensor that takes part in differentiation.
public class Variable {
  public let value: Tensor
  /// Where its gradient gathers.
  public let slot: GradientSlot
  /// The value as bfloat16 products read it, once one has.
  public private(set) var rounded: RoundedTensor?
  fileprivate var isRoundedStale = false
  /// The value as products with packed weights read it, once one has.
  private var preparedRows: PreparedRows?

  public init(_ value: Tensor, needsGradient: Bool = false) {
    self.value = value
    slot = GradientSlot(value.shape, isWanted: needsGradient)
  }

  public var shape: [Int] { value.shape }
  /// The derivative of the loss, of the value's shape; `nil` until something flows back.
  public var gradient: Tensor? { slot.gradient }
  /// Whether a gradient is wanted here.
  public var needsGradient: Bool { slot.isWanted }

  /// The value as products read it. Rounded once, however many products follow.
  ///
  /// - Parameters:
  ///   - backend: Whose products.
  ///   - pool: Where the memory of a rounded copy comes from.
  public func operand(for backend: any ComputeBackend, pool: MemoryPool?) -> Operand {
    guard backend.precision == .bfloat16 else { return .float32(value) }
    if rounded == nil || isRoundedStale {
      backend.round(value, to: makeRounded(pool: pool))
    }
    return rounded.map(Operand.bfloat16) ?? .float32(value)
  }

  /// The value as a product with a packed weight reads it. Converted once, however many products follow, unless this is
  /// a parameter, which several tapes may share.
  func preparedRows(
    for matrix: PreparedMatrix, by backend: any ComputeBackend, pool: MemoryPool?
  ) -> PreparedRows {
    if let preparedRows, preparedRows.fit(matrix) { return preparedRows }
    let rows = PreparedRows(value, for: matrix, by: backend, pool: pool)
    if !(self is Parameter) { preparedRows = rows }
    return rows
  }

  /// Forgets the gradient; its memory goes back to the pool it came from.
  public func clearGradient() { slot.gradient = nil }

  /// The rounded copy for an op to fill while it has the values at hand.
  func makeRounded(pool: MemoryPool?) -> RoundedTensor {
    let rounded = rounded ?? RoundedTensor(uninitialized: value.shape, pool: pool)
    self.rounded = rounded
    isRoundedStale = false
    return rounded
  }
}

extension Variable {
  /// Whether ``rounded`` is of the values as they are.
  package var isRoundedCurrent: Bool { rounded != nil && !isRoundedStale }

  /// Lets this variable, whose value is a run of another one's, have the same run of its rounded values, if it has any. They
  /// are about to change.
  package func shareRounded(_ elements: Range<Int>, of whole: Variable) {
    rounded = whole.rounded.map { RoundedTensor(elements, of: $0) }
    isRoundedStale = true
  }

  /// Has the rounded values in some memory from now on, which are stale there.
  ///
  /// - Parameters:
  ///   - memory: Room for them, an even number, aligned to 64 bytes.
  ///   - owner: Whose it is; lives as long as they do.
  package func keepRounded(in memory: UnsafeMutableRawPointer, of owner: AnyObject) {
    rounded = RoundedTensor(shape, in: memory, of: owner)
    isRoundedStale = true
  }
}

/// A named variable that training changes.
public final class Parameter: Variable {
  /// The canonical name.
  public let name: String
  /// Whether weight decay applies: not to biases and LayerNorm.
  public let decays: Bool
  /// What the learning rate of a step is multiplied by here: 1, unless layers or heads have rates of their own.
  public var learningRateScale: Float = 1
  /// The whole numbers that the weights stand for, where a file has them so and nothing has changed the weights since.
  public private(set) var quantized: QuantizedMatrix?

  public init(_ name: String, _ value: Tensor, decays: Bool, frozen: Bool = false) {
    self.name = name
    self.decays = decays
    super.init(value, needsGradient: !frozen)
  }

  /// A weight of eight bits. What it stands for is computed when something reads it.
  public init(_ name: String, _ matrix: QuantizedMatrix, decays: Bool, frozen: Bool = false) {
    self.name = name
    self.decays = decays
    quantized = matrix
    super.init(
      Tensor(shape: matrix.shape, deferring: { [matrix] in matrix.dequantize(to: $0) }),
      needsGradient: !frozen)
  }

  /// Gives up the memory of the weights, which nobody reads any more.
  func discard() {
    value.discard()
    quantized = nil
  }

  /// Whether forward passes from now on ask for a gradient here. An optimizer leaves a parameter without one as it is.
  public func setTrained(_ isTrained: Bool) { slot.isWanted = isTrained }

  /// Call this after changing the weights and before the next forward pass; `TrainingStep` does it for optimizers.
  public func weightsDidChange() {
    isRoundedStale = true
    quantized = nil
  }

  /// Says that ``Variable/rounded`` was changed along with the weights, which spares rounding them again.
  public func roundedDidChange() { isRoundedStale = false }
}
