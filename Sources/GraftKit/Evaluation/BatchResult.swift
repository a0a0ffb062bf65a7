import GraftCompute
import GraftCore

/// What a forward pass says about a batch: the scores of the active head, and the loss of each head.
struct BatchResult {
  /// `nil` where the head has none for this batch, or they have been counted.
  var scores: Tensor?
  /// What is counted of the scores, where that is all that is wanted of them.
  var counts: Metrics.Counts?
  var losses: [(head: String, value: Double, weight: Double)]
}

extension BatchResult {
  /// For other ranks, of whose models the heads have the same order.
  func bytes(_ heads: [String]) throws -> [UInt8] {
    var bytes: [UInt8] = []
    for head in heads {
      let own = losses.first { $0.head == head }
      bytes.append(word: own == nil ? 0 : 1)
      bytes.append(word: (own?.value ?? 0).bitPattern)
      bytes.append(word: (own?.weight ?? 0).bitPattern)
    }
    let counted = try counts.map { try Shared.bytes($0) } ?? []
    bytes.append(word: UInt64(counted.count))
    bytes.append(word: scores == nil ? 0 : 1)
    if let scores {
      bytes.append(word: UInt64(scores.shape.count))
      for extent in scores.shape { bytes.append(word: UInt64(extent)) }
      bytes.append(contentsOf: UnsafeRawBufferPointer(scores.buffer))
    }
    return bytes + counted
  }

  /// - Parameter bytes: What ``bytes(_:)`` made on another rank.
  init(_ bytes: [UInt8], _ heads: [String]) throws {
    var words = stride(from: 0, to: bytes.count, by: 8).lazy.map { bytes.word(at: $0) }.makeIterator()
    func next() -> UInt64 { words.next() ?? 0 }
    losses = heads.compactMap { head in
      let (isThere, value, weight) = (next(), next(), next())
      return isThere == 0 ? nil : (head, Double(bitPattern: value), Double(bitPattern: weight))
    }
    let counted = Int(next())
    if counted > 0 { counts = try Shared.value(Array(bytes.suffix(counted))) }
    guard next() != 0 else { return }
    let shape = (0..<next()).map { _ in Int(next()) }
    let tensor = Tensor(uninitialized: shape)
    let start = 8 * (3 * heads.count + 3 + shape.count)
    bytes.withUnsafeBytes {
      UnsafeMutableRawBufferPointer(tensor.buffer).copyMemory(
        from: .init(rebasing: $0[start..<start + 4 * tensor.count]))
    }
    scores = tensor
  }
}
