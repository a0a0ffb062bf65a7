/// A tensor that takes part in differentiation.
public class Variable {
  public let value: Tensor
  /// The derivative of the loss, of the value's shape; `nil` until something flows back.
  public internal(set) var gradient: Tensor?
  /// Whether a gradient is wanted here.
  public let needsGradient: Bool

  public init(_ value: Tensor, needsGradient: Bool = false) {
    self.value = value
    self.needsGradient = needsGradient
  }

  public var shape: [Int] { value.shape }

  /// Adds to the gradient: `add` is given the tensor and whether to overwrite (nothing was added before) or
  /// to accumulate. Does nothing for a variable that wants no gradient.
  public func addGradient(pool: MemoryPool?, _ add: (_ gradient: Tensor, _ overwrite: Bool) -> Void) {
    guard needsGradient else { return }
    if let gradient {
      add(gradient, false)
    } else {
      let fresh = Tensor(uninitialized: value.shape, pool: pool)
      add(fresh, true)
      gradient = fresh
    }
  }

  /// Adds a tensor to the gradient and takes it over: nobody else may use it afterwards.
  ///
  /// Spares a copy where a pullback computes in place, in the output's gradient that is given to it.
  public func addGradient(consuming addend: Tensor, _ backend: any ComputeBackend) {
    guard needsGradient else { return }
    if let gradient { backend.add(addend, to: gradient) } else { gradient = addend }
  }

  /// The gradient to add to and whether it has to be overwritten instead, for pullbacks that fill several
  /// gradients in one loop; `nil` for a variable that wants none.
  func openGradient(pool: MemoryPool?) -> (gradient: Tensor, overwrite: Bool)? {
    guard needsGradient else { return nil }
    if let gradient { return (gradient, false) }
    let fresh = Tensor(uninitialized: value.shape, pool: pool)
    gradient = fresh
    return (fresh, true)
  }
}

/// A named variable that training changes.
public final class Parameter: Variable {
  /// The canonical name.
  public let name: String
  /// Whether weight decay applies: not to biases and LayerNorm.
  public let decays: Bool

  public init(_ name: String, _ value: Tensor, decays: Bool, frozen: Bool = false) {
    self.name = name
    self.decays = decays
    super.init(value, needsGradient: !frozen)
  }

  /// Forgets the gradient; its memory goes back to the pool it came from.
  public func clearGradient() { gradient = nil }
}
