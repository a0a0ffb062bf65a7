extension Registry {
  /// Gives the active head every part that it lacks, and the pooler that it reads, newly initialised.
  ///
  /// - Parameters:
  ///   - checkpoint: What is completed.
  ///   - seed: The randomness of new weights.
  ///   - report: Receives the names of what was initialised.
  public func initializeMissingParts(of checkpoint: inout Checkpoint, seed: UInt64, report: inout LoadReport)
    throws
  {
    guard let active = checkpoint.activeHead else { return }
    let backbone = try checkpoint.makeBackbone()
    let table = dialects.values.first { $0.backbone == checkpoint.backboneType.name }.map {
      NameTable($0, layers: backbone.layerCount, heads: active.parts)
    }
    func names(_ specs: [ParameterSpec]) -> [String] { specs.map { table?.storedName($0.name) ?? $0.name } }
    for part in active.parts where !checkpoint.heads.contains(where: { $0.id == part.name }) {
      let head = try part.init(checkpoint.configuration, on: backbone)
      checkpoint.heads.append(
        HeadRecord(
          part,
          settings: part.hasLabels ? checkpoint.configuration.headSettings : Configuration(),
          weights: head.parameters.initialized(seed: seed),
          history: .untrained
        )
      )
      report.update(part.name) { $0.initialized += names(head.parameters) }
    }
    let pooler = backbone.parameters.filter { backbone.poolerParameters.contains($0.name) }
    if active.needsPooler, pooler.contains(where: { checkpoint.backbone[$0.name] == nil }) {
      checkpoint.backbone.tensors.merge(pooler.initialized(seed: seed).tensors) { first, _ in first }
      report.update(NameTable.backbone) { $0.initialized += names(pooler) }
    }
  }
}

extension [ParameterSpec] {
  /// New values for parameters: each drawn from its initializer with a stream of its own, so that a
  /// parameter starts the same whatever stands beside it.
  public func initialized(seed: UInt64) -> Weights {
    var weights = Weights()
    for spec in self { weights[spec.name] = spec.initialized(seed: seed) }
    return weights
  }
}

extension ParameterSpec {
  fileprivate func initialized(seed: UInt64) -> LazyTensor {
    let count = shape.reduce(1, *)
    switch initializer {
    case .zeros: return LazyTensor([Float](repeating: 0, count: count), shape: shape)
    case .ones: return LazyTensor([Float](repeating: 1, count: count), shape: shape)
    case .normal(let deviation):
      // FNV-1a of the name picks the stream.
      let stream = name.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
      var generator = RandomKey(seed: seed, step: stream).generator
      return LazyTensor((0..<count).map { _ in Float(deviation) * generator.normal() }, shape: shape)
    }
  }
}
