import Foundation
import GraftCompute
import GraftCore
import GraftTensors

/// Adam with decoupled weight decay, as `torch.optim.AdamW` computes it.
///
/// For each parameter with a gradient `g`, in its step `t`, with learning rate `η`, its own share of the step's:
///
///     w ← w − η·λ·w                                   (λ is 0 where Parameter.decays is false)
///     m ← β₁·m + (1 − β₁)·g
///     v ← β₂·v + (1 − β₂)·g²
///     w ← w − η / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)
///
/// A parameter that no gradient reached is left alone, decay included, and its step does not count. Work is
/// cut into pieces by shape alone, so that results do not depend on the number of threads.
///
/// Loshchilov & Hutter, "Decoupled Weight Decay Regularization", arXiv:1711.05101.
public final class AdamWOptimizer: Optimizer {
  public static let name = "adamw"
  /// Weight, gradient and two moments are read; all but the gradient are written.
  public static let bytesPerWeight = 28
  public static let isElementwise = true

  private let options: OptimizerOptions
  private let entries: [Entry]
  private let pieces: [Piece]

  /// A parameter and what is remembered of its gradients.
  private final class Entry {
    let parameter: Parameter
    var step = 0
    var moments: (first: Tensor, second: Tensor)?

    init(_ parameter: Parameter) { self.parameter = parameter }
  }

  /// A run of one parameter's elements.
  private struct Piece {
    static let size = 1 << 15
    let entry: Int
    let start: Int
    let count: Int
  }

  public init(_ parameters: [Parameter], options: OptimizerOptions) {
    self.options = options
    entries = parameters.map(Entry.init)
    pieces = parameters.enumerated().flatMap { index, parameter in
      stride(from: 0, to: parameter.value.count, by: Piece.size).map { start in
        Piece(entry: index, start: start, count: min(Piece.size, parameter.value.count - start))
      }
    }
  }

  public func gradientNorm(backend: any ComputeBackend) -> Double {
    let kernels = backend.kernels
    var sums = [Double](repeating: 0, count: pieces.count)
    sums.withUnsafeMutableBufferPointer { sums in
      backend.threads.run(pieces.count) { index in
        let piece = pieces[index]
        let slot = entries[piece.entry].parameter.slot
        guard let gradient = slot.gradient, slot.squaredNorm == nil else { return }
        sums[index] = kernels.squaredNorm(gradient.pointer + piece.start, count: piece.count)
      }
    }
    // Most gradients' squares were summed when they were computed.
    let known = entries.reduce(0) { $0 + ($1.parameter.slot.squaredNorm ?? 0) }
    return (known + sums.reduce(0, +)).squareRoot()
  }

  public func update(learningRate: Float, gradientScale: Float, backend: any ComputeBackend) {
    let updates = entries.map { begin($0, learningRate: learningRate, gradientScale: gradientScale) }
    let kernel = backend.adamW
    backend.threads.run(pieces.count) { index in
      let piece = pieces[index]
      let entry = entries[piece.entry]
      guard let update = updates[piece.entry], let moments = entry.moments,
        let gradient = entry.parameter.gradient
      else { return }
      kernel.update(
        update,
        weights: entry.parameter.value.pointer + piece.start,
        gradient: gradient.pointer + piece.start,
        firstMoment: moments.first.pointer + piece.start,
        secondMoment: moments.second.pointer + piece.start,
        rounded: entry.parameter.rounded.map { $0.pointer + piece.start },
        count: piece.count
      )
    }
    for (entry, update) in zip(entries, updates) where update != nil {
      entry.parameter.roundedDidChange()
      entry.parameter.clearGradient()
    }
  }

  /// Counts a parameter's step; `nil` when no gradient reached it.
  private func begin(_ entry: Entry, learningRate: Float, gradientScale: Float) -> AdamWUpdate? {
    guard entry.parameter.gradient != nil else { return nil }
    if entry.moments == nil {
      let shape = entry.parameter.shape
      entry.moments = (Tensor(repeating: 0, shape: shape), Tensor(repeating: 0, shape: shape))
    }
    entry.step += 1
    func correction(_ beta: Float) -> Float { Float(1 - pow(Double(beta), Double(entry.step))) }
    return AdamWUpdate(
      learningRate: learningRate * entry.parameter.learningRateScale,
      beta1: options.beta1,
      beta2: options.beta2,
      epsilon: options.epsilon,
      weightDecay: entry.parameter.decays ? options.weightDecay : 0,
      biasCorrection1: correction(options.beta1),
      biasCorrection2: correction(options.beta2),
      gradientScale: gradientScale
    )
  }

  // MARK: Saving

  /// `first_moment.NAME` and `second_moment.NAME` for each parameter that has taken a step, shared with this
  /// object; the number of its steps as `step.NAME` in the metadata, for every parameter.
  public var state: Weights {
    var state = Weights()
    for entry in entries {
      let name = entry.parameter.name
      state.metadata["step.\(name)"] = String(entry.step)
      guard let moments = entry.moments else { continue }
      state["first_moment.\(name)"] = LazyTensor(moments.first)
      state["second_moment.\(name)"] = LazyTensor(moments.second)
    }
    return state
  }

  public func restore(_ state: Weights) throws {
    var restored: [(step: Int, moments: (first: Tensor, second: Tensor)?)] = []
    for entry in entries {
      let name = entry.parameter.name
      guard let text = state.metadata["step.\(name)"] else {
        throw mismatch("knows nothing of a parameter", "parameter '\(name)'")
      }
      guard let step = Int(text), (0...(1 << 53)).contains(step) else {
        throw GraftError(
          .malformed,
          "not a number of steps",
          subject: "metadata 'step.\(name)'",
          found: "'\(text.prefix(40))'"
        )
      }
      let moments =
        step == 0 ? nil : (try moment("first", of: entry, state), try moment("second", of: entry, state))
      restored.append((step, moments))
    }
    guard state.metadata.keys.count(where: { $0.hasPrefix("step.") }) == entries.count else {
      let known = Set(entries.map { "step.\($0.parameter.name)" })
      let stranger = state.metadata.keys.filter { $0.hasPrefix("step.") && !known.contains($0) }.min()
      throw mismatch("knows a parameter that is not trained", "metadata '\(stranger ?? "")'")
    }
    for (entry, (step, moments)) in zip(entries, restored) {
      entry.step = step
      entry.moments = moments
    }
  }

  private func moment(_ kind: String, of entry: Entry, _ state: Weights) throws -> Tensor {
    let name = "\(kind)_moment.\(entry.parameter.name)"
    let expected = TensorSpec(.float32, entry.parameter.shape)
    guard let stored = state[name], stored.spec == expected else {
      throw mismatch(
        "has wrong moments",
        "tensor '\(name)'",
        expected: expected.description,
        found: state[name]?.spec.description ?? "nothing"
      )
    }
    return try Tensor(stored)
  }

  private func mismatch(
    _ problem: String,
    _ subject: String,
    expected: String? = nil,
    found: String? = nil
  ) -> GraftError {
    GraftError(
      .mismatch,
      "the optimizer's state \(problem)",
      subject: subject,
      expected: expected,
      found: found,
      advice: "It was saved by another run; resume with that run's model and options."
    )
  }
}

/// Registers ``AdamWOptimizer``.
public enum AdamWPlugin: Plugin {
  /// Adds the optimizer `adamw`.
  public static func register(in registry: inout Registry) throws { try registry.add(AdamWOptimizer.self) }
}
