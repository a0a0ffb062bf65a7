import GraftCompute
import GraftCore
import GraftTensors

/// What the ranks of a run have in common.
extension TrainingLoop {
  /// Makes sure that all ranks were given the same.
  func requireSameRanks(resume: Bool) throws {
    guard group.size > 1 else { return }
    var facts = arguments.values
    facts["version"] = .string(graftVersion)
    facts["resume"] = JSON(resume)
    facts["output"] = .string(run.output.path)
    facts["kernels"] = .string(run.backend.summary)
    for setting in TrainingOptions.settings { facts[setting.name] = setting.json(options) }
    try group.requireSame(facts)
  }

  /// Lets ranks on one machine see one another's gradients, and have the same memory for the weights. The latter not where
  /// averages take their place now and then: each rank goes back and forth at its own time.
  func shareMemory() throws {
    try groupReduction?.shareGradients()
    guard average == nil else { return }
    try groupReduction?.shareWeights(withRounded: run.backend.precision == .bfloat16)
  }

  /// The weights of rank 0 on every rank.
  func spreadWeights() throws {
    guard group.size > 1 else { return }
    for parameter in parameters {
      if groupReduction?.isInSharedMemory(parameter) != true {
        try group.broadcast(UnsafeMutableRawBufferPointer(parameter.value.buffer))
      }
      parameter.weightsDidChange()
    }
    try group.meet()
  }

  /// Lets rank 0 put weights into the model, for all.
  func replaceWeights(_ replace: () throws -> Void) throws {
    // Nobody still reads those that were there.
    try group.meet()
    try group.onLeader(replace)
    try spreadWeights()
  }

  /// Puts the weights of a checkpoint of this run into the model.
  func readWeights(ofStep step: Int) throws {
    try replaceWeights { try run.store.read(run.model, from: directory.checkpoint(step)) }
  }

  /// The steps of all checkpoints.
  func checkpoints() throws -> [Int] {
    try group.fromLeader { try directory.checkpoints.map(String.init).joined(separator: " ") }
      .split(separator: " ").compactMap { Int($0) }
  }
}
