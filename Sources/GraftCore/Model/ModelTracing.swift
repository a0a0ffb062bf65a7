import GraftCompute
import GraftTensors

extension Checkpoint {
  /// What the active architecture computes, traced from its forward pass. Reads no tensor.
  ///
  /// The outputs are called as transformers does: `last_hidden_state` and `pooler_output` of a backbone alone,
  /// `logits` of a head, and of several logits each by its own name.
  ///
  /// - Throws: ``GraftError`` when the configuration is not usable, or the model does something that a graph
  ///   has no step for.
  public func graph() throws -> ModelGraph {
    let trace = Trace()
    let parameters = ParameterStore(
      try activeWeights().tensors.map { name, tensor in
        Parameter(name, Tensor(uninitialized: tensor.spec.shape), decays: false, frozen: true)
      })
    let scope = Scope(parameters)
    let tape = Tape(try ReferenceBackend(threads: 1), recording: false, trace: trace)
    let encoded = try makeBackbone().forward(trace.batch, scope, tape)
    guard let head = try makeHead() else {
      let pooled = encoded.pooled.map { [("pooler_output", $0)] } ?? []
      return try trace.graph([("last_hidden_state", encoded.hiddenStates)] + pooled)
    }
    let logits = try head.forward(encoded, trace.batch, scope, tape).sorted { $0.key < $1.key }
    return try trace.graph(logits.map { (logits.count == 1 ? "logits" : $0.key, $0.value) })
  }
}
