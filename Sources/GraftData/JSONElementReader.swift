import GraftTensors

/// Reads the elements of one JSON array, one at a time, so that only one is in memory.
struct JSONElementReader {
  private var input: ByteWindow
  private var count = 0
  private var isAtEnd = false

  init(_ input: ByteWindow) throws {
    self.input = input
    try self.input.skipByteOrderMark()
    guard try nextCharacter() == UInt8(ascii: "[") else {
      throw GraftError(.malformed, "not a JSON array", expected: "[{…}, {…}]")
    }
    self.input.skip(1)
    if try nextCharacter() == UInt8(ascii: "]") { try finish() }
  }

  /// Reads the next element; its row is its number, from 1.
  ///
  /// - Returns: Whether there was one.
  /// - Throws: `GraftError` naming the row that is not closed, or too long.
  mutating func read(into record: inout Record) throws -> Bool {
    guard !isAtEnd else { return false }
    count += 1
    record.clear()
    record.row = count
    var (depth, isInString, isEscaped) = (0, false, false)
    while true {
      guard let byte = try input.next() else { throw unclosed }
      if !isInString, depth == 0, byte == UInt8(ascii: ",") || byte == UInt8(ascii: "]") { break }
      input.skip(1)
      record.bytes.append(byte)
      guard record.bytes.count <= DelimitedReader.longestRecord else {
        throw GraftError(
          .malformed, "longer than \(DelimitedReader.longestRecord >> 20) MiB", subject: "row \(count)")
      }
      if isInString {
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
          isInString = false
        }
      } else {
        switch byte {
        case UInt8(ascii: "\""): isInString = true
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
        default: break
        }
      }
    }
    record.ends.append(record.bytes.count)
    if try input.next() == UInt8(ascii: ",") { input.skip(1) } else { try finish() }
    return true
  }

  /// Passes over the closing bracket, behind which nothing else may stand.
  private mutating func finish() throws {
    input.skip(1)
    isAtEnd = true
    if try nextCharacter() != nil {
      throw GraftError(.malformed, "text after the end of the JSON array", subject: "row \(count)")
    }
  }

  /// The next byte that is no white space.
  private mutating func nextCharacter() throws -> UInt8? {
    while let byte = try input.next() {
      guard byte <= 0x20 else { return byte }
      input.skip(1)
    }
    return nil
  }

  private var unclosed: GraftError {
    GraftError(
      .malformed, "the JSON array is not closed", subject: "row \(count)", advice: "The file may be cut off.")
  }
}
