import Foundation
import GraftCompute
import GraftTensors

extension Registry {
  /// Gives the active head every part that it lacks, and the pooler that it reads, newly initialised.
  ///
  /// - Parameters:
  ///   - checkpoint: What is completed.
  ///   - settings: The new parts' settings, among any other keys.
  ///   - seed: The randomness of new weights.
  ///   - report: Receives the names of what was initialised.
  public func initializeMissingParts(
    of checkpoint: inout Checkpoint, settings: Configuration = Configuration(), seed: UInt64,
    report: inout LoadReport
  ) throws {
    guard let active = checkpoint.activeHead else { return }
    let backbone = try checkpoint.makeBackbone()
    func storedNames(_ specs: [ParameterSpec]) throws -> [String] {
      let table = NameTable(try dialect(of: checkpoint.family), on: backbone, heads: active.taskNames)
      return specs.map { table.storedName($0.name) }
    }
    for task in active.tasks where checkpoint[task.name] == nil {
      var head = Component(
        head: task, settings: settings.settings(of: task.settingKeys), weights: Weights(), history: .untrained
      )
      let specs = try checkpoint.makeHead(task, checkpoint.configuration.applying(head), on: backbone).head
        .parameters
      head.weights = try specs.initialized(seed: seed)
      checkpoint.components.append(head)
      let names = try storedNames(specs)
      report.update(task.name) { $0.initialized += names }
    }
    guard checkpoint[Component.pooler] == nil, try checkpoint.activeHeadReadsPooler(),
      let pooler = try checkpoint.family.makePooler(checkpoint.configuration, on: backbone)
    else { return }
    let weights = try pooler.parameters.initialized(seed: seed)
    checkpoint.components.insert(
      Component(.pooler, id: Component.pooler, weights: weights, history: .untrained), at: 1)
    let names = try storedNames(pooler.parameters)
    report.update(Component.backbone) { $0.initialized += names }
  }
}

extension [ParameterSpec] {
  /// New values for parameters: each drawn from its initializer with a stream of its own, so that a
  /// parameter starts the same whatever stands beside it.
  ///
  /// - Throws: `GraftError` when the machine's memory cannot hold them, before any is taken.
  public func initialized(seed: UInt64) throws -> Weights {
    try checkMemory()
    var weights = Weights()
    for spec in self { weights[spec.name] = spec.initialized(seed: seed) }
    return weights
  }

  /// A configuration may ask for sizes that no machine has.
  private func checkMemory() throws {
    let memory = Int(clamping: ProcessInfo.processInfo.physicalMemory)
    var left = memory
    for spec in self {
      let size = TensorSpec(validating: .float32, spec.shape)?.byteCount
      guard let size, size <= left else {
        throw GraftError(
          .refused, "the model's weights do not fit in this machine's memory",
          subject: "tensor '\(spec.name)'",
          expected: "at most \(memory) bytes for all",
          found: "float32 \(spec.shape)",
          advice: "Check the sizes in config.json."
        )
      }
      left -= size
    }
  }
}

extension ParameterSpec {
  fileprivate func initialized(seed: UInt64) -> LazyTensor {
    // FNV-1a of the name picks the stream.
    let stream = name.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    var generator = RandomKey(seed: seed, step: stream).generator
    return LazyTensor(initializer.values(shape, &generator), shape: shape)
  }
}
