import GraftCompute
import GraftTensors

extension Checkpoint {
  /// What the active architecture computes, traced from its forward pass. Reads no tensor.
  ///
  /// The outputs are called as transformers does: `last_hidden_state` and `pooler_output` of a backbone alone,
  /// `logits` of a head, and of several heads each by its own name. They stand in the order of `Task.outputs`, which is
  /// that of what transformers' classes return, so that `start, end = session.run(None, feed)` works as with
  /// transformers' own export. A head that chooses reads a sequence for each choice of a question.
  ///
  /// - Throws: `GraftError` when the configuration is not usable, or the model does something that a graph
  ///   has no step for.
  public func graph() throws -> ModelGraph {
    let trace = Trace()
    let parameters = ParameterStore(
      try activeWeights().tensors.map { name, tensor in
        Parameter(name, Tensor(uninitialized: tensor.spec.shape), decays: false, frozen: true)
      })
    let scope = Scope(parameters)
    let tape = Tape(try ReferenceBackend(threads: 1), recording: false, trace: trace)
    let backbone = try makeBackbone()
    let pooler = try usesPooler(nil) ? makePooler(on: backbone) : nil
    let states = try BackboneOutput(trace.batch, backbone, pooler, scope, tape)
    guard activeHead != nil else {
      let pooled = states.pooled.map { [("pooler_output", $0)] } ?? []
      return try trace.graph([("last_hidden_state", states.hiddenStates)] + pooled)
    }
    let heads = try activeHeads.compactMap(\.task).map { try makeHead($0, configuration, on: backbone) }
    let outputs = try heads.flatMap { made in
      let scores = try made.head.forward(states, trace.batch, selection: nil, scope, tape)
      return type(of: made.task).outputs.map { output in
        (output.name, output.column.map { tape.columns(scores, $0..<$0 + 1) } ?? scores)
      }
    }
    let kinds = heads.flatMap { type(of: $0.task).outputs }
    return try trace.graph(
      outputs.map { (outputs.count == 1 ? "logits" : $0.0, $0.1) },
      flat: Set(kinds.filter { $0.column != nil }.map(\.name)),
      readsChoices: kinds.contains { $0.rows == .choices })
  }
}
