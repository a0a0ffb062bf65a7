/// Where the gradient of a variable gathers.
///
/// Pullbacks hold the slots of their inputs and of the values only what they need, so that the memory of other
/// values is free for the next op.
public final class GradientSlot {
  public let shape: [Int]
  /// Whether a gradient is wanted here; adding to one that is not does nothing.
  public internal(set) var isWanted: Bool
  /// The derivative of the loss; `nil` until something flows back.
  public internal(set) var gradient: Tensor? {
    didSet {
      squaredNorm = nil
      if gradient == nil { isSealed = false }
    }
  }
  /// Whether nothing may be added any more, because somebody reads the gradient already.
  private var isSealed = false
  /// The sum of the gradient's squares, where the op that computed it has summed them on the way. Whoever
  /// changes the gradient's elements says so with ``gradientDidChange()``.
  public internal(set) var squaredNorm: Double?
  /// The buffer in which a gradient gathers that an op opens; `nil` for its pool.
  package var sharedBuffer: Tensor? {
    willSet { precondition(newValue?.shape ?? shape == shape, "a buffer of another shape than \(shape)") }
  }

  init(_ shape: [Int], isWanted: Bool) {
    self.shape = shape
    self.isWanted = isWanted
  }

  /// Says that the gradient is complete: an op that adds to it before it was taken stops the program.
  func seal() { isSealed = true }

  /// Says that all pullbacks have run, and the gradient may be changed.
  public func unseal() { isSealed = false }

  private func requireUnsealed() {
    precondition(!isSealed, "an op adds to the gradient of a variable that is not among its output's inputs")
  }

  /// Forgets the sum of squares.
  public func gradientDidChange() { squaredNorm = nil }

  /// The gradient to add to, and whether it has to be overwritten instead, for pullbacks that fill several
  /// gradients in one loop; `nil` where none is wanted.
  public func open(pool: MemoryPool?) -> (gradient: Tensor, overwrite: Bool)? {
    guard isWanted else { return nil }
    requireUnsealed()
    squaredNorm = nil
    if let gradient { return (gradient, false) }
    let fresh = sharedBuffer ?? Tensor(uninitialized: shape, pool: pool)
    gradient = fresh
    return (fresh, true)
  }

  /// Adds to the gradient: `add` is given the tensor and whether to overwrite (nothing was added before) or
  /// to accumulate.
  public func add(pool: MemoryPool?, _ add: (_ gradient: Tensor, _ overwrite: Bool) -> Void) {
    if let (gradient, overwrite) = open(pool: pool) { add(gradient, overwrite) }
  }

  /// Takes a tensor over as the gradient where there is none; do not use it afterwards.
  public func take(_ gradient: Tensor) {
    precondition(self.gradient == nil && gradient.shape == shape, "a gradient \(gradient.shape) of \(shape)")
    self.gradient = gradient
  }

  /// The same, of which the sum of squares is known.
  package func take(_ gradient: Tensor, squaredNorm: Double?) {
    take(gradient)
    self.squaredNorm = squaredNorm
  }

  /// Adds a tensor to the gradient and takes it over; do not use it afterwards.
  ///
  /// Spares a copy where a pullback computes in place, in the output's gradient that is given to it.
  public func add(consuming addend: Tensor, _ backend: any ComputeBackend) {
    guard isWanted else { return }
    precondition(addend.shape == shape, "a gradient \(addend.shape) of \(shape)")
    requireUnsealed()
    if let gradient {
      squaredNorm = nil
      backend.add(addend, to: gradient)
    } else {
      gradient = addend
    }
  }
}
