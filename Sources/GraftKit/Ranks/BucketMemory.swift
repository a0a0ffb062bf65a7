import GraftCompute

/// The numbers of some tensors that go out together: where they are, or side by side in a copy where they are few of many.
final class BucketMemory: @unchecked Sendable {
  // Used by one thread at a time.
  typealias Part = (tensor: Tensor, places: Range<Int>)

  let parts: [Part]
  private let shares: RankShares
  /// `[ranks, numbers of a rank]`; `nil` where the only tensor's own memory serves.
  private let copy: Tensor?
  private let width: Int

  /// - Parameters:
  ///   - parts: Tensors, and some places of every rank's share of each.
  ///   - isCopied: Whether they are packed together.
  ///   - room: Makes room for the copy, of a shape.
  init(
    _ parts: [Part], _ shares: RankShares, isCopied: Bool,
    room: ([Int]) -> Tensor = { Tensor(repeating: 0, shape: $0) }
  ) {
    (self.parts, self.shares) = (parts, shares)
    width = parts.reduce(0) { $0 + $1.places.count }
    copy = isCopied ? room([shares.size, width]) : nil
  }

  /// The numbers of a rank.
  func numbers(of rank: Int) -> UnsafeMutableBufferPointer<Float> {
    if let copy { return UnsafeMutableBufferPointer(start: copy.pointer + rank * width, count: width) }
    let elements = elements(0, of: rank)
    return UnsafeMutableBufferPointer(
      start: parts[0].tensor.pointer + elements.lowerBound, count: elements.count)
  }

  /// The elements of a tensor that are a rank's.
  private func elements(_ index: Int, of rank: Int) -> Range<Int> {
    shares.elements(of: parts[index].tensor.count, on: rank, at: parts[index].places)
  }

  /// Gives each tensor's elements of a rank to `body`.
  func forEach(of rank: Int, _ body: (Int, Range<Int>) -> Void) {
    for index in parts.indices { body(index, elements(index, of: rank)) }
  }

  /// Copies a rank's numbers from the tensors.
  func pack(_ rank: Int) { move(rank) { $0.update(from: $1, count: $2) } }

  /// Copies them back.
  func unpack(_ rank: Int) { move(rank) { $1.update(from: $0, count: $2) } }

  private func move(
    _ rank: Int, _ move: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void
  ) {
    guard let copy else { return }
    var next = copy.pointer + rank * width
    for (index, part) in parts.enumerated() {
      let elements = elements(index, of: rank)
      move(next, part.tensor.pointer + elements.lowerBound, elements.count)
      next += part.places.count
    }
  }
}
