import GraftCompute
import GraftTensors

/// Weights of ranks on one machine, in memory that all of them see: what one rank changes, all have. Nothing is sent, and the
/// machine has the weights once.
///
/// In return no rank may change what another still reads: all meet between a pass and a change, and between a change and a
/// pass. In a step the sums of gradients are such a meeting.
struct SharedWeights {
  private let parameters: Set<ObjectIdentifier>
  /// Whether there is room for matrices as bfloat16 products read them.
  private let withRounded: Bool

  /// Moves weights to such memory: those of rank 0, in which the others find them.
  ///
  /// - Parameters:
  ///   - parameters: The same on every rank, each of which has its own.
  ///   - withRounded: Whether products read matrices rounded.
  /// - Returns: `nil` where the ranks are on several machines, or do not see one another's memory.
  /// - Throws: What went wrong between ranks.
  init?(_ parameters: [Parameter], withRounded: Bool, in group: any ProcessGroup) throws {
    self.parameters = Set(parameters.map { ObjectIdentifier($0) })
    self.withRounded = withRounded
    var size = 0
    func room(_ byteCount: Int) -> Int {
      defer { size += (byteCount + 63) / 64 * 64 }
      return size
    }
    let starts = parameters.map { room($0.value.count * MemoryLayout<Float>.size) }
    let roundedStarts = parameters.map {
      withRounded && $0.isMatrix ? room($0.value.count * MemoryLayout<BFloat16>.size) : nil
    }
    guard let memory = try SharedMemory.ofLeader(in: group, byteCount: size),
      let start = memory.bytes.baseAddress
    else { return nil }
    for (index, parameter) in parameters.enumerated() {
      let target = (start + starts[index]).assumingMemoryBound(to: Float.self)
      parameter.value.move(to: target, of: memory, isCopied: group.leads)
      if let rounded = roundedStarts[index] { parameter.keepRounded(in: start + rounded, of: memory) }
      parameter.weightsDidChange()
    }
    try group.meet()
  }

  /// Whether all ranks have the same memory for a parameter.
  func contains(_ parameter: Parameter) -> Bool { parameters.contains(ObjectIdentifier(parameter)) }

  /// Whether that is so of its rounded values too.
  func containsRounded(_ parameter: Parameter) -> Bool {
    withRounded && parameter.isMatrix && contains(parameter)
  }
}

extension Parameter {
  /// Whether products may read it rounded.
  fileprivate var isMatrix: Bool { shape.count > 1 }
}
