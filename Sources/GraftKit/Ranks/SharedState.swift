import GraftCompute
import GraftTensors

/// The state of an optimizer that each rank has a share of, as one process has it.
///
/// `Optimizer.isElementwise` says what such a state is made of.
extension GroupReduction {
  /// What ranks have to know of a tensor before it comes.
  private struct Announcement: Codable {
    let name: String
    let dtype: String
    let shape: [Int]

    var spec: TensorSpec { TensorSpec(DType(rawValue: dtype) ?? .float32, shape) }
  }

  /// The whole state on rank 0, from the shares of all. Every rank calls it.
  ///
  /// - Parameter own: This rank's share.
  /// - Returns: On other ranks their share.
  /// - Throws: What went wrong between ranks.
  func gatheredState(_ own: Weights) throws -> Weights {
    guard dividesOptimizer else { return own }
    // Rank 0 has a share of every parameter.
    let all = try group.valueFromLeader {
      own.tensors.compactMap { name, tensor in
        parameter(of: name).map {
          Announcement(name: name, dtype: tensor.spec.dtype.rawValue, shape: $0.shape)
        }
      }
    }
    var whole = own
    for announcement in all {
      let spec = announcement.spec
      let share = try own[announcement.name]?.bytes() ?? []
      let bytes = try withBytes(group.leads ? spec.byteCount : 0) { bytes in
        try share.withUnsafeBytes { share in
          try group.exchange(
            sent: { $0 == 0 ? share : UnsafeRawBufferPointer(start: nil, count: 0) },
            received: { bytes.part(group.leads ? range(of: spec, on: $0) : 0..<0) })
          if group.leads { bytes.copyMemory(from: share) }
        }
      }
      if group.leads { whole[announcement.name] = LazyTensor(spec, bytes: bytes) }
    }
    return whole
  }

  /// This rank's share of a state that rank 0 reads. Every rank calls it.
  ///
  /// - Throws: What `read` throws on rank 0; what went wrong between ranks.
  func receivedState(_ read: () throws -> Weights) throws -> Weights {
    var whole = Weights()
    let (all, metadata) = try group.valueFromLeader { () -> Described in
      whole = try read()
      return Described(
        tensors: whole.tensors.map { name, tensor in
          Announcement(name: name, dtype: tensor.spec.dtype.rawValue, shape: tensor.spec.shape)
        }, metadata: whole.metadata)
    }.parts
    var own = Weights()
    own.metadata = metadata.filter { name, _ in
      parameter(of: name).map {
        !dividesOptimizer || !range(of: TensorSpec(.float32, $0.shape), on: group.rank).isEmpty
      }
        ?? true
    }
    for announcement in all {
      let spec = announcement.spec
      var bytes: [UInt8] = []
      try group.onLeader { bytes = try whole[announcement.name]?.bytes() ?? [] }
      guard dividesOptimizer, parameter(of: announcement.name)?.shape == spec.shape else {
        if !group.leads { bytes = [UInt8](repeating: 0, count: spec.byteCount) }
        try bytes.withUnsafeMutableBytes { try group.broadcast($0) }
        own[announcement.name] = LazyTensor(spec, bytes: bytes)
        continue
      }
      let mine = range(of: spec, on: group.rank)
      let share = try withBytes(mine.count) { share in
        try bytes.withUnsafeBytes { bytes in
          try group.exchange(
            sent: { group.leads ? bytes.part(range(of: spec, on: $0)) : bytes.part(0..<0) },
            received: { $0 == 0 && !group.leads ? share : share.part(0..<0) })
          if group.leads { share.copyMemory(from: bytes.part(mine)) }
        }
      }
      guard !mine.isEmpty else { continue }
      own[announcement.name] = LazyTensor(
        TensorSpec(spec.dtype, [mine.count / spec.dtype.byteCount]), bytes: share)
    }
    return own
  }

  /// All of what a state has.
  private struct Described: Codable {
    let tensors: [Announcement]
    let metadata: [String: String]
    var parts: ([Announcement], [String: String]) { (tensors, metadata) }
  }

  /// The bytes of a rank's share.
  private func range(of spec: TensorSpec, on rank: Int) -> Range<Int> {
    let elements = shares.elements(of: spec.elementCount, on: rank)
    return elements.lowerBound * spec.dtype.byteCount..<elements.upperBound * spec.dtype.byteCount
  }

  /// Whose the state called `KIND.NAME` is.
  private func parameter(of name: String) -> Parameter? {
    name.firstIndex(of: ".").flatMap { parameters[String(name[name.index(after: $0)...])] }
  }

  private func withBytes(
    _ count: Int, _ fill: (UnsafeMutableRawBufferPointer) throws -> Void
  ) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    try bytes.withUnsafeMutableBytes(fill)
    return bytes
  }
}

extension UnsafeRawBufferPointer {
  fileprivate func part(_ range: Range<Int>) -> Self { Self(rebasing: self[range]) }
}

extension UnsafeMutableRawBufferPointer {
  fileprivate func part(_ range: Range<Int>) -> Self { Self(rebasing: self[range]) }
}
