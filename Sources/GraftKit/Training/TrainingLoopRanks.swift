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

  /// The weights of rank 0 on every rank.
  func shareWeights() throws {
    guard group.size > 1 else { return }
    for parameter in parameters {
      try group.broadcast(UnsafeMutableRawBufferPointer(parameter.value.buffer))
      parameter.weightsDidChange()
    }
  }

  /// Puts the weights of a checkpoint of this run into the model.
  func readWeights(ofStep step: Int) throws {
    try group.onLeader { try run.store.read(run.model, from: directory.checkpoint(step)) }
    try shareWeights()
  }

  /// The steps of all checkpoints.
  func checkpoints() throws -> [Int] {
    try group.fromLeader { try directory.checkpoints.map(String.init).joined(separator: " ") }
      .split(separator: " ").compactMap { Int($0) }
  }
}
