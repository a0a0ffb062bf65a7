import GraftTensors

/// Reads a header from front to back through a window, never beyond the file's end. Numbers are little-endian.
struct HeaderReader {
  private let file: RandomAccessFile
  private var window: [UInt8] = []
  /// Where in the window, and where in the file the window ends.
  private var index = 0
  private var end = 0

  init(_ file: RandomAccessFile) { self.file = file }

  var position: Int { end - window.count + index }
  var remaining: Int { file.size - position }

  mutating func bytes(_ count: Int) throws -> ArraySlice<UInt8> {
    guard count <= remaining else {
      throw Header.truncated("the header needs at least \(position + count) bytes, the file has \(file.size)")
    }
    if count > window.count - index {
      let start = position
      end = start + min(remaining, max(count, 1 << 16))
      window = try file.bytes(start..<end)
      index = 0
    }
    defer { index += count }
    return window[index..<(index + count)]
  }

  mutating func integer<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) throws -> Number {
    try bytes(MemoryLayout<Number>.size).reversed().reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
  }

  /// A count of what takes at least `size` bytes each, all of which have to fit in the rest of the file.
  mutating func count(of what: String, size: Int) throws -> Int {
    let value = try integer(UInt64.self)
    guard let count = Int(exactly: value), count <= remaining / size else {
      throw GraftError(
        .malformed, "more \(what) than the file has room for", expected: "at most \(remaining / size)",
        found: "\(value)")
    }
    return count
  }

  mutating func string() throws -> String {
    let length = try count(of: "characters", size: 1)
    guard let text = String(validating: try bytes(length), as: UTF8.self) else {
      throw GraftError(.malformed, "a text that is not UTF-8")
    }
    return text
  }
}
