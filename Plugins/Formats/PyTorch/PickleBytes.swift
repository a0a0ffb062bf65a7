import GraftTensors

/// The bytes of a pickle, read from front to back: from memory, or from a file through a window.
struct PickleBytes {
  /// More than any table of weights needs, and little enough to read.
  static let limit = 64 << 20
  /// The most bytes of a line.
  private static let maximumLine = 1 << 16

  private let file: RandomAccessFile?
  private let windowSize: Int
  private var window: [UInt8]
  /// Where the window begins in the file.
  private var start: Int
  private var next = 0

  init(_ bytes: [UInt8]) { (file, windowSize, window, start) = (nil, 0, bytes, 0) }

  /// - Parameters:
  ///   - file: The file.
  ///   - offset: Where the pickle begins in it.
  ///   - windowSize: How many bytes are read at a time.
  init(_ file: RandomAccessFile, from offset: Int, windowSize: Int = 1 << 16) {
    (self.file, self.windowSize, window, start) = (file, windowSize, [], offset)
  }

  /// Where the next byte stands.
  var position: Int { start + next }

  mutating func byte() throws -> UInt8 {
    if next == window.count { try refill(1) }
    defer { next += 1 }
    return window[next]
  }

  mutating func bytes(_ count: Int) throws -> ArraySlice<UInt8> {
    if count > window.count - next { try refill(count) }
    defer { next += count }
    return window[next..<next + count]
  }

  /// The bytes before the next line feed, which is left out.
  ///
  /// - Throws: ``GraftError`` when there are more than any name or number has.
  mutating func line() throws -> ArraySlice<UInt8> {
    var line: ArraySlice<UInt8> = []
    while case let byte = try byte(), byte != UInt8(ascii: "\n") {
      guard line.count < Self.maximumLine else {
        throw Pickle.broken("a line has more than \(Self.maximumLine) bytes")
      }
      line.append(byte)
    }
    return line
  }

  /// A little-endian number of up to eight bytes, without sign.
  mutating func number(_ count: Int) throws -> UInt64 {
    try bytes(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// A length, demanded to be within the pickle.
  mutating func length(_ count: Int) throws -> Int {
    let length = try number(count)
    guard length <= Self.limit else { throw Self.truncated }
    return Int(length)
  }

  private mutating func refill(_ count: Int) throws {
    let position = position
    guard let file, position <= file.size, count <= file.size - position else { throw Self.truncated }
    window = try file.bytes(position..<min(file.size, position + max(count, windowSize)))
    (start, next) = (position, 0)
  }

  private static let truncated = GraftError(
    .malformed, "truncated: the pickle ends without its end mark", advice: "Copy or download it again.")
}
