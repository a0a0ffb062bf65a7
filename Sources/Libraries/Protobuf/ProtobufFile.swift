import GraftTensors

/// A file read through a window that moves along: what stands close together costs one read, and what is skipped
/// is hardly read at all.
public final class ProtobufFile {
  public let file: RandomAccessFile
  private var window: [UInt8] = []
  private var start = 0
  /// Grows while the window moves on to what follows, and is small again after a jump.
  private var size = minimumSize
  private static let minimumSize = 1 << 9
  private static let maximumSize = 1 << 16

  public init(_ file: RandomAccessFile) { self.file = file }

  /// The fields of the whole file.
  public var fields: ProtobufFields { ProtobufFields(self, 0..<file.size) }

  /// Bytes at a place, which lies in the file.
  public func bytes(_ range: Range<Int>) throws -> ArraySlice<UInt8> {
    if range.count > Self.maximumSize { return try file.bytes(range)[...] }
    if range.lowerBound < start || range.upperBound > start + window.count {
      let isNext = range.lowerBound >= start && range.lowerBound <= start + window.count
      size = isNext ? min(Self.maximumSize, 2 * size) : Self.minimumSize
      start = range.lowerBound
      window = try file.bytes(start..<min(file.size, start + max(range.count, size)))
    }
    return window[(range.lowerBound - start)..<(range.upperBound - start)]
  }
}

/// The fields of a message in a file. What is not asked for is not read.
public struct ProtobufFields {
  private let source: ProtobufFile
  private var position: Int
  private let end: Int

  public enum Value {
    case number(UInt64)
    /// Where the bytes stand; they lie in the message.
    case bytes(Range<Int>)
  }

  /// - Parameters:
  ///   - source: The file.
  ///   - range: Where the message stands in it.
  public init(_ source: ProtobufFile, _ range: Range<Int>) {
    self.source = source
    (position, end) = (range.lowerBound, range.upperBound)
  }

  /// The next field's number and value; `nil` at the end.
  ///
  /// - Parameter allowingTruncation: Whether bytes may be fewer than they should.
  /// - Throws: `GraftError` when the message ends inside a field, or has one of an unknown kind.
  public mutating func next(allowingTruncation: Bool = false) throws -> (field: UInt64, value: Value)? {
    guard position < end else { return nil }
    var head = try source.bytes(position..<min(end, position + FieldHead.maximumSize))
    let available = head.count
    let (field, value) = try head.readFieldHead()
    position += available - head.count
    switch value {
    case .number(let number): return (field, .number(number))
    case .length(let length):
      let length = allowingTruncation ? min(length, UInt64(end - position)) : length
      guard length <= UInt64(end - position) else {
        throw GraftError(
          .malformed, "truncated: a field is longer than what holds it", expected: "\(length) bytes",
          found: "\(end - position)", advice: "Copy or download it again.")
      }
      defer { position += Int(length) }
      return (field, .bytes(position..<(position + Int(length))))
    }
  }
}
