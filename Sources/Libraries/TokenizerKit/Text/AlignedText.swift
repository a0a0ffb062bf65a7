/// Text that is being normalized, and which scalars of the original text each of its bytes stands for.
///
/// It follows `NormalizedString` of `tokenizers`: what normalizing puts in the place of a scalar has the place of that
/// one, and what it adds has the place of what precedes it.
public struct AlignedText: Sendable {
  /// UTF-8.
  public private(set) var bytes: [UInt8]
  /// By byte, where the scalars that it stands for begin and end in the original text. They never fall.
  public private(set) var starts: [Int32]
  public private(set) var ends: [Int32]
  /// Where the text begins in the original one.
  public let origin: Int

  /// - Parameters:
  ///   - text: UTF-8 that begins and ends between scalars.
  ///   - origin: What its first scalar is counted as.
  public init(_ text: some Collection<UInt8>, origin: Int) {
    bytes = Array(text)
    starts = []
    ends = []
    starts.reserveCapacity(bytes.count)
    ends.reserveCapacity(bytes.count)
    self.origin = origin
    var scalar = Int32(truncatingIfNeeded: origin) &- 1
    for byte in bytes {
      if byte & 0xC0 != 0x80 { scalar &+= 1 }
      starts.append(scalar)
      ends.append(scalar &+ 1)
    }
  }

  /// Empty text that takes parts of another; see ``append(_:of:)``.
  public init(expecting count: Int, origin: Int = 0) {
    bytes = []
    starts = []
    ends = []
    bytes.reserveCapacity(count)
    starts.reserveCapacity(count)
    ends.reserveCapacity(count)
    self.origin = origin
  }

  public var isEmpty: Bool { bytes.isEmpty }

  /// The place in the original text of some bytes; empty for none.
  public func place(of range: Range<Int>) -> Range<Int> {
    guard !range.isEmpty else { return origin..<origin }
    let start = Int(starts[range.lowerBound])
    return start..<max(start, Int(ends[range.upperBound - 1]))
  }

  /// Appends a part of another text as it is.
  public mutating func append(_ range: Range<Int>, of other: AlignedText) {
    bytes += other.bytes[range]
    starts += other.starts[range]
    ends += other.ends[range]
  }

  /// Appends a scalar with the place of a byte of another text.
  public mutating func append(_ scalar: UInt32, at index: Int, of other: AlignedText) {
    appendScalar(scalar, to: &bytes)
    place(other.starts[index], other.ends[index])
  }

  /// Appends text with the place of a byte of another text.
  public mutating func append(_ text: [UInt8], at index: Int, of other: AlignedText) {
    bytes += text
    place(other.starts[index], other.ends[index])
  }

  /// Appends a scalar that stands for nothing.
  mutating func appendBeforeAll(_ scalar: UInt32) {
    appendScalar(scalar, to: &bytes)
    place(Int32(truncatingIfNeeded: origin), Int32(truncatingIfNeeded: origin))
  }

  private mutating func place(_ start: Int32, _ end: Int32) {
    while starts.count < bytes.count {
      starts.append(start)
      ends.append(end)
    }
  }

  /// The scalars one by one, each with the place of its first byte.
  public func forEachScalar(_ body: (_ scalar: UInt32, _ index: Int) -> Void) {
    bytes.withUnsafeBufferPointer { bytes in
      var index = 0
      while index < bytes.count {
        let start = index
        body(decodeScalar(bytes, &index, end: bytes.count), start)
      }
    }
  }

  /// Puts what a body makes of each scalar in its place.
  ///
  /// - Parameter body: Gives the scalars to its second argument.
  public mutating func mapScalars(_ body: (_ scalar: UInt32, _ emit: (UInt32) -> Void) -> Void) {
    var result = AlignedText(expecting: bytes.count, origin: origin)
    forEachScalar { scalar, index in
      body(scalar) { result.append($0, at: index, of: self) }
    }
    self = result
  }

  /// Keeps a part.
  public mutating func keep(_ range: Range<Int>) {
    var result = AlignedText(expecting: range.count, origin: origin)
    result.append(range, of: self)
    self = result
  }

  /// Puts other text in the place of some ranges; it has the place of the last byte of what it replaces.
  ///
  /// - Parameter ranges: Not empty, from left to right, apart from each other.
  public mutating func replace(_ ranges: [Range<Int>], with content: [UInt8]) {
    guard !ranges.isEmpty else { return }
    var result = AlignedText(expecting: bytes.count, origin: origin)
    var position = 0
    for range in ranges {
      result.append(position..<range.lowerBound, of: self)
      result.append(content, at: range.upperBound - 1, of: self)
      position = range.upperBound
    }
    result.append(position..<bytes.count, of: self)
    self = result
  }
}

extension AlignedText {
  /// A scalar of the text to come.
  public struct Change: Sendable {
    public var scalar: UInt32
    /// 1 when the scalar is added; 0 when it replaces the next one of the old text; less when it also replaces as many
    /// that follow.
    public var change: Int

    public init(_ scalar: UInt32, _ change: Int) {
      self.scalar = scalar
      self.change = change
    }
  }

  /// Puts other scalars in the place of all.
  public mutating func transform(_ changes: [Change]) {
    var result = AlignedText(expecting: bytes.count, origin: origin)
    var offset = 0
    func skipScalar() {
      guard offset < bytes.count else { return }
      offset += 1
      while offset < bytes.count, bytes[offset] & 0xC0 == 0x80 { offset += 1 }
    }
    for change in changes {
      // More may be replaced than there is only when nothing is left.
      let index = change.change > 0 ? offset - 1 : min(offset, bytes.count - 1)
      if index < 0 {
        result.appendBeforeAll(change.scalar)
      } else {
        result.append(change.scalar, at: index, of: self)
      }
      if change.change <= 0 {
        for _ in 0...(-change.change) { skipScalar() }
      }
    }
    self = result
  }
}
