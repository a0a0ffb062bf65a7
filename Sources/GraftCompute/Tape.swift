/// Runs a forward pass and remembers how to go back.
///
/// A backbone or a head calls the tape's ops (`linear`, `layerNorm`, `attention`, …: one file each under
/// `Ops`, forward and pullback together). ``backward(from:scale:)`` then runs the pullbacks in reverse and leaves
/// the gradients in the parameters. A tape serves one forward pass.
///
/// Ops are open: an extension of `Tape` in a plugin is an op like the built-in ones. It allocates its result with
/// ``output(_:from:)``, computes in the backend's loops under a name of the ``profile``, leaves its pullback with
/// ``record(_:operations:_:)``, and, where there is a ``trace``, adds a ``GraphOperation`` to it instead.
///
/// Ops demand shapes that fit, and stop the program where they do not. It takes a mistake in a backbone's or a
/// head's code for that: a model is not made of parameters before their shapes have been compared with those that
/// its configuration asks for, and a model checks a batch before the first op sees it.
///
///     let tape = Tape(backend)
///     let loss = model.loss(batch, tape)
///     tape.backward(from: loss)
public final class Tape {
  public let backend: any ComputeBackend
  /// The source of dropout's masks; `nil` when evaluating, which turns dropout off.
  public let dropoutKey: RandomKey?
  /// Whether pullbacks are recorded.
  public let isRecording: Bool
  public let pool: MemoryPool?
  /// Where the time of ops is counted, under their names.
  public let profile: Profile?
  /// Where ops write down what they would compute, instead of computing it.
  public let trace: Trace?
  /// The weights of linear layers as they were packed; `nil` to multiply by them as they are stored.
  public let prepared: PreparedWeights?
  /// Whether every layer makes sure that what it makes are numbers, to find the first that does not.
  public let checksNumbers: Bool
  /// Whether gradients come with their squares' sums where that is cheap; see ``GradientSlot/squaredNorm``.
  let sumsSquares: Bool
  /// Told of each parameter as soon as the tape adds nothing more to its gradient; `nil` for nobody.
  private let gradientIsComplete: ((Parameter) -> Void)?
  /// The parameters whose gradient is complete once a pullback has run, by its place.
  private var lastPullbacks: [Int: [Parameter]] = [:]
  private var used: Set<ObjectIdentifier> = []
  private var pullbacks: [() -> Void] = []
  private var dropoutCount: UInt32 = 0

  /// - Parameters:
  ///   - backend: The kernels.
  ///   - recording: Whether ``backward(from:scale:)`` will be called.
  ///   - dropoutKey: The randomness of this step's dropout; `nil` for none.
  ///   - pool: Memory for activations and gradients.
  ///   - profile: Where the time of ops is counted.
  ///   - trace: Where ops write down what they would compute, instead of computing it.
  ///   - prepared: The weights of linear layers as they were packed, of a tape that does not record.
  ///   - checksNumbers: Whether layers throw where what they make is not finite.
  ///   - sumsSquares: Whether somebody wants the norm of the gradients as this tape leaves them.
  ///   - gradientIsComplete: Told of each parameter as soon as the tape adds nothing more to its gradient.
  public init(
    _ backend: any ComputeBackend,
    recording: Bool = true,
    dropoutKey: RandomKey? = nil,
    pool: MemoryPool? = nil,
    profile: Profile? = nil,
    trace: Trace? = nil,
    prepared: PreparedWeights? = nil,
    checksNumbers: Bool = false,
    sumsSquares: Bool = true,
    gradientIsComplete: ((Parameter) -> Void)? = nil
  ) {
    precondition(prepared == nil || !recording, "packed weights have no gradients")
    self.backend = backend
    self.isRecording = recording
    self.dropoutKey = dropoutKey
    self.pool = pool
    self.profile = profile
    self.trace = trace
    self.prepared = prepared
    self.checksNumbers = checksNumbers
    self.sumsSquares = sumsSquares
    self.gradientIsComplete = gradientIsComplete
  }

