import GraftTensors

/// Reads a piece of a file's metadata from front to back, never beyond its end. Numbers are little-endian.
struct ByteReader {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  var count: Int { rest.count }

  mutating func bytes(_ count: Int) throws -> ArraySlice<UInt8> {
    guard count >= 0, count <= rest.count else {
      throw GraftError(.malformed, "a part of the file's structure is cut off")
    }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }

  mutating func skip(_ count: Int) throws { _ = try bytes(count) }

  mutating func integer<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) throws -> Number {
    try bytes(MemoryLayout<Number>.size).reversed().reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
  }

  /// A number of one to four bytes.
  mutating func int<Number: FixedWidthInteger & UnsignedInteger>(_ type: Number.Type) throws -> Int {
    Int(try integer(type))
  }

  /// A length of eight bytes.
  ///
  /// - Throws: ``GraftError`` when it is beyond any file.
  mutating func length() throws -> Int {
    let value = try integer(UInt64.self)
    guard let length = Int(exactly: value) else {
      throw GraftError(.malformed, "a length beyond any file", found: "\(value)")
    }
    return length
  }

  /// An address of eight bytes; `nil` when it says that there is nothing.
  mutating func address() throws -> Int? {
    let value = try integer(UInt64.self)
    guard value != .max else { return nil }
    guard let address = Int(exactly: value) else {
      throw GraftError(.malformed, "an address beyond any file", found: "\(value)")
    }
    return address
  }

  /// Demands a four-letter signature.
  mutating func signature(_ expected: String) throws {
    let found = try bytes(4)
    guard found.elementsEqual(expected.utf8) else {
      throw GraftError(
        .malformed, "a part of the file's structure is damaged", expected: "'\(expected)'",
        found: found.allSatisfy { 0x20..<0x7F ~= $0 }
          ? "'\(String(decoding: found, as: UTF8.self))'" : "other bytes")
    }
  }
}
