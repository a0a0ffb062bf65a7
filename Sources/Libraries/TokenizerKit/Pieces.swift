/// Token ids under construction, with where each stands in the text.
public struct Pieces: Sendable {
  public var ids: [Int32] = []
  /// In Unicode scalars of the original text.
  public var offsets: [Range<Int>] = []
  /// The number of pieces that is enough; producers may stop there.
  public let limit: Int
  /// The white space that pieces have taken from the text around them, by index of the piece. Added tokens do.
  public internal(set) var margins: [Int: Margin] = [:]

  /// How many white-space characters a token begins and ends with.
  public struct Margin: Sendable, Equatable {
    public var leading: Int32
    public var trailing: Int32

    public init(leading: Int32 = 0, trailing: Int32 = 0) {
      self.leading = leading
      self.trailing = trailing
    }
  }

  public init(limit: Int, expecting count: Int) {
    self.limit = limit
    ids.reserveCapacity(min(limit, count))
    offsets.reserveCapacity(min(limit, count))
  }

  @inlinable public var isFull: Bool { ids.count >= limit }

  @inlinable @inline(__always)
  public mutating func append(_ id: Int32, _ range: Range<Int>) {
    ids.append(id)
    offsets.append(range)
  }
}

extension Pieces {
  /// Turns places in a word, in bytes, into places in the text.
  @inlinable @inline(__always)
  public mutating func relocate(from first: Int, _ place: (Range<Int>) -> Range<Int>) {
    for index in first..<offsets.count { offsets[index] = place(offsets[index]) }
  }
}