  /// Runs every pullback in reverse, starting with a gradient of `scale` at `loss`.
  ///
  /// Gradients add up in the parameters, so that several tapes may contribute to one step. The tape is empty
  /// afterwards.
  ///
  /// - Parameters:
  ///   - loss: A scalar made by this tape.
  ///   - scale: What the loss counts for in the step.
  public func backward(from loss: Variable, scale: Float = 1) { backward(from: [(loss, scale)]) }

  /// Runs every pullback in reverse, starting with a gradient at each of several losses.
  ///
  /// - Parameter losses: Scalars made by this tape, each with what it counts for in the step.
  public func backward(from losses: [(loss: Variable, scale: Float)]) {
    for (loss, scale) in losses {
      precondition(loss.value.count == 1, "the loss is a scalar, not \(loss.shape)")
      loss.slot.add(consuming: Tensor(repeating: scale, shape: loss.shape, pool: pool), backend)
    }
    runPullbacks()
  }

  /// Runs every pullback in reverse, starting with a given gradient at `output`.
  ///
  /// - Parameters:
  ///   - output: Made by this tape.
  ///   - gradient: Of the output's shape. The tape takes it over; do not use it afterwards.
  public func backward(from output: Variable, gradient: Tensor) {
    precondition(gradient.shape == output.shape, "gradient \(gradient.shape) of \(output.shape)")
    output.slot.add(consuming: gradient, backend)
    runPullbacks()
  }

  private func runPullbacks() {
    while let pullback = pullbacks.popLast() {
      pullback()
      guard let gradientIsComplete else { continue }
      for parameter in lastPullbacks.removeValue(forKey: pullbacks.count) ?? [] {
        parameter.slot.seal()
        gradientIsComplete(parameter)
      }
    }
  }

  /// Takes note of what the op that is recorded next reads. The first op that reads a parameter is the last to add to its
  /// gradient.
  private func note(_ inputs: [Variable?]) {
    guard gradientIsComplete != nil else { return }
    for case let parameter as Parameter in inputs
    where parameter.needsGradient && used.insert(ObjectIdentifier(parameter)).inserted {
      lastPullbacks[pullbacks.count, default: []].append(parameter)
    }
  }

  // MARK: For ops

  /// A variable for an op's result; it wants a gradient when the tape records and any input does.
  ///
  /// - Parameter inputs: All variables that the pullback adds gradients of.
  public func output(_ shape: [Int], from inputs: Variable?...) -> Variable { output(shape, from: inputs) }

  /// The same, of any number of inputs.
  public func output(_ shape: [Int], from inputs: [Variable?]) -> Variable {
    note(inputs)
    return output(shape, needsGradient: inputs.contains { $0?.needsGradient == true })
  }

  /// A variable for an op's result; it wants a gradient when the tape records and `needsGradient`. For results of no
  /// parameter.
  public func output(_ shape: [Int], needsGradient: Bool) -> Variable {
    Variable(Tensor(uninitialized: shape, pool: pool), needsGradient: isRecording && needsGradient)
  }

  /// Remembers an op's pullback, which is given the gradient of the op's output.
  ///
  /// It is skipped when no gradient reached the output. The output's gradient is released after it. A pullback
  /// holds its inputs' slots, and of values what it needs: what it does not hold is free for the next op.
  ///
  /// - Parameters:
  ///   - output: What the op has made.
  ///   - operations: The floating-point operations of the pullback's products, for the profile.
  ///   - pullback: Adds to the gradients of the op's inputs.
  public func record(
    _ output: Variable,
    operations: Double = 0,
    _ pullback: @escaping (_ gradient: Tensor) -> Void
  ) {
    guard output.needsGradient else { return }
    let slot = output.slot
    let name = profile?.current
    pullbacks.append { [profile] in
      guard let gradient = slot.gradient else { return }
      slot.gradient = nil
      guard let name else { return pullback(gradient) }
      profile.measure(name, operations: operations) { pullback(gradient) }
    }
  }

  /// The key of the next dropout of this pass, or `nil` when evaluating. Every call gives another.
  public func nextDropoutKey() -> RandomKey? {
    guard let dropoutKey else { return nil }
    dropoutCount += 1
    return dropoutKey.place(dropoutCount)
  }

  /// A tensor from the tape's pool.
  public func scratch(_ shape: [Int]) -> Tensor { Tensor(uninitialized: shape, pool: pool) }
}
