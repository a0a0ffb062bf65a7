import GraftCompute
import GraftTensors

/// The modules of a ``SentencePipeline`` over a tape's ops: hidden states in, one vector for each sequence out.
///
/// It is the head of tasks that learn from such vectors, on every family; see ``Task/readsSentenceVectors``.
public struct SentenceHead: Head {
  public let pipeline: SentencePipeline

  public init(_ pipeline: SentencePipeline) { self.pipeline = pipeline }

  /// The matrices and biases of the dense layers: `sentences.1.weight`.
  public var parameters: [ParameterSpec] {
    pipeline.weights.tensors.map { ParameterSpec($0.key, $0.value.spec.shape, .zeros) }
  }

  public var readsFirstTokens: Bool {
    guard case .pooling(let pooling) = pipeline.modules.first else { return false }
    return pooling.modes == [.cls] && pooling.includesPrompt
  }

  public func forward(
    _ states: BackboneOutput, _ batch: Batch, selection: [Int32]?, _ scope: Scope, _ tape: Tape
  ) throws -> Variable {
    try vectors(states.hiddenStates, batch.offsets, scope, tape)
  }

  /// One vector for each sequence: `[sequences, width]`.
  ///
  /// - Parameters:
  ///   - states: `[tokens, hidden]`.
  ///   - offsets: Where sequences begin, and the end of the last.
  ///   - promptLength: How many tokens a sequence begins with that are a prompt's.
  ///   - scope: The parameters of the dense layers.
  ///   - tape: The ops.
  /// - Throws: `GraftError` when a parameter is missing, or the vectors are sparse: those are made of scores.
  public func vectors(
    _ states: Variable, _ offsets: [Int], promptLength: Int = 0, _ scope: Scope, _ tape: Tape
  ) throws -> Variable {
    try pipeline.modules.enumerated().reduce(states) { x, step in
      switch step.element {
      case .pooling(let pooling):
        return tape.sequencePool(
          x, offsets: offsets, modes: pooling.modes, skipping: pooling.includesPrompt ? 0 : promptLength)
      case .dense(let dense):
        let layer = scope[SentencePipeline.scope]["\(step.offset)"]
        return tape.linear(
          x, weight: try layer.weight, bias: dense.bias == nil ? nil : try layer.bias,
          activation: dense.activation)
      case .normalize: return tape.normalizeRows(x)
      case .splade:
        throw GraftError(
          .unsupported, "the checkpoint's vectors are sparse", expected: "a pooling of hidden states",
          found: step.element.description, advice: "Texts can be found with them: \(action: .search).")
      }
    }
  }
}

extension SentencePipeline {
  /// What the canonical names of its parameters begin with.
  static let scope = "sentences"

  /// The matrices and biases of the dense layers in canonical names, such as `sentences.1.weight` for module 1.
  public var weights: Weights {
    var weights = Weights()
    for (index, module) in modules.enumerated() {
      guard case .dense(let dense) = module else { continue }
      weights["\(Self.scope).\(index).weight"] = dense.weight
      if let bias = dense.bias { weights["\(Self.scope).\(index).bias"] = bias }
    }
    return weights
  }

  /// The parameters of the dense layers in memory.
  ///
  /// - Throws: `GraftError` when a weight cannot be read.
  public func makeParameters() throws -> ParameterStore {
    ParameterStore(try weights.tensors.map { Parameter($0.key, try Tensor($0.value), decays: false) })
  }

  /// The same modules with other weights in their dense layers.
  ///
  /// - Parameter weights: In canonical names; a layer that is not among them keeps its own.
  func taking(_ weights: Weights) -> SentencePipeline {
    var changed = self
    for (index, module) in modules.enumerated() {
      guard case .dense(let dense) = module, let weight = weights["\(Self.scope).\(index).weight"] else {
        continue
      }
      changed.modules[index] = .dense(
        SentenceDense(
          weight: weight, bias: weights["\(Self.scope).\(index).bias"], activation: dense.activation,
          path: dense.path, isTrained: true))
    }
    return changed
  }
}
